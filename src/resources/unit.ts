import type { FileFact } from '../host/facts/files.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { UnitFact } from '../host/facts/units.ts';
import type { Change, Step } from './change.ts';
import { isUnitSource, reloadUnits } from './reload.ts';
import type { ReleaseResource, UnitResource } from './resource.ts';

/** A service that does not come up within its own start timeout has failed already; this is for systemd itself. */
const startDeadlineSeconds = 150;

/** What the changes planned before mean for the services. */
export interface Disturbance {
  /** Units that run with what was there before. */
  readonly stale: ReadonlySet<string>;
  /** Paths of files that this plan writes, restores or deletes. */
  readonly written: ReadonlySet<string>;
  readonly release: ReleaseResource | undefined;
}

const absent: UnitFact = {
  loaded: false,
  fileState: '',
  activeState: 'inactive',
  needsReload: false,
  mainProcess: undefined,
};

export function planReload(units: readonly UnitResource[], facts: Facts, { written }: Disturbance): Change[] {
  const needed =
    [...written].some(isUnitSource) ||
    units.some((unit) => (facts.units.get(unit.name) ?? absent).needsReload);
  return needed ? [reloadUnits] : [];
}

/**
 * Enabled by links as the unit file asks for them now. Where `planReload` follows, systemd reads all links at once with the
 * unit files: by itself, `systemctl` would let it read everything again for each unit.
 */
export function planEnable(
  { name, file, guarded }: UnitResource,
  facts: Facts,
  { written }: Disturbance,
  reloadFollows: boolean,
): Change[] {
  const now = facts.units.get(name) ?? absent;
  if (now.fileState === 'enabled' && !written.has(file)) return [];
  return [
    {
      id: `enable:${name}`,
      action: 'enable',
      summary: now.fileState === 'enabled' ? `enable ${name} again` : `enable ${name}`,
      ...(now.fileState === 'enabled' ? { reason: 'the unit file changed' } : {}),
      origins: [originOf(name, facts)],
      ...(guarded ? { guarded: true } : {}),
      steps: [enableStep(name, reloadFollows)],
    },
  ];
}

/** Unlike `enable`, it also takes links away that the unit file no longer asks for. */
export const enableStep = (name: string, reloadFollows: boolean): Step => ({
  kind: 'run',
  argv: ['systemctl', ...(reloadFollows ? ['--no-reload'] : []), 'reenable', name],
  deadlineSeconds: 60,
});

/** Running with what is on disk now: restarted when, and only when, it runs with something else. */
export function planRunning(unit: UnitResource, facts: Facts, disturbance: Disturbance): Change[] {
  const now = facts.units.get(unit.name) ?? absent;
  const { name } = unit;
  const guarded = unit.guarded ? { guarded: true } : {};
  if (now.activeState !== 'active' && unit.startedByOthers) return [];
  if (now.activeState !== 'active') {
    return [
      {
        id: `start:${name}`,
        action: 'start',
        summary: `start ${name}`,
        ...(now.activeState === 'failed' ? { reason: 'it has failed' } : {}),
        origins: [originOf(name, facts)],
        ...guarded,
        refreshes: [name],
        // What its package has started meanwhile does not know what was written since.
        steps: [bringUp(unit.startedByPackage ? 'restart' : 'start', name)],
      },
    ];
  }
  const reason = whyRestart(unit, now, facts, disturbance);
  if (reason === undefined) return [];
  return [
    {
      id: `restart:${name}`,
      action: 'restart',
      summary: `restart ${name}`,
      reason,
      ...guarded,
      refreshes: [name],
      steps: [bringUp('restart', name)],
    },
  ];
}

/** How the unit is before it is changed. */
export const originOf = (name: string, { units }: Facts) => {
  const { fileState, activeState } = units.get(name) ?? absent;
  return { kind: 'unit', name, fileState, activeState } as const;
};

/** On failure the unit's own account is printed: it is the evidence that the failure carries. */
export const bringUp = (verb: 'start' | 'restart', unit: string): Step => ({
  kind: 'run',
  argv: [
    'sh',
    '-c',
    'systemctl reset-failed "$2" 2>/dev/null; systemctl "$1" "$2" && exit 0; ' +
      'systemctl status --no-pager -l "$2"; journalctl --no-pager -o cat -n 40 -u "$2"; exit 1',
    'sh',
    verb,
    unit,
  ],
  deadlineSeconds: startDeadlineSeconds,
});

function whyRestart(
  unit: UnitResource,
  now: UnitFact,
  facts: Facts,
  disturbance: Disturbance,
): string | undefined {
  if (disturbance.stale.has(unit.name)) return 'what it reads changed';
  if (unit.undone !== undefined) return unit.undone;
  if (unit.runs === undefined || now.mainProcess === undefined) return undefined;
  const running = releaseOf(unit.runs.root, now.mainProcess.executable);
  if (running === unit.runs.version) return undefined;
  if (running !== undefined && runsTheSame(unit.runs.files, running, facts, disturbance.release)) {
    return undefined;
  }
  return running === undefined ? `it runs ${now.mainProcess.executable}` : `it runs release ${running}`;
}

function releaseOf(root: string, executable: string): string | undefined {
  if (!executable.startsWith(`${root}/`)) return undefined;
  return executable.slice(root.length + 1).split('/')[0];
}

/** A service whose own files are the same in both releases has no reason to restart. */
function runsTheSame(
  names: readonly string[],
  running: string,
  facts: Facts,
  release: ReleaseResource | undefined,
): boolean {
  const old = facts.releases.releases.get(running);
  return names.every((name) => {
    const file = release?.files.find((candidate) => candidate.name === name);
    const now: FileFact | undefined = old?.get(name);
    return file !== undefined && now?.kind === 'file' && now.sha256 === file.sha256;
  });
}
