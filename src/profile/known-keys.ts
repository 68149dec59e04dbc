import { z } from 'zod';

/** The schema inside defaults and optionals. */
const bare = (schema: z.core.$ZodType): z.core.$ZodType =>
  schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional
    ? bare(schema.def.innerType)
    : schema;

const below = (schema: z.core.$ZodType, key: PropertyKey): z.core.$ZodType | undefined => {
  const inner = bare(schema);
  if (inner instanceof z.ZodObject) return inner.shape[String(key)];
  return inner instanceof z.ZodArray ? inner.element : undefined;
};

/** The keys that `schema` knows at `path`; empty where there is no mapping with fixed keys. */
export const knownKeys = (schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] => {
  const [key, ...rest] = path;
  if (key !== undefined) {
    const next = below(schema, key);
    return next ? knownKeys(next, rest) : [];
  }
  const inner = bare(schema);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
};
