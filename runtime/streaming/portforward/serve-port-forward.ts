import type { Duplex } from 'node:stream';
import type { ServeOptions } from '../endpoint.ts';
import { reportEnd } from '../report-end.ts';
import { SpdyConnection } from '../spdy/connection.ts';
import { type Dial, forward } from './forward.ts';
import { StreamPairs } from './stream-pairs.ts';

/** The protocol's name in the handshake of SPDY; over WebSocket, SPDY itself is tunnelled under a longer name. */
export const PORT_FORWARD_PROTOCOL = 'portforward.k8s.io';

/** Two for each forwarded connection. */
const MAX_PORT_FORWARD_STREAMS = 512;

/** Forwards connections for as long as the client stays. Resolves when it is gone and all of them have ended. */
export const servePortForward = async (socket: Duplex, dial: Dial, options: ServeOptions): Promise<void> => {
  const pairs = new StreamPairs(options.creationTimeoutMs);
  const forwards = new Set<Promise<void>>();
  const connection = new SpdyConnection(socket, {
    maxStreams: MAX_PORT_FORWARD_STREAMS,
    idleTimeoutMs: options.idleTimeoutMs,
    probeIntervalMs: options.probeIntervalMs,
    onStream: (stream) => {
      const pair = pairs.add(stream);
      if (pair === undefined) return;
      const done = forward(pair, dial, connection.signal).then((error) => {
        forwards.delete(done);
        if (error !== undefined) options.log.warn('port-forward failed', { port: pair.port, error });
      });
      forwards.add(done);
    },
  });
  await connection.closed;
  await Promise.all(forwards);
  reportEnd(options.log, 'port-forward', connection.failure);
};
