/** CPU time per second of the clock, from two looks at a counter. */
export interface CpuRates {
  /** Nanoseconds of CPU time per second of the window that ends now; undefined at the first look. */
  next(id: string, usageNs: bigint, atNs: bigint): bigint | undefined;
  /** Forgets all but these. */
  retain(ids: ReadonlySet<string>): void;
}

/** Two clients that ask right after one another must not get the average of the millisecond in between. */
const SHORTEST_WINDOW_NS = 500_000_000n;

interface Look {
  readonly usageNs: bigint;
  readonly atNs: bigint;
  readonly rate: bigint | undefined;
}

export const createCpuRates = (): CpuRates => {
  const looks = new Map<string, Look>();
  return {
    next: (id, usageNs, atNs) => {
      const before = looks.get(id);
      if (before !== undefined && atNs - before.atNs < SHORTEST_WINDOW_NS && usageNs >= before.usageNs)
        return before.rate;
      const rate = before === undefined ? undefined : rateOf(before, usageNs, atNs);
      looks.set(id, { usageNs, atNs, rate });
      return rate;
    },
    retain: (ids) => {
      for (const id of looks.keys()) if (!ids.has(id)) looks.delete(id);
    },
  };
};

/** Undefined when the counter or the clock went back. */
const rateOf = (before: Look, usageNs: bigint, atNs: bigint): bigint | undefined => {
  const window = atNs - before.atNs;
  if (window <= 0n || usageNs < before.usageNs) return undefined;
  return ((usageNs - before.usageNs) * 1_000_000_000n) / window;
};
