import type { LockedPackage } from '../artifacts/lock/lock.ts';
import { stagingFolder } from '../host/script/state.ts';
import type { Step } from './change.ts';
import type { PackageManager } from './package-managers.ts';
import type { Environment } from './resource.ts';

export type ByName = Readonly<Record<string, LockedPackage>>;

/** How one package manager brings exact versions. */
export interface LockedInstaller {
  /** From the host's repositories, each package checked before anything is installed, dependencies included. */
  fromRepositories(packages: ByName, names: readonly string[], env: Environment): Step[];
  /** From the repository in this folder of the host; every source of the host's own is out of sight. */
  fromFolder(folder: string, packages: ByName, names: readonly string[]): Step[];
}

/** Exit codes by which the checks of locked packages tell what they found. */
export const lockMeanings = { 65: 'ChecksumMismatch', 66: 'NotLocked' } as const;

/** A mirror at the other end of the world, and a slow disk. */
export const installDeadlineSeconds = 900;

/** A text for the steps after this one; `name` is its path below `stagingFolder`. */
export const stageText = (name: string, text: string): Step => ({
  kind: 'stage',
  path: `${stagingFolder}/${name}`,
  content: { kind: 'text', text },
});

/** A run of the package manager. `env` comes beside its own: the proxies that the profile gives its hosts. */
export const runOf = (
  { env: own, locks }: PackageManager,
  argv: readonly string[],
  deadlineSeconds: number,
  env: Environment = {},
): Extract<Step, { kind: 'run' }> => ({ kind: 'run', argv, deadlineSeconds, env: { ...own, ...env }, locks });

/** The names with their locked versions, as the package manager wants them. */
export const exactly = (packages: ByName, names: readonly string[], between: '=' | '-'): string[] =>
  names.map((name) => `${name}${between}${packages[name]?.version ?? ''}`);
