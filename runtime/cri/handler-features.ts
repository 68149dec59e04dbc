import type { RuntimeHandler } from '../config/config.ts';
import type { Log } from '../observe/log.ts';
import type { HostFacts } from '../oci/input.ts';
import { parseRuntimeVersion, quirksOf } from '../oci/runtime-command.ts';
import type { Shim } from '../shim/client/shim.ts';

const VERSION_TIMEOUT_MS = 10_000;

export interface HandlerFeatures {
  readonly recursiveReadOnlyMounts: boolean;
  readonly userNamespaces: boolean;
}

export interface Asking {
  readonly shim: Pick<Shim, 'call'>;
  readonly log: Log;
  readonly host: Pick<HostFacts, 'kernel'>;
}

/** What a handler's program can do: it is asked for its version once, and again after it failed to answer. */
export const createHandlerFeatures = ({ shim, log, host }: Asking) => {
  const known = new Map<string, HandlerFeatures>();
  const { major, minor } = host.kernel;
  /** mount_setattr(2), which makes whole mount trees read-only. */
  const kernelHasRecursive = major > 5 || (major === 5 && minor >= 12);
  return async ({ path }: RuntimeHandler): Promise<HandlerFeatures> => {
    const before = known.get(path);
    if (before !== undefined) return before;
    try {
      const signal = AbortSignal.timeout(VERSION_TIMEOUT_MS);
      const run = { argv: [path, '--version'], timeoutMs: VERSION_TIMEOUT_MS };
      const { stdout } = await shim.call('run', run, signal);
      const { recursiveReadOnlyMounts } = quirksOf(parseRuntimeVersion(stdout));
      const features = {
        recursiveReadOnlyMounts: recursiveReadOnlyMounts && kernelHasRecursive,
        userNamespaces: false,
      };
      known.set(path, features);
      return features;
    } catch (error) {
      log.warn('an OCI runtime does not tell its version', { path, error });
      return { recursiveReadOnlyMounts: false, userNamespaces: false };
    }
  };
};
