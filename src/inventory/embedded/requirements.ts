import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sourceLine } from '../../artifacts/archives.ts';
import { commandOutput, runCommand } from '../../core/command.ts';
import { Fail } from '../../core/fail.ts';
import { type Machine, programPath, readMachine } from './machine.ts';
import { readState, remember } from './state.ts';

/** A program that embedded hosts need on the machine, and the package that has it. */
interface Requirement {
  readonly program: string;
  readonly apt: string;
  readonly dnf: string;
}

const requirements: readonly Requirement[] = [
  { program: 'systemd-nspawn', apt: 'systemd-container', dnf: 'systemd-container' },
  { program: 'mmdebstrap', apt: 'mmdebstrap', dnf: 'mmdebstrap' },
  { program: 'ip', apt: 'iproute2', dnf: 'iproute' },
  { program: 'ssh', apt: 'openssh-client', dnf: 'openssh-clients' },
  { program: 'ssh-keygen', apt: 'openssh-client', dnf: 'openssh' },
];

/** The keys that sign the archives which the hosts are made of: distributions with apt bring their own. */
const keyringPackage = 'debian-keyring';

/** Modules without which no pod network and no image store work; the host shares the machine's kernel. */
const kernelModules = ['overlay', 'br_netfilter'] as const;

/** What systemd-container has in tmpfiles.d(5): made at a boot, and left behind by the package's removal. */
const bootFolders = ['/var/lib/machines', '/var/lib/portables'] as const;

const installDeadlineSeconds = 1800;

/** What would have to be added to this machine. */
export interface Missing {
  readonly packages: readonly string[];
  readonly modules: readonly string[];
}

interface Work {
  readonly folder: string;
  readonly signal: AbortSignal;
}

export async function missingRequirements(): Promise<Missing> {
  const machine = await readMachine();
  const kind = packageTool();
  const lacking = requirements.filter(({ program }) => programPath(program) === undefined);
  const keyrings = machine.archives.map(({ signedBy }) => signedBy).filter((path) => path !== undefined);
  const noKeyring = kind === 'dnf' && !keyrings.every((path) => existsSync(path));
  return {
    packages: [...new Set(lacking.map((each) => each[kind])), ...(noKeyring ? [keyringPackage] : [])],
    modules: kernelModules.filter((module) => !machine.kernelHas.includes(module)),
  };
}

/** Adds what is missing, and remembers before what it is about to add. Answers the packages added. */
export async function installRequirements(work: Work): Promise<readonly string[]> {
  const missing = await missingRequirements();
  await remember(work.folder, {});
  if (missing.modules.length > 0) await loadModules(missing.modules, work);
  if (missing.packages.length === 0) return [];
  await remember(work.folder, { folders: bootFolders.filter((path) => !existsSync(path)) });
  const install = packageTool() === 'apt' ? installWithApt : installWithDnf;
  const added = await install(missing.packages, work);
  const still = await missingRequirements();
  if (still.packages.length === 0) return added;
  throw new Fail(
    'Unsupported',
    `the packages ${still.packages.join(', ')} do not bring the programs they should`,
  );
}

/** Takes away exactly what was added; answers what had to stay because something else needs it now. */
export async function removeRequirements(work: Work): Promise<readonly string[]> {
  const state = await readState(work.folder);
  if (state === undefined) return [];
  const kept: string[] = [];
  const wanted = await modulesOfBoot('/etc/modules-load.d');
  for (const module of state.modules) {
    // A node that this machine became meanwhile: its containers would lose their network and their images.
    if (wanted.has(module)) {
      kept.push(`kernel module ${module}`);
      continue;
    }
    const ended = await runCommand(['modprobe', '--remove', module], { signal: work.signal });
    if (ended.exitCode !== 0) kept.push(`kernel module ${module}`);
  }
  if (state.packages.length === 0) return kept;
  const purge = packageTool() === 'apt' ? purgeWithApt : removeWithDnf;
  kept.push(...(await purge(state.packages, work)));
  for (const path of state.folders) await removeEmptyFolder(path);
  return kept;
}

/** One that is gone or in use is none of ours any more. */
async function removeEmptyFolder(path: string): Promise<void> {
  await rmdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTEMPTY' && error.code !== 'EBUSY') throw error;
  });
}

