import { closeSync, openSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Fail } from '../../../core/fail.ts';
import { makePipe } from '../../../linux/fds.ts';
import { BootstrapParamsSchema, BootstrapResultSchema } from '../../../spec/ttrpc/task/bootstrap_pb.js';
import { bareEnvironment, killGroup, startChild } from '../processes/children.ts';
import { FdCapture } from '../processes/fd-capture.ts';
import { within } from '../processes/run.ts';

/** Where a program that serves tasks is to be found. */
export interface ShimAddress {
  /** Path of a unix socket. */
  readonly socket: string;
  /** 2 or 3: of the task service, which is the same but for its name. */
  readonly version: number;
}

export interface ShimBinary {
  /** `containerd-shim-kata-v2` or the like. */
  readonly path: string;
  readonly id: string;
  /** With config.json. */
  readonly bundle: string;
  /** Socket of the service to which events go. */
  readonly events: string;
  readonly timeoutMs: number;
}

/** Ids of berth's tasks must not meet those of a containerd on the same node. */
const NAMESPACE = 'berth';

const OUTPUT_LIMIT = 1024 * 1024;

/** After it has ended, what it started may hold its output open. */
const LINGER_MS = 200;

/**
 * `<binary> … start`: starts the program that serves the task, or finds the one that serves its pod already, and says
 * where. Source: "Shim Start" in core/runtime/v2/README.md of github.com/containerd/containerd.
 */
export const startShim = async (binary: ShimBinary): Promise<ShimAddress> => {
  const parameters = create(BootstrapParamsSchema, {
    instanceId: binary.id,
    namespace: NAMESPACE,
    containerdTtrpcAddress: binary.events,
    containerdGrpcAddress: binary.events,
  });
  const answer = await call(binary, 'start', toBinary(BootstrapParamsSchema, parameters));
  const { address, version, protocol } = parseAnswer(answer);
  if (protocol !== 'ttrpc' || !address.startsWith('unix://') || version < 2 || version > 3)
    throw new Fail(
      'Unimplemented',
      `${basename(binary.path)} serves version ${version} of the task service by ${protocol} at ${JSON.stringify(address)}`,
      { hint: 'berth speaks versions 2 and 3 by ttrpc over a unix socket' },
    );
  return { socket: address.slice('unix://'.length), version };
};

/** `<binary> … delete`: takes away what one leaves that has died. */
export const deleteByBinary = async (binary: ShimBinary): Promise<void> => {
  await call(binary, 'delete', Buffer.alloc(0));
};

const call = async (binary: ShimBinary, action: 'start' | 'delete', input: Uint8Array): Promise<Buffer> => {
  const { path, id, bundle, events, timeoutMs } = binary;
  const argv = [path, '-namespace', NAMESPACE, '-address', events, '-publish-binary', path, '-id', id];
  const stdin = stdinWith(join(bundle, `bootstrap-${action}`), input);
  const [output, errors] = [makePipe(), makePipe()];
  const [out, err] = [new FdCapture(output.read, OUTPUT_LIMIT), new FdCapture(errors.read, OUTPUT_LIMIT)];
  try {
    const child = start({
      argv: [...argv, ...(action === 'delete' ? ['-bundle', bundle] : []), action],
      env: environment(events),
      cwd: bundle,
      stdio: [stdin, output.write, errors.write],
    });
    for (const fd of [stdin, output.write, errors.write]) closeSync(fd);
    const timer = setTimeout(() => killGroup(child.pid), timeoutMs);
    const status = await child.exited.finally(() => clearTimeout(timer));
    await within(LINGER_MS, Promise.all([out.ended, err.ended]));
    if (status?.exitCode === 0) return out.result.bytes;
    throw refused(path, action, err.result.bytes);
  } finally {
    out.close();
    err.close();
  }
};

/** What it reads from its input: a file without a name would do, but old kernels have none on every file system. */
const stdinWith = (file: string, bytes: Uint8Array): number => {
  writeFileSync(file, bytes, { mode: 0o600 });
  return openSync(file, 'r');
};

const start = (request: Parameters<typeof startChild>[0]) => {
  try {
    return startChild(request);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Fail('NotFound', `cannot run ${request.argv[0]}: ${why}`, {
      hint: 'install it, or name another in runtime_path of the runtime handler',
      cause,
    });
  }
};

const environment = (events: string): Record<string, string> => ({
  ...bareEnvironment,
  NAMESPACE,
  TTRPC_ADDRESS: events,
  GRPC_ADDRESS: events,
  MAX_SHIM_VERSION: '3',
  GOMAXPROCS: '2',
});

const refused = (path: string, action: string, errors: Buffer): Fail => {
  const said = errors.toString('utf8').trim().slice(-2000);
  return new Fail('FailedPrecondition', `${basename(path)} ${action}: ${said === '' ? 'it failed' : said}`);
};

/** A message of protobuf, JSON, or the bare address, by the age of the program. */
const parseAnswer = (
  bytes: Buffer,
): { readonly address: string; readonly version: number; readonly protocol: string } => {
  const text = bytes.toString('utf8').trim();
  if (text.startsWith('unix://')) return { address: text, version: 2, protocol: 'ttrpc' };
  try {
    if (text.startsWith('{')) return { version: 2, protocol: 'ttrpc', ...JSON.parse(text) };
    return fromBinary(BootstrapResultSchema, bytes);
  } catch (cause) {
    throw new Fail('Internal', `what a shim printed is no address: ${JSON.stringify(text.slice(0, 200))}`, {
      cause,
    });
  }
};
