import { stagingFolder } from '../host/script/state.ts';
import type { Step } from './change.ts';
import { lockedApt } from './locked-apt.ts';
import { lockedDnf } from './locked-dnf.ts';
import { type ByName, type LockedInstaller, stageText } from './locked-installer.ts';
import type { BundledPackages, Environment, LockedPackages } from './resource.ts';

const installers: Readonly<Record<'apt' | 'dnf', LockedInstaller>> = { apt: lockedApt, dnf: lockedDnf };

interface Missing {
  /** Of the packages that the profile names, those to be installed. */
  readonly names: readonly string[];
  /** Of all locked packages, those that the host does not have in the locked version. */
  readonly others: readonly string[];
}

/** Installs exactly the locked versions: from the host's repositories, checked before, or from the bundle and from nowhere else. */
export function installLocked(
  manager: 'apt' | 'dnf',
  { packages, bundled }: LockedPackages,
  missing: Missing,
  env: Environment = {},
): Step[] {
  const installer = installers[manager];
  if (bundled === undefined) return installer.fromRepositories(packages, missing.names, env);
  const folder = `${stagingFolder}/packages`;
  return [
    ...stageRepository(packages, bundled, missing.others),
    ...installer.fromFolder(folder, packages, missing.names),
  ];
}

/** A flat repository that goes with the apply stream. */
function stageRepository(
  packages: ByName,
  { files, index }: BundledPackages,
  names: readonly string[],
): Step[] {
  const sent = names.flatMap((name) => {
    const [locked, file] = [packages[name], files[name]];
    return locked === undefined || file === undefined ? [] : [{ name: locked.file, file }];
  });
  const staged = sent.map(
    ({ name, file }): Step => ({
      kind: 'stage',
      path: `${stagingFolder}/packages/${name}`,
      content: { kind: 'local-file', ...file },
    }),
  );
  const texts = Object.entries(index(new Set(sent.map(({ name }) => name))));
  return [...staged, ...texts.map(([path, text]) => stageText(`packages/${path}`, text))];
}