/** The machine's own package manager: on Fedora mmdebstrap brings apt and dpkg with it, which know nothing of the system. */
function packageTool(): 'apt' | 'dnf' {
  const isThere = { apt: programPath('apt-get') && programPath('dpkg'), dnf: programPath('dnf') };
  if (isThere.dnf !== undefined && (isThere.apt === undefined || isOfFedoraFamily())) return 'dnf';
  if (isThere.apt !== undefined) return 'apt';
  throw new Fail('Unsupported', 'this machine has neither apt-get nor dnf', {
    hint: 'embedded hosts run on Debian, Ubuntu and Fedora',
  });
}

const isOfFedoraFamily = (): boolean =>
  /^ID(_LIKE)?=.*\b(fedora|rhel)\b/m.test(readFileSync('/etc/os-release', 'utf8'));

/** The modules that the configuration of this machine loads at each boot: modules-load.d(5). */
export async function modulesOfBoot(folder: string): Promise<ReadonlySet<string>> {
  const files = await ifThere(readdir(folder), []);
  const texts = await Promise.all(
    files
      .filter((name) => name.endsWith('.conf'))
      // A link may lead nowhere: Debian's modules.conf does where there is no /etc/modules.
      .map((name) => ifThere(readFile(join(folder, name), 'utf8'), '')),
  );
  const lines = texts.flatMap((text) => text.split('\n')).map((line) => line.trim());
  return new Set(lines.filter((line) => line !== '' && !/^[#;]/.test(line)));
}

const ifThere = <T>(reading: Promise<T>, otherwise: T): Promise<T> =>
  reading.catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return otherwise;
  });

async function loadModules(modules: readonly string[], { folder, signal }: Work): Promise<void> {
  await remember(folder, { modules });
  for (const module of modules) await commandOutput(['modprobe', module], { signal });
}

async function installWithApt(packages: readonly string[], work: Work): Promise<readonly string[]> {
  const apt = await ownApt(await readMachine(), work.folder);
  const run = (args: readonly string[]): Promise<string> =>
    commandOutput([...apt, ...args], {
      signal: work.signal,
      deadlineSeconds: installDeadlineSeconds,
      env: { DEBIAN_FRONTEND: 'noninteractive' },
    });
  await run(['update']);
  const install = ['install', '--yes', '--no-install-recommends', ...packages];
  const added = newlyInstalled(await run(['--simulate', ...install]));
  await remember(work.folder, { packages: added });
  await run(install);
  return added;
}

/** Of apt-get's simulation, the packages that are not there yet; `Inst name [old] (new …)` is an upgrade. */
export const newlyInstalled = (simulation: string): string[] =>
  [...simulation.matchAll(/^Inst (\S+) (\[)?/gm)]
    .filter(([, , upgrade]) => upgrade === undefined)
    .map(([, name]) => name ?? '');

/** apt with lists and downloads of its own, below the folder: the machine's stay as they are. */
async function ownApt(machine: Machine, folder: string): Promise<string[]> {
  const apt = join(folder, 'apt');
  for (const each of ['lists/partial', 'cache/archives/partial'])
    await mkdir(join(apt, each), { recursive: true });
  const sources = join(apt, 'sources.list');
  await writeFile(sources, machine.archives.map(sourceLine).join('\n').concat('\n'));
  const options = {
    'Dir::Etc::SourceList': sources,
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State::Lists': join(apt, 'lists'),
    'Dir::Cache': join(apt, 'cache'),
    'APT::Sandbox::User': 'root',
    'APT::Update::Error-Mode': 'any',
    'Acquire::Languages': 'none',
    'DPkg::Lock::Timeout': '300',
  };
  return [
    'apt-get',
    '--quiet=2',
    ...Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]),
  ];
}

