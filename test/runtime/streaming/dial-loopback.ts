import { connect } from 'node:net';
import type { Duplex } from 'node:stream';

/** Dials a port of this machine, as the daemon dials one in a pod's network namespace. */
export const dialLoopback = (port: number): Promise<Duplex> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
