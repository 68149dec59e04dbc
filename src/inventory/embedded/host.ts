import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { commandOutput, runCommand } from '../../core/command.ts';
import { Fail } from '../../core/fail.ts';
import type { EmbeddedAddress } from '../../profile/profile.ts';
import { baseFolder, ensureBase } from './base.ts';
import { cgroupsOf, processesIn, removeCgroups } from './cgroups.ts';
import { writeHostFiles } from './host-files.ts';
import { type Machine, readMachine, requireOverlayUpper } from './machine.ts';
import { addressInside, addressOutside, type HostPlaces, placesOf } from './places.ts';

export interface EmbeddedOptions {
  /** Everything of all embedded hosts is below this folder. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Folders laid over the common root file system, the topmost first: another distribution, say. */
  readonly layers?: readonly string[];
}

/** What a host is doing: `broken` has processes but does not answer over ssh. */
export type EmbeddedState = 'absent' | 'stopped' | 'running' | 'broken';

/** What `startHost` had to do; `reused`: nothing, it was running. */
export interface Started {
  readonly how: 'reused' | 'booted' | 'made';
  /** Units that systemd could not start in the host; empty in a healthy one. */
  readonly failedUnits: readonly string[];
}

const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
/** An emulated machine needs more than a minute. A host that ends during its boot is noticed at once. */
const bootDeadlineMilliseconds = 300_000;
const haltDeadlineMilliseconds = 30_000;

/** True when the root file system under the hosts has been made already. */
export async function baseExists(folder: string): Promise<boolean> {
  return existsSync(baseFolder(folder, await readMachine()));
}

/** Makes the root file system that all hosts share, unless it exists. Minutes on a slow network. */
export async function prepareBase(options: EmbeddedOptions): Promise<void> {
  await mkdir(options.folder, { recursive: true, mode: 0o700 });
  await requireOverlayUpper(options.folder);
  await ensureBase(options.folder, await readMachine(), options.signal);
}

/** Makes the host, boots it and waits until its systemd has settled; a running one is left as it is. */
export async function startHost(address: EmbeddedAddress, options: EmbeddedOptions): Promise<Started> {
  const machine = await readMachine();
  const places = placesOf(options.folder, address.name);
  const state = await statusOf(address, options);
  if (state === 'running') return { how: 'reused', failedUnits: await settle(address, options) };
  if (state === 'broken') await stopHost(address, options);
  await requireFreeNetwork(address, places, options.signal);
  await prepareBase(options);
  if (state === 'absent') await makeHost(address, options.folder, machine, options.signal);
  await boot(address, places, machine, options);
  return { how: state === 'absent' ? 'made' : 'booted', failedUnits: await settle(address, options) };
}

export async function statusOf(address: EmbeddedAddress, options: EmbeddedOptions): Promise<EmbeddedState> {
  const places = placesOf(options.folder, address.name);
  const machine = await readMachine();
  const alive = await processesIn(cgroupsOf(places.title, machine));
  if (alive.size === 0) return existsSync(places.folder) ? 'stopped' : 'absent';
  // Without its keeper a host still answers, but has lost its way out and would not survive a reboot.
  const kept = (await keeperOf(cgroupsOf(places.title, machine))) !== undefined;
  return kept && (await answers(address, options)) ? 'running' : 'broken';
}

/** Halts the host in order; what does not end by itself is killed. Its files stay. */
export async function stopHost(address: EmbeddedAddress, options: EmbeddedOptions): Promise<void> {
  const places = placesOf(options.folder, address.name);
  const cgroups = cgroupsOf(places.title, await readMachine());
  const keeper = await keeperOf(cgroups);
  if (keeper !== undefined) signalProcess(keeper, 'SIGTERM');
  const halted = keeper !== undefined && (await emptied(cgroups, haltDeadlineMilliseconds, options.signal));
  if (!halted) await killAll(places, cgroups, options.signal);
  await removeLinks(places, options.signal);
  await removeCgroups(cgroups);
}

/** Takes the host away with every trace, whatever state a crash left it in. */
export async function removeHost(name: string, options: EmbeddedOptions): Promise<void> {
  const places = placesOf(options.folder, name);
  const cgroups = cgroupsOf(places.title, await readMachine());
  // A host that will be deleted need not halt in order.
  await killAll(places, cgroups, options.signal);
  await removeLinks(places, options.signal);
  await removeCgroups(cgroups);
  for (const { folder } of [places, unfinished(options.folder, name)])
    await rm(folder, { recursive: true, force: true });
}

