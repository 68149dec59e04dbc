import { type Check, type Event, type Grade, isRed, type Phase } from '../../core/events.ts';
import type { Fail } from '../../core/fail.ts';
import { type LogEntry, logAfter } from './log.ts';

/** What the live view knows of a run, folded from its events. Times in ms of one clock. */
export interface Board {
  readonly profile: string | undefined;
  /** When the first event came. */
  readonly since: number | undefined;
  /** Names of the hosts that the run is about. */
  readonly announced: readonly string[];
  /** In the order of the profile; what nobody announced comes last, such as this machine while it fetches something. */
  readonly hosts: ReadonlyMap<string, HostBoard>;
  /** Notes that concern no host, e.g. that the run is being interrupted. */
  readonly notes: readonly string[];
}

export interface HostBoard {
  /** In the order in which the host passed them; what it passed twice is there twice. */
  readonly phases: readonly PhaseBoard[];
  readonly steps: readonly StepBoard[];
  /** On their way, by step, check or address: they may be ahead of the step that they belong to. */
  readonly transfers: ReadonlyMap<string, Bytes>;
  /** What the host runs now, by step or check: several checks are done side by side. */
  readonly commands: ReadonlyMap<string, CommandBoard>;
  /** What it waits for, say: the last thing that was noted of it since it began what it does. */
  readonly note: string | undefined;
  readonly checks: { readonly green: number; readonly red: number; readonly notRun: number };
  /** What went wrong, in the order in which it did. */
  readonly troubles: readonly Trouble[];
  readonly log: readonly LogEntry[];
}

export interface PhaseBoard {
  readonly phase: Phase;
  readonly state: 'running' | 'done' | 'failed' | 'interrupted';
  /** The host passed it before in this run. */
  readonly isRepeated: boolean;
  readonly since: number;
  /** Set when the phase ended. */
  readonly milliseconds: number | undefined;
  readonly total: number | undefined;
  /** Of a verification: what it asks for. */
  readonly grades: readonly Grade[] | undefined;
  /** Steps that were made; of a verification, checks. */
  readonly done: number;
}

export interface Bytes {
  readonly done: number;
  readonly total: number;
}

/** A step that runs now. */
export interface StepBoard {
  readonly id: string;
  readonly title: string;
  readonly since: number;
}

export interface CommandBoard {
  readonly command: string;
  /** When the first command of the step or check began. */
  readonly since: number;
}

export type Trouble =
  | { readonly kind: 'failure'; readonly error: Fail }
  | {
      readonly kind: 'check';
      readonly check: Check;
      /** It was found after the host went back. */
      readonly wentBack: boolean;
    };

export const emptyBoard: Board = {
  profile: undefined,
  since: undefined,
  announced: [],
  hosts: new Map(),
  notes: [],
};

const newHost: HostBoard = {
  phases: [],
  steps: [],
  transfers: new Map(),
  commands: new Map(),
  note: undefined,
  checks: { green: 0, red: 0, notRun: 0 },
  troubles: [],
  log: [],
};

/** Of what is there twice, the last is meant. */
const withPhase = (host: HostBoard, phase: Phase, change: (board: PhaseBoard) => PhaseBoard): HostBoard => {
  const last = host.phases.findLast((board) => board.phase === phase);
  return { ...host, phases: host.phases.map((board) => (board === last ? change(board) : board)) };
};

const phaseStarted = (
  host: HostBoard,
  event: Extract<Event, { kind: 'phase-started' }>,
  now: number,
): HostBoard => {
  const started: PhaseBoard = {
    phase: event.phase,
    state: 'running',
    isRepeated: host.phases.some(({ phase }) => phase === event.phase),
    since: now,
    milliseconds: undefined,
    total: event.total,
    grades: event.grades,
    done: 0,
  };
  const checks = event.phase === 'verify' ? newHost.checks : host.checks;
  return { ...host, checks, phases: [...host.phases, started] };
};

const phaseEnded = (host: HostBoard, event: Extract<Event, { kind: 'phase-ended' }>): HostBoard =>
  withPhase(
    { ...host, steps: [], transfers: newHost.transfers, commands: newHost.commands, note: undefined },
    event.phase,
    (board) => ({ ...board, state: event.failed ? 'failed' : 'done', milliseconds: event.milliseconds }),
  );

const stepStarted = (
  host: HostBoard,
  { id, title }: Extract<Event, { kind: 'step-started' }>,
  now: number,
): HostBoard => ({ ...host, steps: [...host.steps, { id, title, since: now }], note: undefined });

const counted = (board: PhaseBoard): PhaseBoard => ({ ...board, done: board.done + 1 });

const stepEnded = (
  host: HostBoard,
  { id, phase, failed }: Extract<Event, { kind: 'step-ended' }>,
): HostBoard => {
  const ended = {
    ...host,
    steps: host.steps.filter((step) => step.id !== id),
    transfers: without(host.transfers, id),
    note: undefined,
    commands: without(host.commands, id),
  };
  // What a verification makes ready for its checks is none of them.
  return failed || phase === 'verify' ? ended : withPhase(ended, phase, counted);
};

