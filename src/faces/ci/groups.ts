import type { Event, Phase } from '../../core/events.ts';
import type { Dialect, GroupMarks } from './dialect.ts';

const titles: Readonly<Record<Phase, string>> = {
  // What is prepared decides the plan: its digests are in it.
  connect: 'Look and prepare',
  probe: 'Look and prepare',
  plan: 'Look and prepare',
  prepare: 'Look and prepare',
  apply: 'Apply',
  verify: 'Verify',
  rollback: 'Roll back',
  reset: 'Reset',
};

export interface Groups {
  /** Opens the group that the event belongs to, before the event is printed. */
  before(event: Event): void;
  after(event: Event): void;
  /** Closes what hides lines: what follows must be seen. */
  end(): void;
}

/**
 * Groups by what the run is at. Hosts are worked on side by side: while one of them is at something, what others begin
 * meanwhile stays in the group that is open, so that a log of many hosts has as few groups as one of a single host. What ends
 * after a failure has closed the group stands beside the failure: only what begins opens one.
 */
export const makeGroups = (write: (text: string) => void, dialect: Dialect, now: () => Date): Groups => {
  let open: { readonly title: string; readonly marks: GroupMarks } | undefined;
  let count = 0;
  const busy = new Set<string>();
  const end = (): void => {
    if (open?.marks.close === undefined) return;
    write(open.marks.close(now()));
    open = undefined;
  };
  return {
    before(event) {
      if (event.kind !== 'phase-started' && event.kind !== 'step-started') return;
      const title = titles[event.phase];
      if (open !== undefined && (open.title === title || busy.size > 0)) return;
      end();
      count += 1;
      open = { title, marks: dialect.group(title, count) };
      write(open.marks.open(now()));
    },
    after(event) {
      const work = workOf(event);
      if (work === undefined) return;
      if (event.kind.endsWith('-started')) busy.add(work);
      else busy.delete(work);
    },
    end,
  };
};

/** What begins and ends, by host. */
const workOf = (event: Event): string | undefined => {
  if (event.kind === 'phase-started' || event.kind === 'phase-ended') return `${event.host}\0${event.phase}`;
  if (event.kind === 'step-started' || event.kind === 'step-ended')
    return `${event.host}\0${event.phase}\0${event.id}`;
  return undefined;
};
