import { type Board, currentPhase, type HostBoard, hasTrouble, wasInterrupted } from './board.ts';

/** How a host stands, in the order in which it matters to whoever looks. */
export const standings = ['failed', 'running', 'interrupted', 'waiting', 'done'] as const;

export type Standing = (typeof standings)[number];

/** Between two phases a host is at work too: a pause as short as this is not worth a jump in the list. */
const pauseMilliseconds = 1500;

/** Phases in the order in which a host passes them, as far as all hosts of a run pass them. */
const stages = ['connect', 'probe', 'prepare', 'plan', 'apply', 'rollback', 'reset', 'verify'] as const;

/** How far a host is: the index of its last stage; -1: it has not begun. A host that goes back from an apply is no measure. */
const stageOf = ({ phases }: HostBoard): number => {
  const names = phases.map(({ phase }) => phase);
  return stages.findLastIndex(
    (stage) => names.includes(stage) && !(stage === 'rollback' && names.includes('apply')),
  );
};

/** `furthest`: the stage of the host that is the furthest. Who is behind and does nothing waits for a turn. */
const standingOf = (host: HostBoard, furthest: number, now: number): Standing => {
  if (hasTrouble(host)) return 'failed';
  const current = currentPhase(host);
  if (current === undefined) return host.transfers.size > 0 ? 'running' : 'waiting';
  if (current.state === 'running' || host.steps.length > 0) return 'running';
  if (wasInterrupted(host)) return 'interrupted';
  const endedAt = current.since + (current.milliseconds ?? 0);
  if (now - endedAt < pauseMilliseconds) return 'running';
  return stageOf(host) < furthest ? 'waiting' : 'done';
};

/** What is no host of the run, such as this machine, is there while it does something. */
const isAtSomething = ({ phases, steps, transfers, troubles }: HostBoard): boolean =>
  phases.length + steps.length + transfers.size + troubles.length > 0;

export interface Ranked {
  readonly name: string;
  readonly host: HostBoard;
  readonly standing: Standing;
}

/** The hosts as they matter; hosts that stand alike are in the order of the profile. */
export const ranked = (board: Board, now: number): readonly Ranked[] => {
  const furthest = Math.max(...[...board.hosts.values()].map(stageOf));
  const counting = [...board.hosts].filter(
    ([name, host]) => board.announced.includes(name) || isAtSomething(host),
  );
  const all = counting.map(([name, host]) => ({
    name,
    host,
    standing: standingOf(host, furthest, now),
  }));
  return standings.flatMap((standing) => all.filter((each) => each.standing === standing));
};

/** `3 failed, 12 running, 35 done`; nothing of what there is none of. */
export const countsText = (hosts: readonly Ranked[]): string =>
  standings
    .map((standing) => ({ standing, count: hosts.filter((each) => each.standing === standing).length }))
    .filter(({ count }) => count > 0)
    .map(({ standing, count }) => `${count} ${standing}`)
    .join(', ');
