import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandOutput } from '../../core/command.ts';
import { Fail } from '../../core/fail.ts';
import type { EmbeddedAddress } from '../../profile/profile.ts';
import { baseFolder, ensureBase } from './base.ts';
import { cgroupsOf, processesIn, removeCgroups } from './cgroups.ts';
import { emptied, haltDeadlineMilliseconds, killAll, signalProcess } from './end-processes.ts';
import { writeHostFiles } from './host-files.ts';
import { keeperCommand, keeperOf } from './keeper.ts';
import { type Machine, readMachine, requireOverlayUpper } from './machine.ts';
import { removeLinks, requireFreeNetwork } from './network.ts';
import { type EmbeddedOptions, type HostPlaces, placesOf } from './places.ts';
import { answers, settle } from './reach-host.ts';

/** What a host is doing: `broken` has processes but does not answer over ssh. */
export type EmbeddedState = 'absent' | 'stopped' | 'running' | 'broken';

/** What `startHost` had to do; `reused`: nothing, it was running. */
export interface Started {
  readonly how: 'reused' | 'booted' | 'made';
  /** Units that systemd could not start in the host; empty in a healthy one. */
  readonly failedUnits: readonly string[];
}

/** An emulated machine needs more than a minute. A host that ends during its boot is noticed at once. */
const bootDeadlineMilliseconds = 300_000;

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
