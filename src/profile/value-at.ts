import { isMapping } from './as-written.ts';
import type { Path } from './tree.ts';

/** What stands at a path of a plain value, through mappings and lists; undefined: nothing does. */
export const valueAt = (whole: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (at, part) => (Array.isArray(at) ? at[Number(part)] : isMapping(at) ? at[String(part)] : undefined),
    whole,
  );
