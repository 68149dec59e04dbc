import type { PhaseBoard } from './board.ts';

const looks: ReadonlySet<PhaseBoard['phase']> = new Set(['connect', 'probe', 'prepare', 'plan']);

/** A look at a host that was looked at before: it finds what was made ready, and is over sooner. */
export const isSecondLook = ({ phase, isRepeated }: Pick<PhaseBoard, 'phase' | 'isRepeated'>): boolean =>
  isRepeated && looks.has(phase);

const isOneWithTheFirst = (phase: PhaseBoard): boolean => isSecondLook(phase) && phase.state === 'done';

/** The phases as they are told: a second look that went well is one with the first. */
export const toldPhases = (phases: readonly PhaseBoard[]): readonly PhaseBoard[] => {
  const joined = phases.filter(isOneWithTheFirst);
  const timeOf = (name: PhaseBoard['phase']): number =>
    joined.reduce((sum, { phase, milliseconds = 0 }) => (phase === name ? sum + milliseconds : sum), 0);
  return phases
    .filter((phase) => !isOneWithTheFirst(phase))
    .map((first) =>
      first.isRepeated || first.milliseconds === undefined
        ? first
        : { ...first, milliseconds: first.milliseconds + timeOf(first.phase) },
    );
};
