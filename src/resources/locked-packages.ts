import type { LockedPackage } from '../artifacts/lock/lock.ts';
import { aptPreferences } from '../host/packages/apt-preferences.ts';
import { stagingFolder } from '../host/script/state.ts';
import type { Step } from './change.ts';
import { packageManagers } from './package-managers.ts';
import type { BundledPackages, LockedPackages } from './resource.ts';

/** Exit codes of `checkScript`. */
const meanings = { 65: 'ChecksumMismatch', 66: 'NotLocked' } as const;

/**
 * EXPECTED COMMAND...: what apt is about to download is locked, and has the locked digest. EXPECTED has a line
 * `FILE SHA256:DIGEST` for each package.
 */
const checkScript = `
expected=$1
shift
uris=$("$@") || { code=$?; printf '%s\\n' "$uris"; exit $code; }
printf '%s\\n' "$uris" | while read -r uri file size sum; do
  case $uri in "'"*) ;; *) continue ;; esac
  locked=$(grep -F -- "$file " "$expected")
  if [ -z "$locked" ]; then
    echo "$file is not in berth.lock; berth lock --upgrade packages takes what the repositories have now"
    exit 66
  fi
  if [ "$locked" != "$file $sum" ]; then
    echo "the repository has $file with $sum; berth.lock has \${locked#* }"
    exit 65
  fi
done`;

const checkDeadlineSeconds = 120;
const installDeadlineSeconds = 900;
const refreshDeadlineSeconds = 300;

interface Missing {
  /** Of the packages that the profile names, those to be installed. */
  readonly names: readonly string[];
  /** Of all locked packages, those that the host does not have in the locked version. */
  readonly others: readonly string[];
}

/** Installs exactly the locked versions: from the host's repositories, checked before, or from the bundle and from nowhere else. */
export const installLocked = (
  locked: LockedPackages,
  missing: Missing,
  env: Readonly<Record<string, string>> = {},
): Step[] =>
  locked.bundled === undefined
    ? fromRepositories(locked, missing, env)
    : fromBundle(locked, locked.bundled, missing);

const { apt } = packageManagers;

const runApt = (argv: readonly string[], deadlineSeconds: number): Extract<Step, { kind: 'run' }> => ({
  kind: 'run',
  argv,
  deadlineSeconds,
  env: apt.env,
  locks: apt.locks,
});

const stageText = (name: string, text: string): Step => ({
  kind: 'stage',
  path: `${stagingFolder}/${name}`,
  content: { kind: 'text', text },
});

const exactly = (packages: Readonly<Record<string, LockedPackage>>, names: readonly string[]): string[] =>
  names.map((name) => `${name}=${packages[name]?.version ?? ''}`);

/** What the repositories have in other versions is not chosen for dependencies either. */
function fromRepositories(
  { packages }: LockedPackages,
  { names }: Missing,
  env: Readonly<Record<string, string>>,
): Step[] {
  const run = (argv: readonly string[], deadlineSeconds: number) => ({
    ...runApt(argv, deadlineSeconds),
    // The proxies that the profile gives its hosts.
    env: { ...apt.env, ...env },
  });
  const options = ['-o', `Dir::Etc::preferences=${stagingFolder}/preferences`];
  const install = [...apt.install, ...options, ...exactly(packages, names)];
  const ask = [...install, '--print-uris', '-o', 'Acquire::ForceHash=SHA256'];
  const expected = Object.values(packages).map(({ file, sha256 }) => `${file} SHA256:${sha256}\n`);
  return [
    stageText('preferences', aptPreferences(packages)),
    stageText('expected', expected.join('')),
    ...(apt.refresh === undefined ? [] : [run(apt.refresh, refreshDeadlineSeconds)]),
    {
      ...run(['sh', '-c', checkScript, 'sh', `${stagingFolder}/expected`, ...ask], checkDeadlineSeconds),
      meanings,
    },
    run(install, installDeadlineSeconds),
  ];
}

/** A flat repository that goes with the apply stream; every source of the host's own is out of sight. */
function fromBundle(
  { packages }: LockedPackages,
  { files, index }: BundledPackages,
  missing: Missing,
): Step[] {
  const folder = `${stagingFolder}/packages`;
  const sent = missing.others.flatMap((name) => {
    const [locked, file] = [packages[name], files[name]];
    return locked === undefined || file === undefined ? [] : [{ name: locked.file, file }];
  });
  const alone = [
    ['Dir::Etc::sourcelist', `${stagingFolder}/sources.list`],
    ['Dir::Etc::sourceparts', '/dev/null'],
    ['Dir::State::lists', `${stagingFolder}/lists`],
    // No index of its sources is left behind in the host's own.
    ['Dir::Cache::pkgcache', ''],
    ['Dir::Cache::srcpkgcache', ''],
    // Its own user must not read berth's folder.
    ['APT::Sandbox::User', 'root'],
  ].flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  return [
    ...sent.map(
      ({ name, file }): Step => ({
        kind: 'stage',
        path: `${folder}/${name}`,
        content: { kind: 'local-file', ...file },
      }),
    ),
    stageText('packages/Packages', index(new Set(sent.map(({ name }) => name)))),
    // What was sent has been checked on this machine, on the way, and once more by its digest in the index.
    stageText('sources.list', `deb [trusted=yes] file:${folder} ./\n`),
    runApt([...(apt.refresh ?? []), ...alone], refreshDeadlineSeconds),
    runApt([...apt.install, ...alone, ...exactly(packages, missing.names)], installDeadlineSeconds),
  ];
}
