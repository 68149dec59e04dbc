import type { Path } from './tree.ts';

/** The same plain value with another one at the path; where the path leads past what is there, nothing changes. */
export const withValue = (whole: unknown, [part, ...rest]: Path, value: unknown): unknown => {
  if (part === undefined) return value;
  if (Array.isArray(whole))
    return whole.map((entry: unknown, index) => (index === part ? withValue(entry, rest, value) : entry));
  if (typeof whole !== 'object' || whole === null) return whole;
  const entries: Readonly<Record<string, unknown>> = { ...whole };
  return { ...entries, [part]: withValue(entries[String(part)], rest, value) };
};
