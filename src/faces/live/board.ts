import { type Event, isRed, type Phase } from '../../core/events.ts';

/** What the live view knows: per host the phases, the step at work, the bytes on their way. Times in ms of one clock. */
export interface Board {
  readonly hosts: ReadonlyMap<string, HostBoard>;
}

export interface HostBoard {
  readonly phases: readonly PhaseBoard[];
  readonly steps: readonly StepBoard[];
  readonly red: number;
  readonly green: number;
}

export interface PhaseBoard {
  readonly phase: Phase;
  readonly state: 'running' | 'done' | 'failed';
  readonly since: number;
  /** Set when the phase ended. */
  readonly milliseconds: number | undefined;
  readonly total: number | undefined;
  readonly done: number;
}

/** A step that runs now. */
export interface StepBoard {
  readonly id: string;
  readonly title: string;
  readonly since: number;
  readonly bytes: { readonly done: number; readonly total: number } | undefined;
}

export const emptyBoard: Board = { hosts: new Map() };

const newHost: HostBoard = { phases: [], steps: [], red: 0, green: 0 };

const withPhase = (host: HostBoard, phase: Phase, change: (board: PhaseBoard) => PhaseBoard): HostBoard => ({
  ...host,
  phases: host.phases.map((board) => (board.phase === phase ? change(board) : board)),
});

const phaseStarted = (
  host: HostBoard,
  event: Extract<Event, { kind: 'phase-started' }>,
  now: number,
): HostBoard => {
  const started: PhaseBoard = {
    phase: event.phase,
    state: 'running',
    since: now,
    milliseconds: undefined,
    total: event.total,
    done: 0,
  };
  // A phase that comes again, as the probe after an apply does, keeps its place.
  const known = host.phases.some(({ phase }) => phase === event.phase);
  return known ? withPhase(host, event.phase, () => started) : { ...host, phases: [...host.phases, started] };
};

const phaseEnded = (host: HostBoard, event: Extract<Event, { kind: 'phase-ended' }>): HostBoard =>
  withPhase({ ...host, steps: [] }, event.phase, (board) => ({
    ...board,
    state: event.failed ? 'failed' : 'done',
    milliseconds: event.milliseconds,
  }));

const stepStarted = (
  host: HostBoard,
  event: Extract<Event, { kind: 'step-started' }>,
  now: number,
): HostBoard => ({
  ...host,
  steps: [...host.steps, { id: event.id, title: event.title, since: now, bytes: undefined }],
});

const stepEnded = (host: HostBoard, event: Extract<Event, { kind: 'step-ended' }>): HostBoard =>
  withPhase({ ...host, steps: host.steps.filter(({ id }) => id !== event.id) }, event.phase, (board) => ({
    ...board,
    done: board.done + 1,
  }));

const bytes = (host: HostBoard, event: Extract<Event, { kind: 'bytes' }>): HostBoard => ({
  ...host,
  steps: host.steps.map((step) =>
    step.id === event.id ? { ...step, bytes: { done: event.done, total: event.total } } : step,
  ),
});

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
    case 'bytes':
      return bytes(host, event);
    case 'checked':
      if (event.check.ok) return { ...host, green: host.green + 1 };
      return isRed(event.check) ? { ...host, red: host.red + 1 } : host;
    default:
      return host;
  }
};

/** The phase at work; when none is, the one that came last. */
export const currentPhase = (host: HostBoard): PhaseBoard | undefined =>
  host.phases.findLast(({ state }) => state === 'running') ?? host.phases.at(-1);

/** The board after `event`, which happened at `now`. */
export const boardAfter = (board: Board, event: Event, now: number): Board => {
  if (event.kind === 'note' || event.kind === 'failed') return board;
  const before = board.hosts.get(event.host) ?? newHost;
  const after = hostAfter(before, event, now);
  return after === before ? board : { hosts: new Map(board.hosts).set(event.host, after) };
};
