import { fetchArtifact } from '../artifacts/fetch.ts';
import { buildRelease } from '../artifacts/release/build.ts';
import type { Supplies } from '../node/concern.ts';
import type { FlowContext } from './context.ts';
import { inPhase } from './on-hosts.ts';

type Architecture = 'x64' | 'arm64';

/**
 * What hosts of each architecture need from this machine, made once for all of them.
 * Every host that waits for it shows the phase.
 */
export function supplyHosts(context: FlowContext): (host: string, arch: Architecture) => Promise<Supplies> {
  const made = new Map<Architecture, Promise<Supplies>>();
  return (host, arch) => {
    const supplies = made.get(arch) ?? makeSupplies(context, host, arch);
    made.set(arch, supplies);
    return inPhase(context, host, 'prepare', () => supplies);
  };
}

async function makeSupplies(context: FlowContext, host: string, arch: Architecture): Promise<Supplies> {
  const { spec } = context.profile;
  const work = { emit: context.emit, signal: context.signal, host };
  const [release, crictl] = await Promise.all([
    step(context, host, 'berth', 'the berth release', () => buildRelease(arch, work)),
    step(context, host, 'crictl', `crictl ${spec.crictl.version}`, () =>
      fetchArtifact('crictl', spec.crictl.version, arch, spec.artifacts, work),
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
