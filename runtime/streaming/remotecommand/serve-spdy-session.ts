import type { Duplex } from 'node:stream';
import type { ServeOptions, SessionEndpoint } from '../endpoint.ts';
import { reportEnd } from '../report-end.ts';
import { SpdyConnection } from '../spdy/connection.ts';
import { serveSession } from './serve-session.ts';
import { MAX_REMOTECOMMAND_STREAMS, type SpdyProtocol, SpdyRemote } from './spdy-remote.ts';

/** Serves one exec or attach to a client that speaks SPDY. Resolves when the client is gone. */
export const serveSpdySession = async (
  socket: Duplex,
  protocol: SpdyProtocol,
  endpoint: SessionEndpoint,
  options: ServeOptions,
): Promise<void> => {
  const connection = new SpdyConnection(socket, {
    maxStreams: MAX_REMOTECOMMAND_STREAMS,
    idleTimeoutMs: options.idleTimeoutMs,
    probeIntervalMs: options.probeIntervalMs,
    onStream: (stream) => remote.add(stream),
  });
  const remote = new SpdyRemote(connection, protocol, endpoint.streams);
  const outcome = await serveSession(remote, endpoint.streams, async (signal) => {
    await remote.whenComplete(options.creationTimeoutMs);
    return endpoint.open(signal);
  });
  await connection.closed;
  reportEnd(
    options.log,
    endpoint.kind,
    connection.failure ?? (outcome.kind === 'failed' ? outcome.error : undefined),
  );
};
