import { requireRunning } from '../containers/record.ts';
import type { AttachRequest } from '../spec/cri/api_pb.js';
import { seenContainer } from './container-status.ts';
import type { Daemon } from './daemon.ts';
import { requestedStreams } from './requests.ts';

/** A URL at which the client may join the streams of the container's own process. */
export const attach = async (daemon: Daemon, request: AttachRequest) => {
  const record = seenContainer(daemon, request.containerId);
  requireRunning(record, 'attach to');
  const streams = requestedStreams(request);
  const { stdin, stdout, stderr } = streams;
  const { tty } = record.config;
  const url = daemon.streaming.attachUrl({ ...streams, tty }, async (signal) => {
    const { session } = await daemon.shim.call(
      'attachSession',
      { id: record.id, stdin, stdout, stderr },
      signal,
    );
    return daemon.shim.openSession(session, signal);
  });
  return { url };
};
