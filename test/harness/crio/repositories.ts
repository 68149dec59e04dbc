import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commandOutput } from '../../../src/core/command.ts';
import { buildCrioDeb } from './deb.ts';
import { buildCrioRpm } from './rpm.ts';
import type { SigningKey } from './signing-key.ts';

const signal = new AbortController().signal;

const minorOf = (version: string): string => version.split('.').slice(0, 2).join('.');

/** Below the folder, a repository for each minor, as the project's has them: `v1.36/deb`, flat and signed. */
export async function makeAptRepositories(
  folder: string,
  versions: readonly string[],
  key: SigningKey,
): Promise<void> {
  for (const version of versions) await buildCrioDeb(join(folder, `v${minorOf(version)}/deb`), version);
  for (const minor of new Set(versions.map(minorOf))) await indexDebs(join(folder, `v${minor}/deb`), key);
}

/** Makes the index of the packages in the folder, and signs it. */
export async function indexDebs(folder: string, key: SigningKey): Promise<void> {
  const index = (what: string): Promise<string> =>
    commandOutput(['apt-ftparchive', what, '.'], { signal, cwd: folder });
  await writeFile(join(folder, 'Packages'), await index('packages'));
  await writeFile(join(folder, 'Release'), await index('release'));
  await key.gpg('--clearsign', '--output', join(folder, 'InRelease'), join(folder, 'Release'));
  await writeFile(join(folder, 'Release.key'), key.publicKey);
}

/** The same for dnf: `v1.36/rpm`, the packages signed and the index too. */
export async function makeDnfRepositories(
  folder: string,
  versions: readonly string[],
  key: SigningKey,
): Promise<void> {
  for (const minor of new Set(versions.map(minorOf))) {
    const place = join(folder, `v${minor}/rpm`);
    await mkdir(place, { recursive: true });
    for (const version of versions.filter((each) => minorOf(each) === minor))
      await key.signRpms([await buildCrioRpm(place, version)]);
    await indexRpms(place, key);
  }
}

/** Makes the index of the packages in the folder, and signs it. */
export async function indexRpms(folder: string, key: SigningKey): Promise<void> {
  await commandOutput(['createrepo_c', '--quiet', folder], { signal });
  const repomd = join(folder, 'repodata/repomd.xml');
  await key.gpg('--armor', '--detach-sign', '--output', `${repomd}.asc`, repomd);
  await writeFile(`${repomd}.key`, key.publicKey);
}
