/** What a figure may be at most, or must be at least. */
export interface Budget {
  readonly text: string;
  readonly reached: boolean;
}

/**
 * Limits in time were set on one machine, on which what the floor does took 62 ms for a pod. `slowness`: how many times
 * as long it takes on this one; a limit is as much longer here.
 */
export const REFERENCE_FLOOR_MS = 62;

export const atMost = (value: number, limit: number, slowness = 1): Budget => ({
  text: `≤ ${round(limit * slowness)}`,
  reached: value <= limit * slowness,
});

export const atLeast = (value: number, limit: number, slowness = 1): Budget => ({
  text: `≥ ${round(limit / slowness)}`,
  reached: value >= limit / slowness,
});

export const ofPeer = (value: number, peer: number, share: number): Budget => ({
  text: `≤ ${share} × peer`,
  reached: value <= share * peer,
});

export const both = (one: Budget, other: Budget): Budget => ({
  text: `${one.text}, ${other.text}`,
  reached: one.reached && other.reached,
});

/** Three digits that count. */
export const round = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
