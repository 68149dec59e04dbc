import type { z } from 'zod';
import { below, isAtomic } from './known-keys.ts';
import { isMapping, type Tree } from './tree.ts';

/**
 * Lays `over` upon `under`: mappings are joined key by key, anything else replaces what it covers. A source of a secret
 * is one value: its keys are not joined with those of another.
 */
export const merge = (under: Tree | undefined, over: Tree, schema: z.core.$ZodType | undefined): Tree => {
  if (under === undefined || under === over) return over;
  const overrides = [...over.overrides, under, ...under.overrides];
  if (!isMapping(under) || !isMapping(over) || isAtomic(schema)) return { ...over, overrides };
  const joined = new Map(under.value);
  for (const [key, child] of over.value)
    joined.set(key, merge(joined.get(key), child, schema && below(schema, key)));
  return { ...over, value: joined, overrides };
};