/** The upload of a step is the step's own end; a download that is complete has nobody else to end it. */
const bytesMoved = (host: HostBoard, { id, done, total }: Extract<Event, { kind: 'bytes' }>): HostBoard => ({
  ...host,
  transfers:
    done >= total && !host.steps.some((step) => step.id === id)
      ? without(host.transfers, id)
      : new Map(host.transfers).set(id, { done, total }),
});

const isBack = ({ phases }: HostBoard): boolean => phases.some(({ phase }) => phase === 'rollback');

const checked = (host: HostBoard, { check }: Extract<Event, { kind: 'checked' }>): HostBoard => {
  const { green, red, notRun } = host.checks;
  const checks = check.ok
    ? { green: green + 1, red, notRun }
    : isRed(check)
      ? { green, red: red + 1, notRun }
      : { green, red, notRun: notRun + 1 };
  const ended = {
    ...host,
    checks,
    transfers: without(host.transfers, check.id),
    commands: without(host.commands, check.id),
    troubles: isRed(check)
      ? [...host.troubles, { kind: 'check', check, wentBack: isBack(host) } as const]
      : host.troubles,
  };
  return withPhase(ended, 'verify', counted);
};

/** An interruption is nothing that went wrong: the phase at which it came did not fail, unless it was red by then. */
const interrupted = (host: HostBoard): HostBoard => {
  const last = host.phases.findLast(({ state }) => state === 'failed');
  const isRedByThen = last?.phase === 'verify' && host.checks.red > 0;
  return isRedByThen
    ? host
    : {
        ...host,
        phases: host.phases.map((board) => (board === last ? { ...board, state: 'interrupted' } : board)),
      };
};

const commandBegun = (
  host: HostBoard,
  { id, command }: Extract<Event, { kind: 'command' }>,
  now: number,
): HostBoard => {
  const since = host.commands.get(id)?.since ?? now;
  return { ...host, commands: new Map(host.commands).set(id, { command, since }) };
};

const without = <Value>(map: ReadonlyMap<string, Value>, key: string): ReadonlyMap<string, Value> =>
  map.has(key) ? new Map([...map].filter(([each]) => each !== key)) : map;

const hostAfter = (host: HostBoard, event: Event, now: number): HostBoard => {
  switch (event.kind) {
    case 'phase-started':
      return phaseStarted(host, event, now);
    case 'phase-ended':
      return phaseEnded(host, event);
    case 'step-started':
      return stepStarted(host, event, now);
    case 'step-ended':
      return stepEnded(host, event);
    case 'command':
      return commandBegun(host, event, now);
    case 'command-ended':
      return { ...host, commands: without(host.commands, event.id) };
    case 'bytes':
      return bytesMoved(host, event);
    case 'checked':
      return checked(host, event);
    case 'note':
      return event.level === 'debug' ? host : { ...host, note: event.message };
    case 'failed':
      if (event.error.code === 'Cancelled') return interrupted(host);
      return { ...host, troubles: [...host.troubles, { kind: 'failure', error: event.error }] };
    default:
      return host;
  }
};

const runStarted = (board: Board, { profile, hosts }: Extract<Event, { kind: 'run-started' }>): Board => ({
  ...board,
  profile,
  announced: hosts,
  hosts: new Map([...hosts.map((name) => [name, newHost] as const), ...board.hosts]),
});

/** More than anybody reads while it happens. */
const keptNotes = 50;

export const hasTrouble = ({ phases, troubles }: HostBoard): boolean =>
  troubles.length > 0 || phases.some(({ state }) => state === 'failed');

export const wasInterrupted = ({ phases }: HostBoard): boolean =>
  phases.some(({ state }) => state === 'interrupted');

/** The phase at work; when none is, the one that came last. */
export const currentPhase = (host: HostBoard): PhaseBoard | undefined =>
  host.phases.findLast(({ state }) => state === 'running') ?? host.phases.at(-1);

/** The board after `event`, which happened at `now`. */
export const boardAfter = (before: Board, event: Event, now: number): Board => {
  const board = before.since === undefined ? { ...before, since: now } : before;
  if (event.kind === 'run-started') return runStarted(board, event);
  if (event.host === undefined)
    return event.kind === 'note' && event.level !== 'debug'
      ? { ...board, notes: [...board.notes, event.message].slice(-keptNotes) }
      : board;
  const host = board.hosts.get(event.host) ?? newHost;
  const after = hostAfter(host, event, now);
  const titleOf = (id: string) => host.steps.find((step) => step.id === id)?.title ?? id;
  const log = logAfter(host.log, event, now - (board.since ?? now), titleOf);
  const changed = log === host.log ? after : { ...after, log };
  return changed === host ? board : { ...board, hosts: new Map(board.hosts).set(event.host, changed) };
};
