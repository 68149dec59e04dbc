/** Changes, insertions, deletions and swaps of neighbours that turn `from` into `to` (optimal string alignment). */
const distance = (from: string, to: string): number => {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1];
      const swapped =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current.push(
        Math.min(
          at(last, column) + 1,
          at(current, column - 1) + 1,
          at(last, column - 1) + (same ? 0 : 1),
          swapped ? at(beforeLast, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    beforeLast = last;
    last = current;
  }
  return at(last, to.length);
};

const at = (row: readonly number[], column: number): number => row[column] ?? Number.POSITIVE_INFINITY;

/** The candidate that was most likely meant by `written`; undefined when none is near enough to be worth saying. */
export const nearest = (written: string, candidates: readonly string[]): string | undefined => {
  const scored = candidates
    .map((candidate) => ({ candidate, score: distance(written.toLowerCase(), candidate.toLowerCase()) }))
    .sort((one, other) => one.score - other.score);
  const best = scored[0];
  // A third of the letters may be wrong: beyond that a suggestion puzzles more than it helps.
  return best && best.score <= Math.max(1, Math.floor(written.length / 3)) ? best.candidate : undefined;
};
