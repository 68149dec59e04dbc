import { failedPackages } from '../host/script/state.ts';

/** How each package manager is told, without asking anybody anything. argv as they come from the manuals. */
export interface PackageManager {
  /** Brings the package lists up to date; undefined when the manager does so itself. */
  readonly refresh: readonly string[] | undefined;
  readonly install: readonly string[];
  /** Brings exactly these versions, older than what is installed or newer. */
  readonly exchange: (versions: readonly (readonly [name: string, version: string])[]) => readonly string[];
  /** Removes these packages and no others; refuses where others need them. */
  readonly remove: readonly string[];
  /** Finishes what an interrupted run, or a script that failed, left half done. */
  readonly repair: (names: readonly string[]) => readonly string[];
  /** Brings the files of a package again, in the version that is installed. */
  readonly reinstall: (name: string, version: string) => readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Lock files that other runs of it may hold. */
  readonly locks: readonly string[];
}

/** With this exit code, and its last line, dnfScript says that no repository has a package. */
export const noSuchPackage = 69;

/**
 * VERB [OPTIONS... --] PACKAGES...: dnf ends with 0 although the script of a package failed, and rpm counts that package
 * as installed: rpm's own message is all that tells. It is noted, until another run of it goes well. Options have no blanks;
 * packages are names, or names with their versions.
 */
export const dnfScript = `
noted=${failedPackages}
verb=$1
shift
options=
case " $* " in *' -- '*)
  while [ "$1" != -- ]; do options="$options $1"; shift; done
  shift ;;
esac
# Not -q: it would keep the messages of scripts to itself.
out=$(dnf -y --setopt=install_weak_deps=False $options "$verb" "$@" 2>&1)
code=$?
printf '%s\\n' "$out" | grep -v '^(try to add'
failed=$(printf '%s\\n' "$out" | sed -n 's/.*%[a-z]*(\\(.*\\)-[^-]*-[^-]*) scriptlet failed.*/\\1/p' | sort -u)
[ -e "$noted" ] && for p in "$@"; do
  n=$(rpm -q --qf '%{NAME}' "$p" 2> /dev/null) || n=$p
  grep -vxF -- "$n" "$noted" > "$noted.new"
  mv -f "$noted.new" "$noted"
done
for p in $failed; do rpm -q "$p" > /dev/null 2>&1 && echo "$p" >> "$noted"; done
unknown=$(printf '%s\\n' "$out" | sed -n 's/^No match for argument: //p' | sort -u)
[ $code -eq 0 ] || [ -z "$unknown" ] || {
  n=
  for p in "$@"; do case "
$unknown
" in *"
$p
"*) n="$n, $p" ;; esac; done
  echo "no repository of the host has \${n#, }"
  exit ${noSuchPackage}
}
[ $code -eq 0 ] || { printf '%s\\n' "$out" | grep 'scriptlet failed'; exit $code; }
if [ -n "$failed" ]; then echo "the installation script of $(echo $failed) failed"; exit 1; fi
absent=
for p in "$@"; do
  rpm -q "$p" > /dev/null 2>&1 || rpm -q --whatprovides "$p" > /dev/null 2>&1 || absent="$absent $p"
done
if [ -n "$absent" ]; then echo "dnf ended well, and these are not installed:$absent"; exit 1; fi
`;

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

const aptInstall = [
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
];

export const packageManagers: Readonly<Record<'apt' | 'dnf', PackageManager>> = {
  apt: {
    // Without the mode apt-get ends with 0 although it could not fetch a single list.
    refresh: ['apt-get', ...aptOptions, '-o', 'APT::Update::Error-Mode=any', 'update'],
    install: aptInstall,
    exchange: (versions) => [
      ...aptInstall,
      '--allow-downgrades',
      ...versions.map(([name, version]) => `${name}=${version}`),
    ],
    // Not apt-get: it would remove whatever depends on them too, instead of refusing.
    remove: ['dpkg', '--purge'],
    repair: () => ['dpkg', '--configure', '-a', '--force-confdef', '--force-confold'],
    reinstall: (name, version) => [...aptInstall, '--reinstall', `${name}=${version}`],
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
    install: ['sh', '-c', dnfScript, 'sh', 'install'],
    exchange: (versions) => [
      'sh',
      '-c',
      // dnf wants to be told which of the two it is, and ends well where there is nothing to downgrade.
      'dnf -y -q downgrade "$@" 2>/dev/null; dnf -y -q --setopt=install_weak_deps=False install "$@"',
      'sh',
      ...versions.map(([name, version]) => `${name}-${version}`),
    ],
    // Not dnf: it would remove whatever depends on them too, and what it takes for unneeded by then.
    remove: ['rpm', '--erase'],
    repair: (names) => ['sh', '-c', dnfScript, 'sh', 'reinstall', ...names],
    reinstall: (name) => ['sh', '-c', dnfScript, 'sh', 'reinstall', name],
    // The messages in which scripts fail are translated.
    env: { LC_ALL: 'C' },
    locks: [
      '/var/lib/rpm/.rpm.lock',
      '/usr/lib/sysimage/rpm/.rpm.lock',
      // dnf 4 writes its process number into these; dnf 5 locks the last one, and gives up at once where it is locked.
      '/var/lib/dnf/rpmdb_lock.pid',
      '/var/cache/dnf/metadata_lock.pid',
      '/var/cache/dnf/download_lock.pid',
      '/run/dnf/rpmtransaction.lock',
    ],
  },
};
