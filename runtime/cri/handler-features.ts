import type { RuntimeHandler } from '../config/config.ts';
import { Fail } from '../core/fail.ts';
import type { HostFacts } from '../oci/input.ts';
import { knownHoles, parseRuntimeVersion, quirksOf } from '../oci/runtime-command.ts';
import type { PodContext } from '../pods/context.ts';
import { missingForUserNamespaces } from '../pods/user-namespaces-probe.ts';
import { type ContainerConfig, NamespaceMode } from '../spec/cri/api_pb.js';

const VERSION_TIMEOUT_MS = 10_000;

export interface HandlerFeatures {
  readonly recursiveReadOnlyMounts: boolean;
  readonly userNamespaces: boolean;
  /** See `RuntimeQuirks`. */
  readonly ownKernel: boolean;
  readonly execFifo: boolean;
}

/** What is behind such an API has no version that says what it can do: it gets what all of them have. */
const OF_A_SHIM: HandlerFeatures = {
  recursiveReadOnlyMounts: false,
  userNamespaces: false,
  ownKernel: false,
  execFifo: false,
};

export interface Asking extends Pick<PodContext, 'roots' | 'shim' | 'log'> {
  readonly host: Pick<HostFacts, 'kernel'>;
}

/**
 * What a handler can do: its program is asked for its version and this machine for its share, both once, and again
 * after a failure to answer.
 */
export const createHandlerFeatures = (asking: Asking) => {
  const { shim, log, host } = asking;
  const known = new Map<string, HandlerFeatures>();
  const { major, minor } = host.kernel;
  /** mount_setattr(2), which makes whole mount trees read-only. */
  const kernelHasRecursive = major > 5 || (major === 5 && minor >= 12);
  const userNamespaces = once(async () => {
    const missing = await missingForUserNamespaces(asking);
    if (missing !== undefined) log.info('pods cannot have user namespaces here', { error: missing });
    return missing === undefined;
  });
  return async ({ path, vm }: RuntimeHandler): Promise<HandlerFeatures> => {
    if (vm !== undefined) return OF_A_SHIM;
    const before = known.get(path);
    if (before !== undefined) return before;
    try {
      const signal = AbortSignal.timeout(VERSION_TIMEOUT_MS);
      const run = { argv: [path, '--version'], timeoutMs: VERSION_TIMEOUT_MS };
      const { stdout } = await shim.call('run', run, signal);
      const version = parseRuntimeVersion(stdout);
      const holes = knownHoles(version);
      if (holes !== undefined) log.warn(holes, { path });
      const quirks = quirksOf(version);
      const features = {
        recursiveReadOnlyMounts: quirks.recursiveReadOnlyMounts && kernelHasRecursive,
        userNamespaces: quirks.userNamespaces && (await userNamespaces()),
        ownKernel: quirks.ownKernel,
        execFifo: quirks.execFifo,
      };
      known.set(path, features);
      return features;
    } catch (error) {
      log.warn('cannot find out what an OCI runtime can do', { path, error });
      return { recursiveReadOnlyMounts: false, userNamespaces: false, ownKernel: false, execFifo: false };
    }
  };
};

/** What a container relies on and not every OCI runtime has. The kubelet looks for the word in front. */
export const requireFeatures = (
  { recursiveReadOnlyMounts, ownKernel }: HandlerFeatures,
  { name }: RuntimeHandler,
  config: ContainerConfig,
  pids: NamespaceMode,
): void => {
  const mount = config.mounts.find(({ recursiveReadOnly }) => recursiveReadOnly);
  if (mount !== undefined && !recursiveReadOnlyMounts)
    throw new Fail(
      'FailedPrecondition',
      `RROUnsupported: mount ${mount.containerPath}: runtime handler ${name} has no recursive read-only mounts here`,
    );
  if (ownKernel && pids !== NamespaceMode.CONTAINER)
    throw new Fail(
      'FailedPrecondition',
      `namespace_options.pid is ${NamespaceMode[pids]}, but containers of runtime handler ${name} see no processes but their own`,
    );
};

/** Remembers the answer, not a failure to get one. */
const once = <T>(ask: () => Promise<T>): (() => Promise<T>) => {
  let answer: Promise<T> | undefined;
  return () => {
    answer ??= ask().catch((error: unknown) => {
      answer = undefined;
      throw error;
    });
    return answer;
  };
};
