import { z } from 'zod';
import { profileSchema } from '../../../src/profile/schema.ts';

type Node = z.core.JSONSchema.BaseSchema;

const form = z.toJSONSchema(profileSchema, { io: 'input' });

const typeOf = (node: Node): string => {
  if (node.enum) return node.enum.map((value) => `\`${value}\``).join(', ');
  if (node.const !== undefined) return `\`${node.const}\``;
  if (node.anyOf) return [...new Set(node.anyOf.map((one) => typeOf(one as Node)))].join(' or ');
  if (Array.isArray(node.type)) return node.type.join(' or ');
  if (node.type === 'array') return `list of ${typeOf(node.items as Node)}`;
  if (node.type === 'object')
    return node.properties ? 'mapping' : 'mapping of names to text, number or true/false';
  return (
    { string: 'text', integer: 'whole number', boolean: 'true or false' }[String(node.type)] ??
    String(node.type)
  );
};

/** Defaults of mappings are those of their keys. */
const defaultOf = (node: Node): string =>
  node.default === undefined || node.type === 'object' ? '' : `\`${JSON.stringify(node.default)}\``;

const rows = (node: Node, path: string): string[] =>
  Object.entries(node.properties ?? {}).flatMap(([key, value]) => {
    const child = value as Node;
    const here = path === '' ? key : `${path}.${key}`;
    const row = `| \`${here}\` | ${typeOf(child)} | ${defaultOf(child)} | ${child.description ?? ''} |`;
    const items = child.type === 'array' ? (child.items as Node) : undefined;
    return [row, ...(items ? rows(items, `${here}[]`) : rows(child, here))];
  });

/** The table of every key, as docs/profile.md must have it. */
export const profileReference = (): string =>
  ['| key | kind | default | |', '| --- | --- | --- | --- |', ...rows(form as Node, ''), ''].join('\n');

/** Keys that have no description. */
export const undescribed = (): string[] => rows(form as Node, '').filter((row) => row.endsWith('|  |'));
