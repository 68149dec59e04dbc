import { supplyProgram } from '../artifacts/supply/program.ts';
import { supplyRelease } from '../artifacts/supply/release.ts';
import type { Supplies } from '../node/concern.ts';
import type { HostEntry } from '../profile/profile.ts';
import type { FlowContext } from './context.ts';
import { inPhase } from './on-hosts.ts';

type Architecture = 'x64' | 'arm64';

/**
 * What hosts need from this machine, made once for all that need the same.
 * Every host that waits for it shows the phase.
 */
export function supplyHosts(
  context: FlowContext,
): (host: HostEntry, arch: Architecture) => Promise<Supplies> {
  const made = new Map<string, Promise<Supplies>>();
  return (host, arch) => {
    const key = JSON.stringify([arch, host.spec.crictl, host.spec.artifacts]);
    const supplies = made.get(key) ?? makeSupplies(context, host, arch);
    made.set(key, supplies);
    return inPhase(context, host.name, 'prepare', () => supplies);
  };
}

async function makeSupplies(
  context: FlowContext,
  { name: host, spec }: HostEntry,
  arch: Architecture,
): Promise<Supplies> {
  const work = { emit: context.emit, signal: context.signal, host };
  const lock = await context.lock?.();
  const [release, crictl] = await Promise.all([
    step(context, host, 'berth', 'the berth release', () => supplyRelease(arch, work, lock)),
    step(context, host, 'crictl', `crictl ${spec.crictl.version}`, () =>
      supplyProgram('crictl', spec.crictl.version, arch, spec.artifacts, work, lock),
    ),
  ]);
  return { release, crictl };
}

async function step<T>(
  { emit }: FlowContext,
  host: string,
  id: string,
  title: string,
  make: () => Promise<T>,
): Promise<T> {
  const started = performance.now();
  emit({ kind: 'step-started', host, phase: 'prepare', id, title });
  let failed = true;
  try {
    const result = await make();
    failed = false;
    return result;
  } finally {
    const milliseconds = performance.now() - started;
    emit({ kind: 'step-ended', host, phase: 'prepare', id, milliseconds, failed });
  }
}
