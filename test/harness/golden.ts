import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';

/** What differs from run to run has a name in its place: times, durations, process numbers, and what `also` says. */
export const steady = (text: string, also: readonly (readonly [RegExp | string, string])[] = []): string =>
  [
    ...also,
    [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'TIME'] as const,
    [/\b\d+ min \d+ s\b|\b\d+(\.\d+)? (ms|s)\b/g, 'T'] as const,
    [/section_(start|end):\d+:berth_\d+_/g, 'section_$1:UNIX:berth_PID_'] as const,
  ].reduce((now, [what, name]) => now.replaceAll(what, name), text);

/**
 * Compares with a golden file. With BERTH_GOLDEN=write it is written in place of that: look at what changed before you keep it.
 */
export const assertGolden = (text: string, file: URL): void => {
  if (process.env['BERTH_GOLDEN'] === 'write') writeFileSync(file, text);
  const advice = 'BERTH_GOLDEN=write renews it; look at the difference';
  assert.equal(text, readFileSync(file, 'utf8'), `${file.pathname}: ${advice}`);
};
