import { z } from 'zod';
import { Fail } from '../core/fail.ts';
import { nearest } from '../core/nearest.ts';
import { pathText } from './finding.ts';
import { bare, below, knownKeys } from './known-keys.ts';
import { accessSchema, specSchema } from './schema.ts';
import type { Path } from './tree.ts';

/** What is said of one host, as `berth explain` names it. */
export const hostSchema = accessSchema.extend({ spec: specSchema });

/**
 * The path that a person writes: `spec.cni.networks[0].subnets`. Names of which the schema knows none, such as those of
 * kernel parameters, may hold dots: the rest of the text is one of them.
 * @throws Fail `BadUsage` for a key that there is none of, with the nearest.
 */
export const parsePath = (text: string): Path => {
  const path: (string | number)[] = [];
  let schema: z.core.$ZodType | undefined = hostSchema;
  let rest = text;
  while (rest !== '') {
    const { part, after } = firstPart(
      rest,
      schema instanceof z.ZodType && bare(schema) instanceof z.ZodRecord,
    );
    const next: z.core.$ZodType | undefined = schema && below(schema, part);
    if (next === undefined) throw unknown(text, path, part);
    path.push(part);
    schema = next;
    rest = after;
  }
  if (path.length > 0) return path;
  throw new Fail('BadUsage', 'the path is empty', {
    hint: 'it is written as in spec.cni.networks[0].subnets',
  });
};

const firstPart = (
  text: string,
  takesAll: boolean,
): { readonly part: string | number; readonly after: string } => {
  const index = /^\[(\d+)\]\.?/.exec(text);
  if (index) return { part: Number(index[1]), after: text.slice(index[0].length) };
  if (takesAll) return { part: text.replace(/^\["(.*)"\]$/, '$1'), after: '' };
  const name = /^([^.[]+)\.?/.exec(text);
  if (name) return { part: name[1] ?? '', after: text.slice(name[0].length) };
  throw new Fail('BadUsage', `"${text}" is no part of a path`, {
    hint: 'a path is written as in spec.cni.networks[0].subnets',
  });
};

const unknown = (text: string, path: Path, part: string | number): Fail => {
  const known = knownKeys(hostSchema, path);
  const guess = nearest(String(part), known);
  const where = path.length === 0 ? 'a host' : pathText(path);
  return new Fail('BadUsage', `${text}: ${where} has no ${part}`, {
    hint: guess === undefined ? `it has ${known.join(', ') || 'no keys'}` : `did you mean ${guess}?`,
  });
};