/** Runs a command in the host over ssh, with the keys that were made for it. */
export function sshCommand(address: EmbeddedAddress, folder: string): string[] {
  const places = placesOf(folder, address.name);
  return [
    'ssh',
    '-F',
    'none',
    '-i',
    places.identity,
    '-o',
    `UserKnownHostsFile=${places.knownHosts}`,
    '-o',
    'StrictHostKeyChecking=yes',
    // Without our end of the network, packets for the host would leave by the default route.
    '-b',
    addressOutside(address.network),
    '-o',
    'ConnectTimeout=10',
    // A host that is killed says no good-bye.
    '-o',
    'ServerAliveInterval=5',
    `root@${addressInside(address.network)}`,
  ];
}

/** The folder beside, in which a host's files are written, so that a host that exists is complete. */
const unfinished = (folder: string, name: string): HostPlaces => placesOf(folder, `${name}.part`);

async function makeHost(
  address: EmbeddedAddress,
  folder: string,
  machine: Machine,
  signal: AbortSignal,
): Promise<void> {
  const part = unfinished(folder, address.name);
  await rm(part.folder, { recursive: true, force: true });
  await mkdir(part.folder, { recursive: true, mode: 0o700 });
  await writeHostFiles(part, address.name, address.network, machine, signal);
  await writeFile(join(part.folder, 'host.json'), `${JSON.stringify({ version: 1, ...address })}\n`);
  await rename(part.folder, placesOf(folder, address.name).folder);
}

async function boot(
  address: EmbeddedAddress,
  places: HostPlaces,
  machine: Machine,
  options: EmbeddedOptions,
): Promise<void> {
  await commandOutput(keeperCommand(address, places, machine, options), { signal: options.signal });
  const until = Date.now() + bootDeadlineMilliseconds;
  const cgroups = cgroupsOf(places.title, machine);
  let seen = false;
  while (!(await answers(address, options))) {
    const alive = (await processesIn(cgroups)).size > 0;
    if (seen && !alive) throw await bootFailed(address, places, 'ended during its boot');
    if (Date.now() > until) throw await bootFailed(address, places, 'did not answer over ssh');
    seen ||= alive;
    await sleep(50, undefined, { signal: options.signal });
  }
}

async function bootFailed(address: EmbeddedAddress, places: HostPlaces, what: string): Promise<Fail> {
  const text = await readFile(places.console, 'utf8').catch(() => '');
  const tail = text.trim().split('\n').slice(-12).join('\n');
  return new Fail('Unreachable', `the embedded host ${address.name} ${what}:\n${tail}`, {
    hint: `its console is in ${places.console}`,
  });
}

/** Starts the keeper so that it outlives this process and its terminal. */
function keeperCommand(
  address: EmbeddedAddress,
  places: HostPlaces,
  machine: Machine,
  { folder, layers = [] }: EmbeddedOptions,
): string[] {
  const origins = [...new Set(machine.archives.map((archive) => new URL(archive.uri).origin))];
  const proxy = [process.execPath, '--disable-warning=ExperimentalWarning', '--max-semi-space-size=1'].concat(
    [program('proxy.ts'), join(places.proxy, 'socket')],
    origins,
  );
  const environment = {
    TITLE: places.title,
    LINK: places.link,
    NETWORK: address.network,
    HOST: places.folder,
    BASE: [...layers, baseFolder(folder, machine)].join(':'),
    CGROUPS: machine.cgroups.kind === 'unit' ? '' : cgroupsOf(places.title, machine).join(' '),
    UNIFIED: machine.cgroups.kind === 'unit' ? '1' : '0',
  };
  const keeper = ['env', ...Object.entries(environment).map(([key, value]) => `${key}=${value}`)].concat([
    'unshare',
    '--mount',
    'sh',
    program('keeper.sh'),
    ...proxy,
  ]);
  if (machine.cgroups.kind === 'folders')
    return ['sh', '-c', 'exec setsid --fork "$@" < /dev/null > "$0" 2>&1', places.console, ...keeper];
  const description = `--description=embedded host ${address.name} of berth`;
  return ['systemd-run', '--quiet', '--collect', description, `--unit=${places.title}`].concat(
    ['Delegate=yes', 'KillMode=mixed', 'TasksMax=infinity', 'TimeoutStopSec=20'].flatMap((each) => [
      '-p',
      each,
    ]),
    ['StandardOutput', 'StandardError'].flatMap((stream) => ['-p', `${stream}=file:${places.console}`]),
    keeper,
  );
}

