import { z } from 'zod';

/** The schema inside defaults and optionals. */
export const bare = (schema: z.core.$ZodType): z.core.$ZodType =>
  schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional
    ? bare(schema.def.innerType)
    : schema;

/** The schema of a key or an entry; undefined where there is none. */
export const below = (schema: z.core.$ZodType, key: PropertyKey): z.core.$ZodType | undefined => {
  const inner = bare(schema);
  if (inner instanceof z.ZodObject) return inner.shape[String(key)];
  if (inner instanceof z.ZodRecord) return inner.valueType;
  if (inner instanceof z.ZodUnion)
    return inner.options.map((option) => below(option, key)).find((found) => found !== undefined);
  return inner instanceof z.ZodArray ? inner.element : undefined;
};

/** Whether mappings of this schema are one value, of which no key is of use without the others. */
export const isAtomic = (schema: z.core.$ZodType | undefined): boolean => {
  if (schema === undefined) return false;
  const inner = bare(schema);
  return inner instanceof z.ZodUnion || (inner instanceof z.ZodObject && atomic.get(inner) !== undefined);
};

/** A registry, because what is derived from a schema, by describing it say, is found in it too. */
const atomic = z.registry<{ readonly atomic: true }>();

/** Marks a mapping as one value, for merging. */
export const oneValue = <Schema extends z.ZodObject>(schema: Schema): Schema => {
  atomic.add(schema, { atomic: true });
  return schema;
};

const paths = z.registry<{ readonly path: true }>();

/** Marks a text as the path of a file of this machine, relative to the file in which it stands. */
export const filePath = (schema: z.ZodString): z.ZodString => schema.register(paths, { path: true });

export const isPath = (schema: z.core.$ZodType | undefined): boolean =>
  schema !== undefined && paths.get(bare(schema)) !== undefined;

/** The keys that `schema` knows at `path`; empty where there is no mapping with fixed keys. */
export const knownKeys = (schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] => {
  const [key, ...rest] = path;
  if (key !== undefined) {
    const next = below(schema, key);
    return next ? knownKeys(next, rest) : [];
  }
  const inner = bare(schema);
  if (inner instanceof z.ZodUnion) return inner.options.flatMap((option) => knownKeys(option, []));
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
};
