import type { z } from 'zod';
import { nearest } from '../core/nearest.ts';
import { describeIssue } from './describe-issue.ts';
import type { Finding } from './finding.ts';
import { below, isAtomic, knownKeys } from './known-keys.ts';
import { type Path, plainOf, type Scalar, type Tree, treeAt } from './tree.ts';

const keyPath = (path: readonly PropertyKey[]): Path =>
  path.map((part) => (typeof part === 'number' ? part : String(part)));

const unknownKey = (schema: z.core.$ZodType, path: Path, key: string): Finding => {
  const known = knownKeys(schema, path);
  const guess = nearest(key, known);
  const remedy = guess === undefined ? `known here: ${known.join(', ') || 'none'}` : `did you mean ${guess}?`;
  return { path: [...path, key], at: 'key', message: `unknown key; ${remedy}` };
};

/**
 * Of the forms that a value may have, the one whose kind it has: what is wrong within that one is what is wrong. Of a
 * value of another kind the union has words of its own.
 */
const meantIssues = (issue: z.core.$ZodIssueInvalidUnion): readonly z.core.$ZodIssue[] =>
  issue.errors.find((issues) => issues.every(isWithin)) ?? [];

const isWithin = ({ code, path }: z.core.$ZodIssue): boolean =>
  path.length > 0 || code === 'unrecognized_keys' || code === 'custom';

const findingsOf = (schema: z.core.$ZodType, issue: z.core.$ZodIssue, above: Path = []): Finding[] => {
  const path = [...above, ...keyPath(issue.path)];
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(schema, path, key));
  if (issue.code === 'invalid_union') {
    const meant = meantIssues(issue).flatMap((inner) => findingsOf(schema, inner, path));
    if (meant.length > 0) return meant;
  }
  return [{ path, at: issue.code === 'invalid_key' ? 'key' : 'value', message: issue.message }];
};

const numberIn = (text: string): Scalar | undefined =>
  text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : undefined;

const wanted: Readonly<Record<string, (text: string) => Scalar | undefined>> = {
  number: numberIn,
  int: numberIn,
  boolean: (text) => (text === 'true' || text === 'false' ? text === 'true' : undefined),
};

/** Gives a text that came from a variable the kind that is wanted in its place. */
const retyped = (tree: Tree, issues: readonly z.core.$ZodIssue[]): Tree => {
  let result = tree;
  for (const issue of issues) {
    if (issue.code !== 'invalid_type') continue;
    const found = treeAt(tree, keyPath(issue.path));
    if (found?.written === undefined || typeof found.value !== 'string') continue;
    const value = wanted[issue.expected]?.(found.value);
    if (value !== undefined) result = replacedAt(result, keyPath(issue.path), { ...found, value });
  }
  return result;
};

const replacedAt = (tree: Tree, [part, ...rest]: Path, leaf: Tree): Tree => {
  if (part === undefined) return leaf;
  const { value } = tree;
  if (value instanceof Map) {
    const child: Tree | undefined = value.get(String(part));
    return child === undefined
      ? tree
      : { ...tree, value: new Map([...value, [String(part), replacedAt(child, rest, leaf)]]) };
  }
  if (!Array.isArray(value)) return tree;
  const list: readonly Tree[] = value;
  return {
    ...tree,
    value: list.map((child, index) => (index === Number(part) ? replacedAt(child, rest, leaf) : child)),
  };
};

export interface Conformed<Output> {
  /** Undefined: it does not have the form. */
  readonly form: Output | undefined;
  readonly findings: readonly Finding[];
  readonly tree: Tree;
}

/** Reads a value in the form of `schema`, filling in defaults. */
export const conform = <Schema extends z.ZodType>(
  schema: Schema,
  tree: Tree,
): Conformed<z.output<Schema>> => {
  const first = schema.safeParse(plainOf(tree), { error: describeIssue });
  if (first.success) return { form: first.data, findings: [], tree };
  const again = retyped(tree, first.error.issues);
  if (again === tree) return failed(schema, first.error, tree);
  const second = schema.safeParse(plainOf(again), { error: describeIssue });
  if (second.success) return { form: second.data, findings: [], tree: again };
  return failed(schema, second.error, again);
};

const failed = (schema: z.ZodType, error: z.ZodError, tree: Tree): Conformed<never> => ({
  form: undefined,
  findings: error.issues.flatMap((issue) => findingsOf(schema, issue)).map(misplacedSecret(schema, tree)),
  tree,
});

/** A secret has the right form where it is declared; wrong is that it is used where no secret may stand. */
const misplacedSecret =
  (schema: z.ZodType, tree: Tree) =>
  (finding: Finding): Finding => {
    const { path } = finding;
    if (treeAt(tree, path)?.usedAt === undefined || isAtomic(schemaAt(schema, path))) return finding;
    return { path, at: 'use', message: 'the variable is a secret, and no secret may stand here' };
  };

const schemaAt = (schema: z.core.$ZodType, path: Path): z.core.$ZodType | undefined =>
  path.reduce<z.core.$ZodType | undefined>((at, part) => at && below(at, part), schema);
