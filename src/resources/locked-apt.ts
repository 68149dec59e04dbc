import { aptPreferences } from '../host/packages/apt-preferences.ts';
import { stagingFolder } from '../host/script/state.ts';
import {
  exactly,
  installDeadlineSeconds,
  type LockedInstaller,
  lockMeanings,
  runOf,
  stageText,
} from './locked-installer.ts';
import { packageManagers } from './package-managers.ts';

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
const refreshDeadlineSeconds = 300;

const { apt } = packageManagers;

export const lockedApt: LockedInstaller = {
  /** What the repositories have in other versions is not chosen for dependencies either. */
  fromRepositories(packages, names, env) {
    const options = ['-o', `Dir::Etc::preferences=${stagingFolder}/preferences`];
    const install = [...apt.install, ...options, ...exactly(packages, names, '=')];
    const ask = [...install, '--print-uris', '-o', 'Acquire::ForceHash=SHA256'];
    const expected = Object.values(packages).map(({ file, sha256 }) => `${file} SHA256:${sha256}\n`);
    return [
      stageText('preferences', aptPreferences(packages)),
      stageText('expected', expected.join('')),
      ...(apt.refresh === undefined ? [] : [runOf(apt, apt.refresh, refreshDeadlineSeconds, env)]),
      {
        ...runOf(
          apt,
          ['sh', '-c', checkScript, 'sh', `${stagingFolder}/expected`, ...ask],
          checkDeadlineSeconds,
          env,
        ),
        meanings: lockMeanings,
      },
      runOf(apt, install, installDeadlineSeconds, env),
    ];
  },

  fromFolder(folder, packages, names) {
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
      // What was sent has been checked on this machine, on the way, and once more by its digest in the index.
      stageText('sources.list', `deb [trusted=yes] file:${folder} ./\n`),
      runOf(apt, [...(apt.refresh ?? []), ...alone], refreshDeadlineSeconds),
      runOf(apt, [...apt.install, ...alone, ...exactly(packages, names, '=')], installDeadlineSeconds),
    ];
  },
};
