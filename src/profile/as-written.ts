import type { Finding } from './finding.ts';

/*
 * Values as they stand in a profile, before anything is known of their shapes: what rules look at that are reported
 * together with the problems of single values. What does not have the right shape is passed over.
 */

export type Path = Finding['path'];
export type Mapping = Readonly<Record<string, unknown>>;

export const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What stands below these keys; undefined: nothing does. */
export const inside = (value: unknown, ...keys: readonly string[]): unknown =>
  keys.reduce<unknown>((at, key) => (isMapping(at) ? at[key] : undefined), value);

/** The mapping below these keys, or an empty one. */
export const mapping = (value: unknown, ...keys: readonly string[]): Mapping => {
  const inner = inside(value, ...keys);
  return isMapping(inner) ? inner : {};
};

export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

export const finding = (path: Path, message: string, at: Finding['at'] = 'value'): Finding => ({
  path,
  at,
  message,
});
