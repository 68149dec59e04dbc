import type { Facts } from '../host/facts/probe.ts';
import type { Spec } from '../profile/profile.ts';
import type { Change } from '../resources/change.ts';
import { bringUp } from '../resources/unit.ts';
import { type EngineName, engineUnits, withoutAlias } from './engines.ts';
import { placesOn } from './places.ts';
import { stopPods } from './stop-pods.ts';

/**
 * What ends the engine that a host has and the profile does not want, before anything of the other one is touched: two
 * would compete for the socket, and a package of CRI-O starts its own as soon as it is installed. Its pods are stopped by
 * itself, which alone knows what belongs to them; on a host that does not switch, nothing.
 */
export function leaveEngine({ engine, crictl }: Spec, facts: Facts): Change[] {
  const other: EngineName = engine.name === 'berth' ? 'cri-o' : 'berth';
  const { units } = withoutAlias(facts);
  const left = engineUnits[other].filter((unit) => {
    const now = units.get(unit);
    return now?.activeState === 'active' || now?.fileState === 'enabled';
  });
  if (left.length === 0) return [];
  const pods = stopPods(facts, other, { crictlComes: crictl.source === 'pinned' });
  return [
    ...pauseKubelet(facts),
    ...(pods === undefined ? [] : [{ ...pods, reason: `the engine becomes ${engine.name}`, tag: 'engine' }]),
    ...left.toReversed().map((unit): Change => {
      const now = units.get(unit);
      return {
        id: `unit:${unit}`,
        action: 'remove',
        summary: `stop and disable ${unit}`,
        reason: `the engine becomes ${engine.name}`,
        tag: 'engine',
        origins: [
          {
            kind: 'unit',
            name: unit,
            fileState: now?.fileState ?? '',
            activeState: now?.activeState ?? 'inactive',
          },
        ],
        steps: (['stop', 'disable'] as const).map((verb) => ({
          kind: 'run',
          argv: ['systemctl', verb, unit],
          deadlineSeconds: 150,
        })),
      };
    }),
  ];
}

const kubelet = 'kubelet.service';

const kubeletRuns = ({ units }: Facts): boolean => units.get(kubelet)?.activeState === 'active';

/** It would start the pods again as fast as they are stopped. */
function pauseKubelet(facts: Facts): Change[] {
  const now = facts.units.get(kubelet);
  if (now === undefined || !kubeletRuns(facts)) return [];
  return [
    {
      id: `pause:${kubelet}`,
      action: 'update',
      summary: `stop ${kubelet} until the other engine runs`,
      tag: 'engine',
      origins: [{ kind: 'unit', name: kubelet, fileState: now.fileState, activeState: now.activeState }],
      steps: [{ kind: 'run', argv: ['systemctl', 'stop', kubelet], deadlineSeconds: 90 }],
    },
  ];
}

const resumeKubelet: Change = {
  id: `resume:${kubelet}`,
  action: 'start',
  summary: `start ${kubelet} again`,
  tag: 'engine',
  refreshes: [kubelet],
  steps: [bringUp('start', kubelet)],
};

/** crictl first, which stops the pods; then the old engine goes; then everything else. What is done is done once. */
export function withEngineLeft(
  changes: readonly Change[],
  leaving: readonly Change[],
  facts: Facts,
): Change[] {
  if (leaving.length === 0) return [...changes];
  const done = new Set(leaving.map(({ id }) => id));
  const rest = changes.filter(({ id }) => !done.has(id));
  const isCrictl = ({ id }: Change) => id === `file:${placesOn(facts).crictl}`;
  return [
    ...rest.filter(isCrictl),
    ...leaving,
    ...rest.filter((change) => !isCrictl(change)),
    ...(kubeletRuns(facts) ? [resumeKubelet] : []),
  ];
}
