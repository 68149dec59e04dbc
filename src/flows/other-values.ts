import type { z } from 'zod';
import { isMapping } from '../profile/as-written.ts';
import { below } from '../profile/known-keys.ts';
import type { Spec } from '../profile/profile.ts';
import { specSchema } from '../profile/schema.ts';
import type { Path } from '../profile/tree.ts';
import { valueAt } from '../profile/value-at.ts';
import { withValue } from '../profile/with-value.ts';

/** Texts of the kinds that a profile has; the schema says which of them may stand somewhere. */
const texts = [
  '10.254.0.0/16',
  'fd00:254::/64',
  '9.9.9',
  '/berth/explain',
  'explain.example:5000',
  'explain.example/image:tag',
  'http://explain.example:3128',
  'explain',
];

/** Other values of the same kind. */
const variants = (value: unknown, schema: z.core.$ZodType | undefined): unknown[] => {
  if (typeof value === 'boolean') return [!value];
  if (typeof value === 'number') return [value + 1];
  if (typeof value === 'string' || value === undefined)
    return choicesOf(schema).filter((other) => other !== value);
  return [];
};

const choicesOf = (schema: z.core.$ZodType | undefined): unknown[] => {
  const allowed = (text: unknown): boolean =>
    schema === undefined || (schema as z.ZodType).safeParse(text).success;
  const options = schema === undefined ? [] : enumOf(schema);
  return options.length > 0 ? options : texts.filter(allowed).slice(0, 1);
};

const enumOf = (schema: z.core.$ZodType): unknown[] => {
  const { innerType } = schema._zod.def as { readonly innerType?: z.core.$ZodType };
  if (innerType !== undefined) return enumOf(innerType);
  return 'options' in schema && Array.isArray(schema.options) && typeof schema.options[0] === 'string'
    ? schema.options
    : [];
};

/** The scalars at and below a path. */
const leaves = (value: unknown, path: Path): Path[] => {
  if (Array.isArray(value)) return value.flatMap((entry: unknown, index) => leaves(entry, [...path, index]));
  if (isMapping(value)) return Object.entries(value).flatMap(([key, entry]) => leaves(entry, [...path, key]));
  return [path];
};

/** Specs that differ from this one in the value at the path, or in one of the values below it. */
export const specsWithOtherValues = (spec: Spec, path: Path): Spec[] =>
  leaves(valueAt(spec, path), path).flatMap((leaf) => {
    const schema = leaf.reduce<z.core.$ZodType | undefined>((at, part) => at && below(at, part), specSchema);
    // Of the same form by construction: only a scalar was exchanged for another that the schema allows.
    return variants(valueAt(spec, leaf), schema).map((value) => withValue(spec, leaf, value) as Spec);
  });
