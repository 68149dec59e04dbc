/** Keeps values for a time: what was found out within a period is told again. */
export interface Shelf<Value> {
  get(id: string): Value | undefined;
  put(id: string, value: Value): Value;
  /** Forgets all but these. */
  retain(ids: ReadonlySet<string>): void;
}

/** `periodMs` 0 keeps nothing. */
export const createShelf = <Value>(periodMs: number): Shelf<Value> => {
  const kept = new Map<string, { readonly value: Value; readonly untilMs: number }>();
  return {
    get: (id) => {
      const entry = kept.get(id);
      return entry === undefined || performance.now() >= entry.untilMs ? undefined : entry.value;
    },
    put: (id, value) => {
      if (periodMs > 0) kept.set(id, { value, untilMs: performance.now() + periodMs });
      return value;
    },
    retain: (ids) => {
      for (const id of kept.keys()) if (!ids.has(id)) kept.delete(id);
    },
  };
};
