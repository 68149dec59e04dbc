import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { commandOutput } from '../../../src/core/command.ts';
import { brokenPackages, neighbourPackages, signedPackages } from './broken.ts';
import { makeRhelRepositories, repositories, writeRepositoryFiles } from './repositories.ts';
import { signRpms } from './sign.ts';
import { buildRpms, debName, isDeb, packagesInRoot, type RpmSource, rpmOfDeb } from './wrap-debs.ts';

/** What a node can ask for, under Debian's names. */
const offered = [
  'runc',
  'crun',
  'containernetworking-plugins',
  'socat',
  'iptables',
  'conntrack',
  'jq',
  'busybox-static',
];

/** In the root already, as on every Fedora; offered and known to rpm. */
const present = ['iproute2'];

/** Fedora has them installed under these names. */
const installedNames = [
  'basesystem',
  'fedora-release',
  'dnf',
  'rpm',
  'systemd',
  'openssh-server',
  'kmod',
  'procps-ng',
];

const signal = new AbortController().signal;
const here = import.meta.dirname;

/**
 * The overlay layer that makes a Debian root a Fedora-like one: dnf and rpm, a repository of Debian's packages as RPMs
 * under Fedora's names, no apt and no dpkg. Made once, in the folder.
 */
export async function fedoraLayer(base: string, folder: string): Promise<string> {
  const layer = join(folder, `fedora-${keyOf(base)}`);
  if (existsSync(layer)) return layer;
  const part = `${layer}.part`;
  const debs = await mkdtemp(join(tmpdir(), 'berth-debs-'));
  const clean = async (): Promise<void> => {
    for (const folder of [part, `${part}.root`, `${part}.work`, debs])
      await rm(folder, { recursive: true, force: true });
  };
  try {
    for (const folder of [part, `${part}.root`, `${part}.work`])
      await rm(folder, { recursive: true, force: true });
    const env = { BASE: base, LAYER: part, DEBS: debs, PRESENT: present.join(' ') };
    await inNamespace('prepare.sh', offered, env);
    const installed = await makeRepository(join(part, 'srv/repository'), debs, base);
    await writeRepositoryFiles(part, ['fedora']);
    await inNamespace('finish.sh', installed, env);
    await rename(part, layer);
    return layer;
  } finally {
    await clean();
  }
}

/** Everything that the layer is made of. */
const keyOf = (base: string): string =>
  ['layer.ts', 'repositories.ts', 'wrap-debs.ts', 'broken.ts', 'sign.ts', 'prepare.sh', 'finish.sh']
    .reduce((hash, file) => hash.update(readFileSync(join(here, file))), createHash('sha256').update(base))
    .digest('hex')
    .slice(0, 12);

const inNamespace = (
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> =>
  commandOutput(['unshare', '--mount', 'sh', join(here, script), ...args], {
    signal,
    deadlineSeconds: 900,
    env,
  });

/** Repositories: packages of a node, and those with which things go wrong. Answers the RPMs of what is installed. */
async function makeRepository(folder: string, debs: string, base: string): Promise<string[]> {
  const inRoot = await packagesInRoot(join(debs, 'in-the-root'));
  const files = (await readdir(debs)).filter(isDeb).map((file) => join(debs, file));
  const names = files.map((file) => basename(file).split('_')[0] ?? '');
  const known = new Set([...inRoot.keys(), ...names]);
  const sources = await Promise.all(files.map((file) => rpmOfDeb(file, join(debs, 'trees'), known)));
  const rpms = await buildRpms([...sources, ...baseSources(inRoot)], join(folder, 'fedora'), base);
  await buildRpms(brokenPackages, join(folder, 'broken'), base);
  await buildRpms(neighbourPackages, join(folder, 'neighbour'), base);
  await signRpms(await buildRpms(signedPackages, join(folder, 'signed'), base), join(folder, 'other.key'));
  await makeRhelRepositories(folder, sources, rpms, base);
  for (const each of repositories)
    await commandOutput(['createrepo_c', '--quiet', join(folder, each)], { signal });
  const installed = new Set([...installedNames, 'iproute']);
  return rpms.filter((path) => installed.has(basename(path).replace(/-[^-]+-[^-]+\.rpm$/, '')));
}

/** Packages without files for what the root has: the first provides all that any other requires. */
const baseSources = (inRoot: ReadonlyMap<string, string>): RpmSource[] =>
  installedNames.map((name) => ({
    name,
    version: '41',
    provides: providesOf(name, inRoot),
  }));

/** Their programs are taken away: they come back as packages alone. */
const isThere = (name: string): boolean => name !== 'apt' && name !== 'dpkg';

function providesOf(name: string, inRoot: ReadonlyMap<string, string>): string[] {
  if (name === 'basesystem')
    return ['/bin/sh', '/usr/bin/sh', ...[...inRoot.keys()].filter(isThere).map(debName)];
  // From this dnf knows which release it works for.
  return name === 'fedora-release' ? ['system-release = 41'] : [];
}
