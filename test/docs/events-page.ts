import type { z } from 'zod';
import { lineForms } from '../../src/faces/stream/lines.ts';
import { streamVersion } from '../../src/faces/stream/version.ts';

/* docs/events.md, from the schema of the lines. */

type Node = z.core.JSONSchema.BaseSchema;

const inline = (node: Node): string => {
  const { enum: choices, const: only, anyOf, type, items } = node;
  if (only !== undefined) return `\`${only}\``;
  if (choices) return choices.map((value) => `\`${value}\``).join(', ');
  if (anyOf) return anyOf.map((one) => inline(one as Node)).join(' or ');
  if (type === 'array') return `list of ${inline(items as Node)}`;
  if (type === 'string') return 'text';
  return typeof type === 'string' ? type : 'anything';
};

/** Keys of mappings are told where the mapping is, `[]` after those of a list. */
const rows = (node: Node, path: string): string[] =>
  Object.entries(node.properties ?? {}).flatMap(([key, value]) => {
    const child = value as Node;
    if (path === '' && (key === 'kind' || key === 'time')) return [];
    const here = path === '' ? key : `${path}.${key}`;
    const optional = node.required?.includes(key) ? '' : ' (may be absent)';
    const row = `| \`${here}\` | ${inline(child)}${optional} | ${child.description ?? ''} |`;
    const inner = child.type === 'array' ? (child.items as Node) : child;
    return [row, ...(inner.properties ? rows(inner, child.type === 'array' ? `${here}[]` : here) : [])];
  });

const section = (kind: string, schema: Node): string[] => [
  `### ${kind}`,
  '',
  `${schema.description ?? ''}.`,
  '',
  ...(rows(schema, '').length === 0 ? [] : ['| key | | |', '| --- | --- | --- |', ...rows(schema, ''), '']),
];

/** The page as docs/events.md must have it. */
export const eventsPage = (): string =>
  [
    '# The stream of events',
    '',
    '<!-- Made from src/faces/stream/ by `npm run generate:docs`. -->',
    '',
    `With \`--json\` a command prints one JSON object a line and nothing else on standard output: version ${streamVersion} of the`,
    'stream, as its first line says. `--log-file FILE` writes the same lines, each with its `time`, whatever is on the terminal.',
    '`berth schema events` prints the JSON Schema of a line ([events.schema.json](events.schema.json)).',
    '',
    'Read it line by line, and ignore kinds and keys that you do not know: releases add some without a new version. The version',
    'goes up when something that is there changes its meaning or goes. Events come as they happen, of several hosts side by side;',
    'results follow; the last line is `ended`. Secrets are `•••` in all of it.',
    '',
    '## Lines',
    '',
    ...lineForms({ strict: false }).flatMap(({ kind, schema }) => section(kind, schema)),
  ]
    .join('\n')
    .replace(/\n+$/, '\n');
