import type { Http2Server, ServerHttp2Session } from 'node:http2';
import { http2 } from '../../core/builtin-http.ts';
import { Fail } from '../../core/fail.ts';
import { type CallOptions, serveCall } from './call.ts';

/** A kubelet has one connection, on which a probe of each container may be under way at a time. */
const MOST_CALLS = 2 ** 31 - 1;

/** Node counts the memory of a connection in megabytes, and breaks off those that need more: one largest message, and room. */
const sessionMegabytes = (maxMessageBytes: number): number => Math.ceil(maxMessageBytes / 1e6) * 2;

export interface GrpcServer {
  /** Takes no more calls, waits for those in flight up to `graceMs`, then breaks them off. */
  close(graceMs: number): Promise<void>;
}

/** Serves gRPC over HTTP/2 without TLS at a unix socket. */
export const listenForCalls = async (path: string, options: CallOptions): Promise<GrpcServer> => {
  const server = http2.createServer({
    maxSessionMemory: sessionMegabytes(options.maxMessageBytes),
    settings: { maxConcurrentStreams: MOST_CALLS },
  });
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  // Who does not speak HTTP/2, or hangs up in the middle: 'close' follows.
  server.on('sessionError', () => {});
  server.on('stream', (stream, headers) => void serveCall(stream, headers, options));
  await listening(server, path);
  return { close: (graceMs) => close(server, sessions, graceMs) };
};

const listening = (server: Http2Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(new Fail('Internal', `cannot listen on ${path}`, { cause })));
    server.listen(path, resolve);
  });

const close = (
  server: Http2Server,
  sessions: ReadonlySet<ServerHttp2Session>,
  graceMs: number,
): Promise<void> =>
  new Promise((resolve) => {
    const breakOff = setTimeout(() => {
      for (const session of sessions) session.destroy();
    }, graceMs);
    server.close(() => {
      clearTimeout(breakOff);
      resolve();
    });
    for (const session of sessions) session.close();
  });
