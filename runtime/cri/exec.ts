import { readSpec } from '../containers/bundle.ts';
import { requireRunning } from '../containers/record.ts';
import { Fail } from '../core/fail.ts';
import { execProcess } from '../oci/process.ts';
import type { ExecRequest } from '../spec/cri/api_pb.js';
import { seenContainer } from './container-status.ts';
import type { Daemon } from './daemon.ts';
import { requestedStreams } from './requests.ts';
import { requireWords } from './require-sizes.ts';

/** A URL at which the client may run the command. The process starts when the client has come. */
export const exec = async (daemon: Daemon, request: ExecRequest) => {
  const record = seenContainer(daemon, request.containerId);
  requireRunning(record, 'run a command in');
  if (request.cmd.length === 0) throw new Fail('InvalidArgument', 'Exec needs cmd');
  requireWords('cmd', request.cmd);
  const streams = requestedStreams(request);
  const { tty, stdin } = streams;
  const url = daemon.streaming.execUrl(streams, async (signal) => {
    const process = execProcess(readSpec(daemon.roots, record.id), { args: request.cmd, tty });
    const params = { id: record.id, process, stdin };
    // A client that leaves meanwhile leaves a process behind, which only its session can end.
    const { session } = await daemon.shim.call('execSession', params, new AbortController().signal);
    return daemon.shim.openSession(session, signal);
  });
  return { url };
};
