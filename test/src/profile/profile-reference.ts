import { z } from 'zod';
import { profileSchema } from '../../../src/profile/schema.ts';

type Node = z.core.JSONSchema.BaseSchema;

const form = z.toJSONSchema(profileSchema, { io: 'input' });

const typeOf = (node: Node): string => {
  if (node.enum) return node.enum.map((value) => `\`${value}\``).join(', ');
  if (node.const !== undefined) return `\`${node.const}\``;
  if (node.anyOf) return [...new Set(node.anyOf.map((one) => typeOf(one as Node)))].join(' or ');
  if (Array.isArray(node.type)) return node.type.map((type) => typeOf({ type })).join(' or ');
  if (node.type === 'array') return `list of ${typeOf(node.items as Node)}`;
  if (node.type === 'object')
    return node.properties ? 'mapping' : `mapping of names to ${typeOf(node.additionalProperties as Node)}`;
  return (
    { string: 'text', integer: 'whole number', number: 'number', boolean: 'true or false' }[
      String(node.type)
    ] ?? String(node.type)
  );
};

/** Defaults of mappings are those of their keys. */
const defaultOf = (node: Node): string =>
  node.default === undefined || node.type === 'object' ? '' : `\`${JSON.stringify(node.default)}\``;

/** A mapping within a node, and what its place is called. */
const innerOf = (node: Node, path: string): { readonly node: Node; readonly path: string } | undefined => {
  if (node.properties) return { node, path };
  if (node.type === 'array') return innerOf(node.items as Node, `${path}[]`);
  if (typeof node.additionalProperties === 'object')
    return innerOf(node.additionalProperties as Node, `${path}.NAME`);
  const meant = node.anyOf?.find((one) => (one as Node).properties);
  return meant === undefined ? undefined : { node: meant as Node, path };
};

const keysOf = (node: Node | undefined): string => JSON.stringify(node?.properties ?? {});

/** A mapping that stands in several places is told once; elsewhere the first place is named. */
const rowsOf = (top: Node): string[] => {
  // What holds for every host is told where it is, and not where some hosts say otherwise of it.
  const told = new Map([[keysOf(top.properties?.['spec'] as Node), 'spec']]);
  const rows = (node: Node, path: string): string[] =>
    Object.entries(node.properties ?? {}).flatMap(([key, value]) => {
      const child = value as Node;
      const here = path === '' ? key : `${path}.${key}`;
      const inner = innerOf(child, here);
      const keys = keysOf(inner?.node);
      const known = keys.length > 200 && here !== told.get(keys) ? told.get(keys) : undefined;
      if (inner && known === undefined) told.set(keys, inner.path);
      const kind = known === undefined ? typeOf(child) : `${typeOf(child)}, as \`${known}\``;
      const row = `| \`${here}\` | ${kind} | ${defaultOf(child)} | ${child.description ?? ''} |`;
      return [row, ...(inner && known === undefined ? rows(inner.node, inner.path) : [])];
    });
  return rows(top, '');
};

/** The table of every key, as docs/profile.md must have it. */
export const profileReference = (): string =>
  ['| key | kind | default | |', '| --- | --- | --- | --- |', ...rowsOf(form as Node), ''].join('\n');

/** Keys that have no description. */
export const undescribed = (): string[] => rowsOf(form as Node).filter((row) => row.endsWith('|  |'));
