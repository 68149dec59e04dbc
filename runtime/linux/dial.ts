import { isIPv6, Socket } from 'node:net';
import { systemCall } from './ffi.ts';
import { inNamespace } from './namespaces.ts';

const socketCall = systemCall('socket', ['int', 'int', 'int']);

/**
 * A TCP connection made inside the network namespace at `path`; `host` is an IP address there (usually
 * 127.0.0.1). The socket is made inside within this tick and connects from outside, since a socket stays where
 * it was made. Emits `connect`, or `error` (ECONNREFUSED …), as any net.Socket.
 */
export function dialInNamespace(path: string, { host, port }: { host: string; port: number }): Socket {
  const [AF_INET, AF_INET6, SOCK_STREAM_CLOEXEC_NONBLOCK] = [2, 10, 0o2004001];
  const family = isIPv6(host) ? AF_INET6 : AF_INET;
  const fd = inNamespace(path, () => socketCall(family, SOCK_STREAM_CLOEXEC_NONBLOCK, 0));
  const socket = new Socket({ fd, readable: true, writable: true });
  try {
    return socket.connect({ host, port });
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