/** Purges those that nothing but themselves needs by now; a package that others came to need stays. */
async function purgeWithApt(packages: readonly string[], work: Work): Promise<readonly string[]> {
  const apt = ['apt-get', '--quiet=2', '-o', 'DPkg::Lock::Timeout=300', 'purge', '--yes', '--no-auto-remove'];
  const options = {
    signal: work.signal,
    deadlineSeconds: installDeadlineSeconds,
    env: { DEBIAN_FRONTEND: 'noninteractive' },
  };
  const present = await presentWithApt(packages, work.signal);
  const safe: string[] = [];
  const kept: string[] = [];
  const simulation = await commandOutput([...apt, '--simulate', ...present], options);
  const dragged = removedBy(simulation).filter((name) => !packages.includes(name));
  if (dragged.length === 0) safe.push(...present);
  else
    for (const name of present) {
      const alone = removedBy(await commandOutput([...apt, '--simulate', name], options));
      (alone.every((each) => packages.includes(each)) ? safe : kept).push(name);
    }
  if (safe.length > 0) await commandOutput([...apt, ...safe], options);
  return kept.map((name) => `package ${name}`);
}

/** What a simulation of apt-get would take away. */
export const removedBy = (simulation: string): string[] =>
  [...simulation.matchAll(/^(?:Purg|Remv) (\S+)/gm)].map(([, name]) => name ?? '');

/** Also those of which only configuration files are left: purging takes them away too. */
async function presentWithApt(packages: readonly string[], signal: AbortSignal): Promise<string[]> {
  const format = '${binary:Package} ${db:Status-Status}\\n';
  const { stdout } = await runCommand(['dpkg-query', '--show', `--showformat=${format}`, ...packages], {
    signal,
  });
  return stdout
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([name, status]) => name !== '' && status !== undefined && status !== 'not-installed')
    .map(([name = '']) => name.replace(/:.*$/, ''));
}

async function installWithDnf(packages: readonly string[], work: Work): Promise<readonly string[]> {
  const before = new Set(await installedWithRpm(work.signal));
  // dnf does not say beforehand which dependencies are new, so these alone survive a crash in between.
  await remember(work.folder, { packages });
  await commandOutput(['dnf', 'install', '--assumeyes', '--setopt=install_weak_deps=False', ...packages], {
    signal: work.signal,
    deadlineSeconds: installDeadlineSeconds,
  });
  const added = (await installedWithRpm(work.signal)).filter((name) => !before.has(name));
  await remember(work.folder, { packages: added });
  return added;
}

/** Not dnf: it would remove whatever depends on them too. What others came to need stays. */
async function removeWithDnf(packages: readonly string[], work: Work): Promise<readonly string[]> {
  const installed = new Set(await installedWithRpm(work.signal));
  const going = new Set(packages.filter((name) => installed.has(name)));
  const kept: string[] = [];
  for (let needed = await neededOf(going, work.signal); needed.length > 0; ) {
    for (const name of needed) going.delete(name);
    kept.push(...needed);
    needed = await neededOf(going, work.signal);
  }
  if (going.size > 0)
    await commandOutput(['rpm', '--erase', ...going], {
      signal: work.signal,
      deadlineSeconds: installDeadlineSeconds,
    });
  return kept.map((name) => `package ${name}`);
}

/** Of these packages, those that others need, by rpm's own test of their removal. */
async function neededOf(packages: ReadonlySet<string>, signal: AbortSignal): Promise<string[]> {
  if (packages.size === 0) return [];
  const env = { LC_ALL: 'C' };
  const { exitCode, stderr } = await runCommand(['rpm', '--erase', '--test', ...packages], { signal, env });
  if (exitCode === 0) return [];
  const capabilities = [...stderr.matchAll(/^\s*(\S+).* is needed by \(installed\)/gm)].map(
    ([, name = '']) => name,
  );
  const query = ['rpm', '--query', '--queryformat', '%{NAME}\\n', '--whatprovides', ...capabilities];
  const { stdout } = await runCommand(query, { signal, env });
  const needed = stdout.split('\n').filter((name) => packages.has(name));
  if (needed.length > 0) return [...new Set(needed)];
  throw new Fail(
    'CommandFailed',
    `the packages ${[...packages].join(', ')} cannot be removed: ${stderr.trim()}`,
  );
}

async function installedWithRpm(signal: AbortSignal): Promise<string[]> {
  const text = await commandOutput(['rpm', '--query', '--all', '--queryformat', '%{NAME}\\n'], { signal });
  return text.split('\n').filter((name) => name !== '');
}
