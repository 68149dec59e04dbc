import type { z } from 'zod';
import { nearest } from '../core/nearest.ts';

const kinds: Readonly<Record<string, string>> = {
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

const emptyMapping = (issue: { expected: string; input?: unknown }): string =>
  issue.input === null && kinds[issue.expected] === 'a mapping' ? '; an empty one is written {}' : '';

const found = (value: unknown): string => {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'string') return `the text "${value.length > 40 ? `${value.slice(0, 40)}…` : value}"`;
  return typeof value === 'number' ? `the number ${value}` : String(value);
};

const size = (issue: { origin: string; minimum?: unknown; maximum?: unknown }): string => {
  if (issue.origin === 'array') return 'needs at least one entry';
  if (issue.origin === 'string') return 'must not be empty';
  return issue.minimum === undefined
    ? `must be at most ${issue.maximum}`
    : `must be at least ${issue.minimum}`;
};

const choice = (values: readonly unknown[], input: unknown): string => {
  const guess = typeof input === 'string' ? nearest(input, values.map(String)) : undefined;
  const list = values.length === 1 ? `must be ${values[0]}` : `must be one of ${values.join(', ')}`;
  return `${list}, found ${found(input)}${guess === undefined ? '' : `; did you mean ${guess}?`}`;
};

/** What is wrong, in words, for issues that the schema has no words of its own for. */
export const describeIssue = (issue: z.core.$ZodRawIssue): string | undefined => {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is missing';
      return `expected ${kinds[issue.expected] ?? issue.expected}, found ${found(issue.input)}${emptyMapping(issue)}`;
    case 'invalid_value':
      return choice(issue.values, issue.input);
    case 'too_small':
    case 'too_big':
      return size(issue);
    case 'invalid_key':
      return issue.issues[0]?.message;
    default:
      return undefined;
  }
};
