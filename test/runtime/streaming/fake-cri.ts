import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requestedStreams } from '../../../runtime/cri/requests.ts';
import { implement, serve } from '../../../runtime/cri/transport.ts';
import { ImageService, RuntimeService } from '../../../runtime/spec/cri/api_pb.js';
import type { StreamingServer } from '../../../runtime/streaming/server.ts';
import { dialLoopback } from './dial-loopback.ts';
import type { LocalSessions } from './local-session.ts';
import { recordingLog } from './start-server.ts';

/** A CRI of just what `crictl exec`, `attach` and `port-forward` ask; a "container" is this machine. */
export const startFakeCri = async (
  streaming: StreamingServer,
  sessions: LocalSessions,
  attached: readonly string[],
) => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-streaming-'));
  const path = join(folder, 'cri.sock');
  const cri = await serve({
    listen: path,
    maxMessageBytes: 16 * 1024 * 1024,
    log: recordingLog().log,
    implementations: [
      implement(ImageService, { imageFsInfo: async () => ({}) }),
      implement(RuntimeService, {
        version: async () => ({
          version: '0.1.0',
          runtimeName: 'berth-test',
          runtimeVersion: '0.0.0',
          runtimeApiVersion: 'v1',
        }),
        exec: async (request) => ({
          url: streaming.execUrl(requestedStreams(request), () => sessions.open(request.cmd, request.tty)),
        }),
        attach: async (request) => ({
          url: streaming.attachUrl(requestedStreams(request), () => sessions.open(attached, request.tty)),
        }),
        portForward: async () => ({ url: streaming.portForwardUrl(dialLoopback) }),
      }),
    ],
  });
  return {
    endpoint: `unix://${path}`,
    close: async () => {
      await cri.close(0);
      await rm(folder, { recursive: true });
    },
  };
};
