import { randomUUID } from 'node:crypto';
import { readSpec } from '../containers/bundle.ts';
import { requireRunning } from '../containers/record.ts';
import { Fail } from '../core/fail.ts';
import { execProcess } from '../oci/process.ts';
import type { Methods } from '../shim/protocol/messages.ts';
import type { ExecSyncRequest } from '../spec/cri/api_pb.js';
import { seenContainer } from './container-status.ts';
import type { Daemon } from './daemon.ts';
import { requestedMilliseconds } from './requests.ts';
import { requireWords } from './require-sizes.ts';
import type { Call } from './transport.ts';

/** The kubelet takes messages of at most 16 MiB: so much for each of the two outputs, and room for the rest. */
const OUTPUT_LIMIT_BYTES = 8 * 1024 * 1024 - 1024;

/** For the shim to take note that a client has left. */
const END_MS = 10_000;

/** Runs a command in the container to its end. An exit code other than 0 is an answer, not an error. */
export const execSync = async (daemon: Daemon, request: ExecSyncRequest, call: Call) => {
  const record = seenContainer(daemon, request.containerId);
  requireRunning(record, 'run a command in');
  if (request.cmd.length === 0) throw new Fail('InvalidArgument', 'ExecSync needs cmd');
  requireWords('cmd', request.cmd);
  if (request.timeout < 0n) throw new Fail('InvalidArgument', `timeout ${request.timeout} is less than 0`);
  const result = await untilEndOrLeft(daemon, call.signal, {
    id: record.id,
    process: execProcess(readSpec(daemon.roots, record.id), { args: request.cmd, tty: false }),
    timeoutMs: requestedMilliseconds(request.timeout),
    outputLimitBytes: OUTPUT_LIMIT_BYTES,
  });
  if (result.timedOut)
    throw new Fail(
      'DeadlineExceeded',
      `command ${JSON.stringify(request.cmd[0])} timed out after ${request.timeout} s`,
    );
  return {
    stdout: Buffer.from(result.stdout, 'base64'),
    stderr: Buffer.from(result.stderr, 'base64'),
    exitCode: result.exitCode,
  };
};

/** A client that leaves takes its command with it, whether or not the request had a timeout. */
const untilEndOrLeft = async (
  { shim, log }: Daemon,
  left: AbortSignal,
  params: Methods['exec']['params'],
): Promise<Methods['exec']['result']> => {
  const execId = randomUUID();
  const end = (): void => {
    shim
      .call('endExec', { execId }, AbortSignal.timeout(END_MS))
      .catch((error: unknown) => log.warn('a command that nobody waits for may run on', { execId, error }));
  };
  left.addEventListener('abort', end, { once: true });
  try {
    return await shim.call('exec', { ...params, execId }, left);
  } finally {
    left.removeEventListener('abort', end);
  }
};
