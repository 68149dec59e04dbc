import { z } from 'zod';
import { ways } from './cross-checks.ts';
import { profileSchema } from './schema.ts';

type Node = z.core.JSONSchema.BaseSchema;
type Path = readonly string[];

/** What an editor finds in every profile that we ship. */
const schemaAddress = 'https://berth.dev/v1/profile.schema.json';

/**
 * The JSON Schema (draft 2020-12) of a profile as a person writes it: what may be left out may be left out, unknown keys
 * are refused, and a text that names a variable may stand where a value is wanted.
 */
const profileJsonSchema = (): Readonly<Record<string, unknown>> => {
  const { $schema, ...form } = z.toJSONSchema(profileSchema, { io: 'input', target: 'draft-2020-12' });
  const shared = new Shared();
  const root = shared.share(refined(form, []), []);
  return {
    $schema,
    $id: schemaAddress,
    title: 'berth profile',
    ...root,
    $defs: { ...shared.definitions, variable },
  };
};

/** `${name}` with anything around it; what it becomes is checked when it is known. */
const variable = {
  description: 'A text that names variables, as in ${name}.',
  type: 'string',
  pattern: String.raw`\$\{[A-Za-z_][A-Za-z0-9_-]*\}`,
} as const;

/** Keys whose values say how the profile is put together: variables are not replaced there. */
const isFixed = (path: Path): boolean =>
  ['apiVersion', 'kind', 'include', 'hosts[].name', 'hosts[].groups'].some((fixed) =>
    path.join('.').startsWith(fixed),
  ) ||
  path.at(-1) === 'prompt' ||
  path.at(-1) === 'secret' ||
  path.includes('vars');

/** Any text may stand there, one that names variables too. */
const isFree = ({ type, pattern, format, minLength, enum: choices, const: only }: Node): boolean =>
  (type === 'string' || (Array.isArray(type) && type.includes('string'))) &&
  [pattern, format, minLength, choices, only].every((rule) => rule === undefined);

const refined = (node: Node, path: Path): Node => {
  const { anyOf, ...rest } = node;
  const children: Node = {
    ...withChildren(rest, path, refined),
    ...(anyOf === undefined ? {} : { anyOf: anyOf.map((one) => withAlternative(one as Node, path)) }),
  };
  if (children.properties !== undefined) return withRules(children, path);
  if (children.type === 'object' || children.type === 'array' || isFixed(path) || isFree(children))
    return children;
  if (children.anyOf?.some((one) => typeof one === 'object' && (isFree(one) || one.properties !== undefined)))
    return children;
  const { description, default: fallback, ...rule } = children;
  return {
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
    anyOf: [rule, { $ref: '#/$defs/variable' }],
  };
};

/** The node with what `visit` makes of each node right below it. */
const withChildren = (node: Node, path: Path, visit: (child: Node, path: Path) => Node): Node => {
  const inner = (child: unknown, ...parts: string[]): Node => visit(child as Node, [...path, ...parts]);
  return {
    ...node,
    ...(node.properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(node.properties).map(([key, child]) => [key, inner(child, key)]),
          ),
        }),
    ...(typeof node.additionalProperties === 'object'
      ? { additionalProperties: inner(node.additionalProperties, 'NAME') }
      : {}),
    ...(node.type === 'array' && typeof node.items === 'object'
      ? { items: visit(node.items as Node, [...path.slice(0, -1), `${path.at(-1)}[]`]) }
      : {}),
    ...(node.anyOf === undefined ? {} : { anyOf: node.anyOf.map((one) => inner(one)) }),
  };
};

/** Of several forms only mappings hold more; that a variable may stand there is said of all of them together. */
const withAlternative = (node: Node, path: Path): Node =>
  node.properties === undefined ? node : refined(node, path);

const exactlyOne = (keys: readonly string[]): Pick<Node, 'oneOf'> => ({
  oneOf: keys.map((key) => ({ required: [key] })),
});

/** Rules that span several keys, as far as a schema can say them. */
const withRules = (node: Node, path: Path): Node => {
  const keys = Object.keys(node.properties ?? {});
  if (path.join('.') === 'hosts[]') return { ...node, ...exactlyOne(ways) };
  if (!keys.includes('sops') || !keys.includes('prompt')) return node;
  const sources = ['env', 'file', 'prompt', 'command', 'age', 'sops'];
  const one: Node = {
    ...node,
    ...exactlyOne(sources),
    dependentRequired: { age: ['identity'], identity: ['age'] },
  };
  if (path.includes('vars')) return one;
  const { description, ...rule } = one;
  // A variable that is a secret may be the whole value.
  return {
    ...(description === undefined ? {} : { description }),
    anyOf: [rule, { $ref: '#/$defs/variable' }],
  };
};

/** Mappings that stand in several places are written once. */
class Shared {
  readonly definitions: Record<string, Node> = {};
  readonly #names = new Map<string, string>();

  share(node: Node, path: Path): Node {
    const { description, default: fallback, ...rule } = node;
    const children = withChildren(rule, path, (child, below) => this.share(child, below));
    const text = JSON.stringify(children);
    if (path.length === 0 || text.length < 400)
      return { ...children, ...said({ description, default: fallback }) };
    const name = this.#names.get(text) ?? this.#define(text, children, path);
    return { ...said({ description, default: fallback }), $ref: `#/$defs/${name}` };
  }

  #define(text: string, node: Node, path: Path): string {
    const last = (path.at(-1) ?? '').replace('[]', '');
    const base = last === 'NAME' || last === '' ? (path.at(-2) ?? 'entry') : last;
    let name = base;
    for (let count = 2; name in this.definitions; count += 1) name = `${base}${count}`;
    this.#names.set(text, name);
    this.definitions[name] = node;
    return name;
  }
}

const said = (words: {
  readonly description?: string | undefined;
  readonly default?: unknown;
}): Partial<Node> => Object.fromEntries(Object.entries(words).filter(([, value]) => value !== undefined));

/** The schema as a file. */
export const schemaText = (): string => `${JSON.stringify(profileJsonSchema(), undefined, 2)}\n`;
