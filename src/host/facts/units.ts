import { type Lines, linesOf } from './lines.ts';

export interface UnitFact {
  /** systemd knows a file of this unit. */
  readonly loaded: boolean;
  /** `enabled`, `disabled`, `static`, `masked` …; empty when there is no unit file. */
  readonly fileState: string;
  /** `active`, `inactive`, `failed`, `activating` … */
  readonly activeState: string;
  /** Files on disk are newer than what systemd read. */
  readonly needsReload: boolean;
  readonly mainProcess: RunningProcess | undefined;
  /** When it was started last, in whole seconds since the epoch by the host's clock; undefined: it is not running. */
  readonly startedAt?: number;
}

export interface RunningProcess {
  readonly pid: number;
  /** The program file as the kernel names it; ` (deleted)` follows when it is gone. */
  readonly executable: string;
}

export type UnitFacts = ReadonlyMap<string, UnitFact>;

export function parseUnits(lines: Lines): UnitFacts {
  const executables = new Map(linesOf(lines, 'executable').map(([unit = '', path = '']) => [unit, path]));
  const started = new Map(linesOf(lines, 'started').map(([link = '', at]) => [unitOf(link), Number(at)]));
  const found = new Map<string, Map<string, string>>();
  for (const [unit = '', key = '', value = ''] of linesOf(lines, 'property')) {
    const known = found.get(unit) ?? new Map<string, string>();
    found.set(unit, known.set(key, value));
  }
  return new Map(
    [...found].map(([unit, values]) => {
      const startedAt = started.get(unit);
      const fact = parseUnit(values, executables.get(unit));
      return [unit, startedAt === undefined ? fact : { ...fact, startedAt }];
    }),
  );
}

/** `/run/systemd/units/invocation:berthd.service` */
const unitOf = (link: string): string => link.slice(link.indexOf(':') + 1);

function parseUnit(values: ReadonlyMap<string, string>, executable: string | undefined): UnitFact {
  const pid = Number(values.get('MainPID') ?? '0');
  return {
    loaded: values.get('LoadState') === 'loaded',
    fileState: values.get('UnitFileState') ?? '',
    activeState: values.get('ActiveState') ?? 'inactive',
    needsReload: values.get('NeedDaemonReload') === 'yes',
    mainProcess: pid > 0 && executable !== undefined ? { pid, executable } : undefined,
  };
}
