import type { Grade, Phase } from '../../core/events.ts';

/** How long a phase took once, on a host of a profile. */
export interface Sample {
  readonly profile: string;
  readonly host: string;
  readonly phase: Phase;
  readonly milliseconds: number;
  /** Steps that were done, or checks. */
  readonly count: number;
  /** Of a verification: what it asked for. */
  readonly grades?: readonly Grade[] | undefined;
}

/** What a phase is expected to come to. */
export interface Estimate {
  readonly milliseconds: number;
  readonly count: number;
}

/** Enough for the recent runs of a fleet; older ones say less than they cost. */
const keptSamples = 1000;
/** The last few runs: a host that has become faster is believed soon. */
const consulted = 5;

export const samplesWith = (samples: readonly Sample[], fresh: readonly Sample[]): readonly Sample[] =>
  [...samples, ...fresh].slice(-keptSamples);

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** A phase with another number of steps is another piece of work. */
const isAlike = (count: number, total: number | undefined): boolean =>
  total === undefined || Math.abs(count - total) <= total * 0.2;

/**
 * What earlier runs say of a phase of a host, with `total` steps where they are known and of a verification with the same
 * grades: the host's own ones, or where it has none those of the other hosts of the profile. Undefined: nothing like it was
 * seen.
 */
export const estimateOf = (
  samples: readonly Sample[],
  wanted: Omit<Sample, 'milliseconds' | 'count'> & { readonly total: number | undefined },
): Estimate | undefined => {
  const alike = samples.filter(
    ({ profile, phase, count, grades }) =>
      profile === wanted.profile &&
      phase === wanted.phase &&
      isAlike(count, wanted.total) &&
      grades?.join() === wanted.grades?.join(),
  );
  const own = alike.filter(({ host }) => host === wanted.host);
  const seen = (own.length > 0 ? own : alike).slice(-consulted);
  if (seen.length === 0) return undefined;
  return {
    milliseconds: median(seen.map((sample) => sample.milliseconds)),
    count: median(seen.map((sample) => sample.count)),
  };
};
