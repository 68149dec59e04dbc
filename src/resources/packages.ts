import { Fail } from '../core/fail.ts';
import type { PackageFact } from '../host/facts/packages.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { Change, PackageChange, Step } from './change.ts';
import { planImagePackages } from './image-packages.ts';
import { installLocked } from './locked-packages.ts';
import { noSuchPackage, type PackageManager, packageManagers } from './package-managers.ts';
import type { Environment, LockedPackages, PackagesResource } from './resource.ts';

/** Lists older than this may name versions that the mirror no longer has. */
const listsAreOldSeconds = 24 * 3600;

/** A mirror at the other end of the world, and a slow disk. */
const installDeadlineSeconds = 900;
const refreshDeadlineSeconds = 300;

/** One change for all packages that are missing: one run of the package manager. */
export function planPackages(resource: PackagesResource, facts: Facts): Change[] {
  if (facts.system.image !== undefined) return planImagePackages(resource, facts);
  const { names, locked, env, hintWhenUnknown: hint } = resource;
  const { manager: managerName } = facts.packages;
  if (managerName === undefined) throw noManager(facts);
  const manager = packageManagers[managerName];
  // Also what came with ours.
  const unhealthy = [...facts.packages.packages].flatMap(([name, { state }]) =>
    state === 'half-installed' ? [name] : [],
  );
  const { pinned = {}, services = {} } = resource;
  const fits = (name: string, version: string | undefined) => isOf(version, pinned[name]);
  const absent = names.filter((name) => {
    const { state, version } = factOf(facts, name);
    return state !== 'installed' || !fits(name, version);
  });
  if (absent.length === 0 && unhealthy.length === 0) return [];
  const run = runnerOf(manager, env, hint === undefined ? undefined : { [noSuchPackage]: hint });
  const steps: Step[] = [];
  if (unhealthy.length > 0) steps.push(run(manager.repair(unhealthy), installDeadlineSeconds));
  const isOffered = (name: string): boolean => {
    const { candidate } = factOf(facts, name);
    return candidate !== undefined && fits(name, candidate);
  };
  if (
    manager.refresh &&
    locked === undefined &&
    absent.length > 0 &&
    listsMustBeRefreshed(facts, absent, isOffered)
  ) {
    steps.push(run(manager.refresh, refreshDeadlineSeconds));
  }
  const missing = managerName === 'apt' ? absent : absent.filter((name) => !unhealthy.includes(name));
  const [exact, offered] = [
    missing.filter((name) => name in pinned),
    missing.filter((name) => !(name in pinned)),
  ];
  if (offered.length > 0 && locked === undefined)
    steps.push(run([...manager.install, ...offered], installDeadlineSeconds));
  if (exact.length > 0 && locked === undefined) {
    const wanted = exact.map((name): [string, string] => [
      name,
      pinnedPattern(pinned[name] ?? '', managerName),
    ]);
    steps.push(run(manager.exchange(wanted), installDeadlineSeconds));
  }
  if (missing.length > 0 && locked !== undefined)
    steps.push(
      ...installLocked(managerName, locked, { names: missing, others: notAsLocked(locked, facts) }, env),
    );
  const named = [...new Set([...absent, ...unhealthy])];
  const packages = versionsOf(named, missing.length > 0 ? locked : undefined, facts);
  const reason = [
    ...(unhealthy.length > 0 ? [`${unhealthy.join(', ')}: the installation was interrupted or failed`] : []),
    ...unknownVersions(packages.filter(({ name }) => !unhealthy.includes(name))),
  ].join('; ');
  const makesStale = absent.flatMap((name) => services[name] ?? []);
  return [
    {
      id: 'packages',
      action: 'install',
      summary: `install ${packages.map(versionText).join(', ')}`,
      ...(reason === '' ? {} : { reason }),
      ...(makesStale.length === 0 ? {} : { makesStale }),
      packages,
      bringsPackages: true,
      steps,
    },
  ];
}

