import { stagingFolder } from '../host/script/state.ts';
import {
  exactly,
  installDeadlineSeconds,
  type LockedInstaller,
  lockMeanings,
  runOf,
  stageText,
} from './locked-installer.ts';
import { dnfScript, packageManagers } from './package-managers.ts';

/**
 * EXPECTED FOLDER PACKAGES...: downloads what dnf would install, and refuses what is not locked or has another digest;
 * then what is there is installed, and nothing else is fetched. EXPECTED has a line `FILE DIGEST NAME NAME-VERSION` for each
 * package. dnf knows no preferences: where it takes a dependency in another version than the locked one, it is told to take
 * that one, and asked again.
 */
const checkScript = `
expected=$1
folder=$2
shift 2
mkdir -p "$folder" || exit 1
for round in first second; do
  out=$(dnf -y --setopt=install_weak_deps=False "--setopt=destdir=$folder" install --downloadonly "$@" 2>&1) ||
    { code=$?; printf '%s\\n' "$out"; exit $code; }
  exact=
  for path in "$folder"/*.rpm; do
    file=\${path##*/}
    [ -e "$path" ] || continue
    locked=$(grep -F -- "$file " "$expected")
    if [ -z "$locked" ]; then
      other=$(awk -v name="\${file%-*-*}" '$3 == name { print $4 }' "$expected")
      if [ -z "$other" ] || [ $round = second ]; then
        echo "$file is not in berth.lock; berth lock --upgrade packages takes what the repositories have now"
        exit 66
      fi
      exact="$exact $other"
      rm -f "$path"
      continue
    fi
    sum=$(sha256sum < "$path") || exit 1
    locked=\${locked#* }
    if [ "\${locked%% *}" != "\${sum%% *}" ]; then
      echo "the repository has $file with SHA256:\${sum%% *}; berth.lock has SHA256:\${locked%% *}"
      exit 65
    fi
  done
  [ -n "$exact" ] || break
  set -- "$@" $exact
done
for each; do
  set -- "$@" "$each"
  shift
  ls "$folder/$each"*.rpm > /dev/null 2>&1 || { echo "dnf did not download $each"; exit 1; }
done
set -- install -C "--setopt=destdir=$folder" -- "$@"
`;

const { dnf } = packageManagers;

export const lockedDnf: LockedInstaller = {
  fromRepositories(packages, names, env) {
    const expected = Object.entries(packages).map(
      ([name, { file, sha256, version }]) => `${file} ${sha256} ${name} ${name}-${version}\n`,
    );
    const places = [`${stagingFolder}/expected`, `${stagingFolder}/rpms`];
    return [
      stageText('expected', expected.join('')),
      {
        ...runOf(
          dnf,
          ['sh', '-c', checkScript + dnfScript, 'sh', ...places, ...exactly(packages, names, '-')],
          installDeadlineSeconds,
          env,
        ),
        meanings: lockMeanings,
      },
    ];
  },

  fromFolder(folder, packages, names) {
    const alone = [
      `--repofrompath=berth-bundle,file://${folder}`,
      '--repo=berth-bundle',
      // What was sent has been checked on this machine, on the way, and once more by its digest in the index.
      '--setopt=berth-bundle.gpgcheck=0',
      // They look for other sources.
      '--setopt=plugins=0',
      `--setopt=cachedir=${stagingFolder}/dnf`,
    ];
    return [
      runOf(dnf, [...dnf.install, ...alone, '--', ...exactly(packages, names, '-')], installDeadlineSeconds),
    ];
  },
};
