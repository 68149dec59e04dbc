/** How each package manager is told, without asking anybody anything. argv as they come from the manuals. */
export interface PackageManager {
  /** Brings the package lists up to date; undefined when the manager does so itself. */
  readonly refresh: readonly string[] | undefined;
  readonly install: readonly string[];
  /** Removes these packages and no others; refuses where others need them. */
  readonly remove: readonly string[];
  /** Finishes what an interrupted run left half done. */
  readonly repair: readonly string[] | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** Lock files that other runs of it may hold. */
  readonly locks: readonly string[];
}

const aptOptions = [
  '-q',
  '-y',
  '-o',
  'Dpkg::Use-Pty=0',
  // The race that is left after waiting for the lock files.
  '-o',
  'DPkg::Lock::Timeout=30',
  '-o',
  'Acquire::Retries=3',
];

export const packageManagers: Readonly<Record<'apt' | 'dnf', PackageManager>> = {
  apt: {
    // Without the mode apt-get ends with 0 although it could not fetch a single list.
    refresh: ['apt-get', ...aptOptions, '-o', 'APT::Update::Error-Mode=any', 'update'],
    install: [
      'apt-get',
      ...aptOptions,
      '--no-install-recommends',
      // A reset would have to know which of the archives in apt's cache are ours.
      '-o',
      'APT::Keep-Downloaded-Packages=false',
      '-o',
      'Dpkg::Options::=--force-confdef',
      '-o',
      'Dpkg::Options::=--force-confold',
      'install',
    ],
    // Not apt-get: it would remove whatever depends on them too, instead of refusing.
    remove: ['dpkg', '--purge'],
    repair: ['dpkg', '--configure', '-a', '--force-confdef', '--force-confold'],
    env: {
      DEBIAN_FRONTEND: 'noninteractive',
      // needrestart: list only; what runs is restarted by berth, and nothing else of the host.
      NEEDRESTART_MODE: 'l',
      NEEDRESTART_SUSPEND: '1',
      APT_LISTCHANGES_FRONTEND: 'none',
    },
    locks: [
      '/var/lib/dpkg/lock-frontend',
      '/var/lib/dpkg/lock',
      '/var/lib/apt/lists/lock',
      '/var/cache/apt/archives/lock',
    ],
  },
  dnf: {
    refresh: undefined,
    install: ['dnf', '-y', '-q', '--setopt=install_weak_deps=False', 'install'],
    remove: ['rpm', '--erase'],
    repair: undefined,
    env: {},
    locks: ['/var/lib/rpm/.rpm.lock', '/usr/lib/sysimage/rpm/.rpm.lock'],
  },
};