const factOf = (facts: Facts, name: string): PackageFact =>
  facts.packages.packages.get(name) ?? { state: 'absent', version: undefined, candidate: undefined };

/** Those that are named, and what a lock moves to another version beside them. */
function versionsOf(
  names: readonly string[],
  locked: LockedPackages | undefined,
  facts: Facts,
): PackageChange[] {
  const moved =
    locked === undefined ? [] : notAsLocked(locked, facts).filter((name) => !names.includes(name));
  const others = moved.filter((name) => factOf(facts, name).state === 'installed');
  return [...names, ...others].map((name) => {
    const { version: from, candidate } = factOf(facts, name);
    const to = locked?.packages[name]?.version ?? candidate ?? from;
    return { name, ...(from === undefined ? {} : { from }), to: to ?? null };
  });
}

const versionText = ({ name, from, to }: PackageChange): string => {
  if (to === null) return name;
  return from === undefined || from === to ? `${name} ${to}` : `${name} ${from} → ${to}`;
};

/** Without a lock, a version that no list names is known only after the lists were fetched. */
function unknownVersions(packages: readonly PackageChange[]): string[] {
  const unknown = packages.filter(({ to }) => to === null).map(({ name }) => name);
  if (unknown.length === 0) return [];
  const which =
    unknown.length === packages.length ? 'versions are' : `the versions of ${unknown.join(', ')} are`;
  return [`${which} known after apply`];
}

const notAsLocked = ({ packages }: LockedPackages, facts: Facts): string[] =>
  Object.entries(packages).flatMap(([name, { version }]) => {
    const now = factOf(facts, name);
    return now.state === 'installed' && now.version === version ? [] : [name];
  });

const listsMustBeRefreshed = (
  facts: Facts,
  absent: readonly string[],
  isOffered: (name: string) => boolean,
): boolean => listsAreOld(facts) || !absent.every(isOffered);

const listsAreOld = ({ packages: { listsAgeSeconds } }: Facts): boolean =>
  (listsAgeSeconds ?? Number.POSITIVE_INFINITY) > listsAreOldSeconds;

const runnerOf =
  (manager: PackageManager, env: Environment | undefined, hints?: Readonly<Record<number, string>>) =>
  (argv: readonly string[], deadlineSeconds: number): Step => ({
    kind: 'run',
    argv,
    deadlineSeconds,
    env: { ...manager.env, ...env },
    locks: manager.locks,
    ...(hints === undefined ? {} : { hints }),
  });

/** What brings the files of an installed package again. */
export function reinstall(facts: Facts, name: string, version: string, env: Environment): Step[] {
  const { manager: managerName } = facts.packages;
  if (managerName === undefined) throw noManager(facts);
  const manager = packageManagers[managerName];
  const run = runnerOf(manager, env);
  return [
    ...(manager.refresh && listsAreOld(facts) ? [run(manager.refresh, refreshDeadlineSeconds)] : []),
    run(manager.reinstall(name, version), installDeadlineSeconds),
  ];
}

/** apt-get(8) and dnf(8) take patterns, the newest that fits; for the revision of a package dnf needs none. */
function pinnedPattern(version: string, manager: 'apt' | 'dnf'): string {
  if (/^\d+\.\d+$/.test(version)) return `${version}.*`;
  return manager === 'apt' ? `${version}-*` : version;
}

/** `1.35` is the beginning of `1.35.2-1.1` and of `1:1.35.2`, and not of `1.350`. */
const isOf = (version: string | undefined, beginning: string | undefined): boolean => {
  if (beginning === undefined) return true;
  const bare = version?.replace(/^\d+:/, '') ?? '';
  return (
    bare === beginning || (bare.startsWith(beginning) && /^[^0-9A-Za-z]/.test(bare.slice(beginning.length)))
  );
};

const noManager = ({ system }: Facts): Fail =>
  new Fail('Unsupported', `${system.os.prettyName} has neither apt-get nor dnf`, {
    hint: 'berth provisions Debian, Ubuntu, Fedora and their relatives.',
  });
