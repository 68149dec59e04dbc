import type { Metric } from './descriptors.ts';

/** One value of a metric. What is undefined is not known and not told. */
export interface Sample {
  readonly metric: Metric;
  readonly value: number | bigint;
  /** Values of `metric.labels`, in their order. */
  readonly labels: readonly string[];
}

export const sample = (
  metric: Metric,
  value: number | bigint | undefined,
  ...labels: readonly string[]
): readonly Sample[] => (value === undefined ? [] : [{ metric, value, labels }]);

/** CRI's values are whole numbers, also those of metrics in seconds. */
export const seconds = (nanoseconds: bigint | undefined): bigint | undefined =>
  nanoseconds === undefined ? undefined : nanoseconds / 1_000_000_000n;
