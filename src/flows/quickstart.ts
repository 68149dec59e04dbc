import type { Architecture } from '../artifacts/pins.ts';
import { supplyProgram } from '../artifacts/supply/program.ts';
import { supplyRelease } from '../artifacts/supply/release.ts';
import { prepareWalkthroughImage } from '../artifacts/walkthrough-image.ts';
import { asFail } from '../core/as-fail.ts';
import { Fail } from '../core/fail.ts';
import { removeEverything } from '../inventory/embedded/folder.ts';
import {
  baseExists,
  type EmbeddedState,
  prepareBase,
  startHost,
  statusOf,
} from '../inventory/embedded/host.ts';
import { embeddedFolder } from '../inventory/embedded/places.ts';
import { installRequirements, missingRequirements } from '../inventory/embedded/requirements.ts';
import type { EmbeddedAddress, HostEntry } from '../profile/profile.ts';
import type { FlowContext } from './context.ts';

/** What the quick start will put on this machine. */
export interface QuickstartPlan {
  readonly folder: string;
  readonly packages: readonly string[];
  readonly modules: readonly string[];
  readonly rootNeeded: boolean;
  readonly hosts: readonly { readonly address: EmbeddedAddress; readonly state: EmbeddedState }[];
}

export async function planQuickstart(context: FlowContext): Promise<QuickstartPlan> {
  const options = { folder: embeddedFolder(), signal: context.signal };
  const missing = await missingRequirements();
  const hosts = embeddedHosts(context.hosts).map(({ address }) => address);
  return {
    folder: options.folder,
    ...missing,
    rootNeeded: !(await baseExists(options.folder)),
    hosts: await Promise.all(hosts.map(async (address) => ({ address, state: await stateOf(address) }))),
  };

  // Without its programs the machine cannot ask a host anything.
  async function stateOf(address: EmbeddedAddress): Promise<EmbeddedState> {
    return missing.packages.length > 0 ? 'absent' : statusOf(address, options);
  }
}

/** True when this run has nothing to make before the ordinary apply. */
export const isReady = (plan: QuickstartPlan): boolean =>
  plan.packages.length === 0 && !plan.rootNeeded && plan.hosts.every(({ state }) => state === 'running');

/**
 * Makes and boots the embedded hosts, and meanwhile fetches what the apply after it will install: on a
 * fresh machine both take their time, one on the network and one on the processor.
 */
export async function prepareQuickstart(context: FlowContext, plan: QuickstartPlan): Promise<void> {
  const [first] = embeddedHosts(context.hosts);
  const { emit } = context;
  const started = performance.now();
  const host = first.entry.name;
  const phase = 'prepare';
  emit({ kind: 'phase-started', host, phase, total: 6 });
  let failed = true;
  try {
    await installMissing(context, plan, host);
    await together(context.signal, [
      (signal) => bootHosts({ ...context, signal }, plan.folder),
      ...artifactSteps(context, first.entry),
    ]);
    failed = false;
  } finally {
    emit({ kind: 'phase-ended', host, phase, milliseconds: performance.now() - started, failed });
  }
}

/** Takes the hosts and everything that was put on the machine for them away; answers what had to stay. */
export async function removeQuickstart(context: FlowContext): Promise<readonly string[]> {
  const names = embeddedHosts(context.hosts).map(({ address }) => address.name);
  return removeEverything(names, { folder: embeddedFolder(), signal: context.signal });
}

async function installMissing(context: FlowContext, plan: QuickstartPlan, host: string): Promise<void> {
  await step(context, host, 'packages', 'install what embedded hosts need', async () => {
    const added = await installRequirements({ folder: plan.folder, signal: context.signal });
    return added.length === 0 ? 'all there' : added.join(' ');
  });
}

