import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * A way to a port that takes `delayMs` longer in each direction, as a far network would: bytes are late, and as many
 * may be under way as anybody likes. The three packets that open a TCP connection are not delayed.
 */
export const startDelay = async (target: {
  readonly host: string;
  readonly port: number;
  readonly delayMs: number;
}): Promise<{ readonly port: number; close(): Promise<void> }> => {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ host: target.host, port: target.port, allowHalfOpen: true, noDelay: true });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (chunk) => void setTimeout(() => to.write(chunk), target.delayMs));
      from.on('end', () => void setTimeout(() => to.end(), target.delayMs));
      from.on('error', () => to.destroy());
      from.on('close', () => void sockets.delete(from));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
};
