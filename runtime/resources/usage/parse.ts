import type { Pressure, Stall } from './usage.ts';

/** The number that follows `key ` at the start of a line; undefined when no line has that key. */
export const field = (text: string, key: string): number | undefined => {
  const digits = fieldText(text, key);
  return digits === undefined ? undefined : Number(digits);
};

/** The same for numbers that may be larger than 2^53. */
export const bigField = (text: string, key: string): bigint | undefined => {
  const digits = fieldText(text, key);
  return digits === undefined ? undefined : BigInt(digits);
};

/** memory.stat has some sixty lines of which we want six: it is searched, not taken apart. */
const fieldText = (text: string, key: string): string | undefined => {
  const from = text.startsWith(`${key} `) ? 0 : text.indexOf(`\n${key} `) + 1;
  if (from === 0 && !text.startsWith(`${key} `)) return undefined;
  const start = from + key.length + 1;
  const end = text.indexOf('\n', start);
  return text.slice(start, end === -1 ? undefined : end);
};

/** A page below 2^63: what cgroup v1 shows where there is no limit, depending on the size of a page. */
const NO_LIMIT = 2 ** 62;

/** The content of a file with a limit; undefined: there is none. */
export const limit = (text: string | undefined): number | undefined => {
  if (text === undefined || text.startsWith('max')) return undefined;
  const value = Number(text);
  return value >= NO_LIMIT ? undefined : value;
};

/** A pressure file: `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, and `full` likewise; totals are microseconds. */
export const pressure = (text: string | undefined): Pressure | undefined => {
  if (text === undefined) return undefined;
  const some = stall(text, 'some');
  return some === undefined ? undefined : { some, full: stall(text, 'full') };
};

const STALL = /^(some|full) avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+) total=(\d+)$/gm;

const stall = (text: string, kind: string): Stall | undefined => {
  for (const [, name, avg10, avg60, avg300, total = '0'] of text.matchAll(STALL)) {
    if (name !== kind) continue;
    return {
      totalNs: BigInt(total) * 1000n,
      avg10: Number(avg10),
      avg60: Number(avg60),
      avg300: Number(avg300),
    };
  }
  return undefined;
};