/** True when the host lets us in. A port is asked first, which costs no process while it is closed. */
async function answers(address: EmbeddedAddress, options: EmbeddedOptions): Promise<boolean> {
  if (!(await portOpen(address.network, 22))) return false;
  const argv = withOptions(sshCommand(address, options.folder), ['BatchMode=yes']);
  return (await runCommand([...argv, 'true'], { signal: options.signal, endsWithUs: true })).exitCode === 0;
}

const portDeadlineMilliseconds = 500;

function portOpen(network: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({
      host: addressInside(network),
      localAddress: addressOutside(network),
      port,
      timeout: portDeadlineMilliseconds,
    });
    const end = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}

/** Waits until systemd has done its boot; answers which units failed in it. */
async function settle(address: EmbeddedAddress, options: EmbeddedOptions): Promise<string[]> {
  const script = 'systemctl is-system-running --wait >/dev/null; systemctl --failed --plain --no-legend';
  const argv = withOptions(sshCommand(address, options.folder), ['BatchMode=yes']);
  const text = await commandOutput([...argv, script], { signal: options.signal, endsWithUs: true });
  return text
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter((unit) => unit !== '');
}

const withOptions = (argv: readonly string[], options: readonly string[]): string[] => [
  ...argv.slice(0, -1),
  ...options.flatMap((option) => ['-o', option]),
  ...argv.slice(-1),
];

/** A network that this machine already uses elsewhere would make every answer go astray. */
async function requireFreeNetwork(
  { name, network }: EmbeddedAddress,
  places: HostPlaces,
  signal: AbortSignal,
): Promise<void> {
  const text = await commandOutput(['ip', '-json', 'address'], { signal });
  const links = JSON.parse(text) as { ifname: string; addr_info: { local?: string }[] }[];
  const other = links.find(
    (link) =>
      link.ifname !== places.title && link.addr_info.some((each) => each.local?.startsWith(`${network}.`)),
  );
  if (other === undefined) return;
  throw new Fail('Unsupported', `${network}.0/24 is in use by ${other.ifname} of this machine`, {
    hint: `give the embedded host ${name} another network in the profile`,
  });
}

/** Our end of the wire goes with the host's network namespace, but the kernel takes its time for that. */
async function removeLinks({ title, link }: HostPlaces, signal: AbortSignal): Promise<void> {
  for (const name of [link, title]) {
    const known = await runCommand(['ip', 'link', 'show', 'dev', name], { signal });
    if (known.exitCode !== 0) continue;
    const deleted = await runCommand(['ip', 'link', 'delete', name], { signal });
    if (deleted.exitCode === 0) continue;
    const still = await runCommand(['ip', 'link', 'show', 'dev', name], { signal });
    if (still.exitCode === 0)
      throw new Fail('CommandFailed', `ip link delete ${name}: ${deleted.stderr.trim()}`);
  }
}

/** The process to ask for an orderly halt: the keeper itself, not the programs that it started. */
async function keeperOf(cgroups: readonly string[]): Promise<number | undefined> {
  for (const pid of await processesIn(cgroups.map((cgroup) => join(cgroup, 'keeper')))) {
    const argv = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (argv.split('\0')[1] === program('keeper.sh')) return pid;
  }
  return undefined;
}

/** The host's init outlives a killed nspawn; so everything of the host is killed until nothing is left. */
async function killAll(places: HostPlaces, cgroups: readonly string[], signal: AbortSignal): Promise<void> {
  const until = Date.now() + haltDeadlineMilliseconds;
  const living = async (): Promise<number[]> => [
    ...(await processesIn(cgroups)),
    ...(await startingKeepers(places)),
  ];
  for (let alive = await living(); alive.length > 0; alive = await living()) {
    if (Date.now() > until)
      throw new Fail('DeadlineExceeded', `processes ${alive.join(' ')} do not end after SIGKILL`);
    for (const pid of alive) signalProcess(pid, 'SIGKILL');
    await sleep(20, undefined, { signal });
  }
}

/**
 * A keeper makes its cgroups itself: one whose creator was killed a moment ago is in none yet, and would
 * make them after their removal. Its command line names the host's folder.
 */
async function startingKeepers(places: HostPlaces): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  const found: number[] = [];
  for (const pid of pids) {
    const argv = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (argv.includes(program('keeper.sh')) && argv.includes(join(places.proxy, 'socket'))) found.push(pid);
  }
  return found;
}

async function emptied(
  cgroups: readonly string[],
  milliseconds: number,
  signal: AbortSignal,
): Promise<boolean> {
  const until = Date.now() + milliseconds;
  while ((await processesIn(cgroups)).size > 0) {
    if (Date.now() > until) return false;
    await sleep(50, undefined, { signal });
  }
  return true;
}

function signalProcess(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
