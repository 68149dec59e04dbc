import { createLog, type Log } from '../../../runtime/observe/log.ts';
import {
  createStreamingServer,
  type StreamingServer,
  type StreamingServerOptions,
} from '../../../runtime/streaming/server.ts';

/** A log whose lines can be looked at. */
export const recordingLog = (): { readonly log: Log; readonly lines: string[] } => {
  const lines: string[] = [];
  return { lines, log: createLog({ level: 'debug', journal: false, write: (line) => lines.push(line) }) };
};

/** A streaming server on a free port of loopback, with patience that suits a test. */
export const startServer = async (
  options: Partial<StreamingServerOptions> = {},
): Promise<{ server: StreamingServer; baseUrl: string; lines: string[] }> => {
  const { log, lines } = recordingLog();
  const server = createStreamingServer({
    address: '127.0.0.1',
    port: 0,
    idleTimeoutMs: 60_000,
    creationTimeoutMs: 5_000,
    tokenTtlMs: 10_000,
    log,
    ...options,
  });
  const { baseUrl } = await server.listen();
  return { server, baseUrl, lines };
};
