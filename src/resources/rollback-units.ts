import type { Facts } from '../host/facts/probe.ts';
import type { Change } from './change.ts';
import { isUnitSource, reloadUnits } from './reload.ts';
import { bringUp, enableStep, originOf } from './unit.ts';

export interface UnitRecord {
  readonly name: string;
  /** As systemd says it; `-` or empty when there was no unit file. */
  readonly fileState: string;
  readonly activeState: string;
}

const systemctl = (...args: readonly string[]) =>
  ({ kind: 'run', argv: ['systemctl', ...args], deadlineSeconds: 150 }) as const;

const runs = (state: string | undefined): boolean =>
  state === 'active' || state === 'activating' || state === 'reloading';

/** Services that did not run, or not at boot: they stop while the files that they run are still there. */
export function takeUnitsDown(units: readonly UnitRecord[], facts: Facts): Change[] {
  return units.toReversed().flatMap((unit): Change[] => {
    const { name } = unit;
    const now = facts.units.get(name);
    if (now === undefined || !now.loaded) return [];
    const verbs = [
      ...(runs(now.activeState) && !runs(unit.activeState) ? ['stop'] : []),
      ...(now.fileState === 'enabled' && unit.fileState !== 'enabled' ? ['disable'] : []),
      ...(now.fileState === 'masked' && unit.fileState !== 'masked' ? ['unmask'] : []),
    ];
    if (verbs.length === 0) return [];
    return [
      {
        id: `unit:${name}`,
        action: 'remove',
        summary: `${verbs.join(' and ')} ${name}`,
        origins: [originOf(name, facts)],
        steps: verbs.map((verb) => systemctl(verb, name)),
      },
    ];
  });
}

/** Services that ran: enabled again, and running with what lies on disk by then. */
export function bringUnitsUp(
  units: readonly UnitRecord[],
  disturbed: ReadonlySet<string>,
  written: ReadonlySet<string>,
  facts: Facts,
): Change[] {
  const reload = [...written].some(isUnitSource) ? [reloadUnits] : [];
  const known = new Map(units.map((unit) => [unit.name, unit]));
  const names = [...new Set([...known.keys(), ...disturbed])];
  return [
    ...names.flatMap((name) =>
      enable(name, known.get(name), { written, facts, reloadFollows: reload.length > 0 }),
    ),
    ...reload,
    ...names.flatMap((name) => run(name, known.get(name), disturbed.has(name), facts)),
  ];
}

function enable(
  name: string,
  before: UnitRecord | undefined,
  {
    written,
    facts,
    reloadFollows,
  }: { readonly written: ReadonlySet<string>; readonly facts: Facts; readonly reloadFollows: boolean },
): Change[] {
  const now = facts.units.get(name)?.fileState;
  if (before?.fileState === 'masked' && now !== 'masked')
    return [
      { id: `mask:${name}`, action: 'enable', summary: `mask ${name}`, steps: [systemctl('mask', name)] },
    ];
  if (before?.fileState !== 'enabled') return [];
  if (now === 'enabled' && !written.has(`/etc/systemd/system/${name}`)) return [];
  return [
    {
      id: `enable:${name}`,
      action: 'enable',
      summary: `enable ${name} again`,
      origins: [originOf(name, facts)],
      steps: [enableStep(name, reloadFollows)],
    },
  ];
}

function run(name: string, before: UnitRecord | undefined, isDisturbed: boolean, facts: Facts): Change[] {
  const now = facts.units.get(name)?.activeState;
  // A unit that nothing is noted of ran, else nobody would have had to restart it.
  const should = before === undefined ? runs(now) || now === 'failed' : runs(before.activeState);
  if (!should) return [];
  if (!runs(now))
    return [
      {
        id: `start:${name}`,
        action: 'start',
        summary: `start ${name}`,
        origins: [originOf(name, facts)],
        refreshes: [name],
        steps: [bringUp('start', name)],
      },
    ];
  if (!isDisturbed) return [];
  return [
    {
      id: `restart:${name}`,
      action: 'restart',
      summary: `restart ${name}`,
      reason: 'what it runs or reads changes',
      refreshes: [name],
      steps: [bringUp('restart', name)],
    },
  ];
}