async function bootHosts(context: FlowContext, folder: string): Promise<void> {
  const options = { folder, signal: context.signal };
  const hosts = embeddedHosts(context.hosts);
  await step(context, hosts[0].entry.name, 'root', 'make the root file system', async () => {
    if (await baseExists(folder)) return 'exists';
    await prepareBase(options);
    return 'made';
  });
  for (const { entry, address } of hosts)
    await step(context, entry.name, 'boot', `boot the host ${address.name}`, async () => {
      const { how, failedUnits } = await startHost(address, options);
      if (failedUnits.length === 0) return how === 'reused' ? 'was running' : how;
      const message = `these units of the embedded host failed: ${failedUnits.join(' ')}`;
      context.emit({ kind: 'note', level: 'warn', host: entry.name, message });
      return `${how}, degraded`;
    });
}

type Task = (signal: AbortSignal) => Promise<void>;

function artifactSteps(context: FlowContext, { name: host, spec }: HostEntry): Task[] {
  const arch = ownArchitecture();
  const { version } = spec.crictl;
  const lock = async () => context.lock?.();
  const tasks: Task[] = [
    (signal) =>
      step(context, host, 'crictl', `fetch crictl ${version}`, async () => {
        const work = { emit: context.emit, signal, host };
        const { sha256 } = await supplyProgram('crictl', version, arch, spec.artifacts, work, await lock());
        return sha256.slice(0, 12);
      }),
    (signal) =>
      step(context, host, 'release', "build berth's runtime", async () => {
        const release = await supplyRelease(arch, { emit: context.emit, signal, host }, await lock());
        return release.version;
      }),
  ];
  if (spec.verify.imageSource === 'embedded')
    tasks.push((signal) =>
      step(context, host, 'image', 'make the redis image', async () => {
        await prepareWalkthroughImage({ emit: context.emit, signal, host, arch, lock: await lock() });
        return undefined;
      }),
    );
  return tasks;
}

/** Runs all; the first failure stops the others and is the one that is told. */
async function together(signal: AbortSignal, tasks: readonly Task[]): Promise<void> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  let first: unknown;
  await Promise.all(
    tasks.map((task) =>
      task(either).catch((error: unknown) => {
        first ??= error;
        stop.abort(error);
      }),
    ),
  );
  if (first !== undefined) throw first;
}

async function step(
  { emit }: FlowContext,
  host: string,
  id: string,
  title: string,
  work: () => Promise<string | undefined>,
): Promise<void> {
  const phase = 'prepare';
  const started = performance.now();
  emit({ kind: 'step-started', host, phase, id, title });
  const ended = (failed: boolean, detail: string | undefined): void =>
    emit({
      kind: 'step-ended',
      host,
      phase,
      id,
      milliseconds: performance.now() - started,
      failed,
      ...(detail === undefined ? {} : { detail }),
    });
  try {
    ended(false, await work());
  } catch (error) {
    const fail = asFail(error);
    ended(true, fail.code === 'Cancelled' ? 'stopped' : fail.message.split('\n')[0]);
    throw error;
  }
}

interface Embedded {
  readonly entry: HostEntry;
  readonly address: EmbeddedAddress;
}

function embeddedHosts(hosts: readonly HostEntry[]): readonly [Embedded, ...Embedded[]] {
  const [first, ...others] = hosts.flatMap((entry) =>
    entry.address.kind === 'embedded' ? [{ entry, address: entry.address.embedded }] : [],
  );
  if (first !== undefined) return [first, ...others];
  throw new Fail('BadProfile', 'the profile has no embedded host', {
    hint: 'use berth apply for hosts that exist already',
  });
}

/** Asked first: who is not root can neither lock the folder nor look into it. */
export function requireRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new Fail('Unsupported', 'an embedded host can be made by root alone', {
    hint: 'run: sudo npm run quickstart',
  });
}

function ownArchitecture(): Architecture {
  if (process.arch === 'x64' || process.arch === 'arm64') return process.arch;
  throw new Fail('Unsupported', `no pinned Node for ${process.arch}; x64 and arm64 are supported`);
}
