import { join } from 'node:path';
import type { Config, RuntimeHandler } from '../config/config.ts';
import type { CreateParams } from '../shim/protocol/messages.ts';

/** The OCI command line up to the verb. `--log-format json` is the shim's to add. */
export const runtimeCommand = (handler: RuntimeHandler, cgroupManager: Config['cgroupManager']): string[] => [
  handler.path,
  '--root',
  handler.root,
  ...(cgroupManager === 'systemd' ? ['--systemd-cgroup'] : []),
  ...handler.args,
];

/** How berth-shim has a shim of containerd's API make the pod's containers; undefined: the handler is an OCI runtime. */
export const taskOf = ({ path, vm }: RuntimeHandler, podId: string): CreateParams['task'] =>
  vm === undefined ? undefined : { path, ...vm, group: podId };

/** Which driver the container's cgroup was made with: the daemon may have been configured anew since. */
export const cgroupDriverOf = (runtime: readonly string[]): Config['cgroupManager'] =>
  runtime.includes('--systemd-cgroup') ? 'systemd' : 'cgroupfs';

/** Where runc keeps the FIFO of a created container. */
export const execFifoOf = (handler: RuntimeHandler, containerId: string): string =>
  join(handler.root, containerId, 'exec.fifo');

export interface RuntimeVersion {
  /** `runc`, `crun`, `runsc` … */
  readonly name: string;
  readonly version: string;
  /** Version of the OCI runtime specification; undefined when it does not say. */
  readonly spec: string | undefined;
}

/** Parses what `<runtime> --version` printed; undefined when it is not an OCI runtime's. */
export const parseRuntimeVersion = (stdout: string): RuntimeVersion | undefined => {
  const named = /^(\S+) version (\S+)/m.exec(stdout);
  if (named === null) return undefined;
  const [, name = '', version = ''] = named;
  return { name, version, spec: /^spec: (\S+)/m.exec(stdout)?.[1] };
};

/** What a runtime cannot do though its command line looks alike. */
export interface RuntimeQuirks {
  /** The mount options `rro` and `rbind` make a bind mount read-only all the way down. */
  readonly recursiveReadOnlyMounts: boolean;
  /** A user namespace can be joined by its path, with the mappings told besides. */
  readonly userNamespaces: boolean;
  /**
   * Each container gets a kernel of its own. Such a runtime takes one that is called part of a pod for an addition to
   * the pod's first, which pods without a pause container have not; and no other container's processes can be seen.
   */
  readonly ownKernel: boolean;
  /** A created container waits at `exec.fifo` in its state folder, as decision 5 describes. */
  readonly execFifo: boolean;
}

/** By what `--version` printed; a runtime that we do not know is trusted with no more than the specification's 1.0.2. */
export const quirksOf = (version: RuntimeVersion | undefined): RuntimeQuirks => ({
  recursiveReadOnlyMounts:
    (version?.name === 'runc' && atLeast(version.version, 1, 1)) ||
    (version?.name === 'crun' && atLeast(version.version, 1, 4)),
  ownKernel: version?.name === 'runsc',
  execFifo: version?.name === 'runc' && atLeast(version.version, 1, 1) && !atLeast(version.version, 1, 6),
  userNamespaces:
    (version?.name === 'runc' && atLeast(version.version, 1, 1)) ||
    (version?.name === 'crun' && atLeast(version.version, 1, 4)),
});

/** runc's releases that closed CVE-2025-31133, CVE-2025-52565 and CVE-2025-52881, by their line. */
const SOUND_RUNC: readonly (readonly [major: number, minor: number, patch: number])[] = [
  [1, 2, 8],
  [1, 3, 3],
  [1, 4, 0],
];

/**
 * What operators should know of a runtime of this version; undefined: nothing. A distribution may have closed holes
 * without another number, so it is said and no more.
 */
export const knownHoles = (version: RuntimeVersion | undefined): string | undefined => {
  if (version?.name !== 'runc') return undefined;
  const [major = 0, minor = 0, patch = 0] = version.version
    .split('.')
    .map((part) => Number.parseInt(part, 10));
  const [oldest = [0, 0, 0]] = SOUND_RUNC;
  const line = SOUND_RUNC.find((sound) => sound[0] === major && sound[1] === minor);
  const older = major < oldest[0] || (major === oldest[0] && minor < oldest[1]);
  if (!older && (line === undefined || patch >= line[2])) return undefined;
  return `runc ${version.version} is older than ${(line ?? oldest).join('.')}, which closed ways out of containers (CVE-2025-31133, CVE-2025-52565, CVE-2025-52881); update it, unless your distribution has closed them in this one`;
};

const atLeast = (version: string, major: number, minor: number): boolean => {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
};
