import { nearest } from '../core/nearest.ts';
import { isMapping, type Scalar, type Tree } from './tree.ts';

/*
 * Variables: `${name}` in a text stands for the value of the variable, `$${` for `${` itself. A value is a text, and the
 * schema reads a number or true/false from it where it wants one.
 */

const mention = /\$\$\{|\$\{([^}]*)\}?/g;

export const variableName = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** Whether a value names variables, or escapes one. */
export const mentionsVariables = (value: unknown): value is string =>
  typeof value === 'string' && value.includes('${');

/** The names that a text mentions. */
export const mentionedIn = (text: string): string[] =>
  [...text.matchAll(mention)].flatMap(([whole, name]) => (whole === '$${' ? [] : [name ?? '']));

/** What a variable stands for on one host. */
export type Variable =
  | { readonly kind: 'text'; readonly text: string }
  /** Read when it is needed, and only where a secret may stand. */
  | { readonly kind: 'secret'; readonly source: Tree }
  /** Not to be had; the reason was told where it is declared. */
  | { readonly kind: 'broken' };

export type Variables = ReadonlyMap<string, Tree>;

/** Variables whose values come from outside the profile and are no secrets, by where they are declared. */
export type External = ReadonlyMap<string, string>;

/** Identifies a declaration over several parses of the same files. */
export const declarationKey = ({ place }: Tree): string => `${place.source.file}:${place.offset}`;

export const isDeclassified = (tree: Tree): boolean =>
  isMapping(tree) && tree.value.get('secret')?.value === false;

export interface Substitution {
  readonly variables: Variables;
  readonly external: External;
  /** Names that are declared anywhere, and where: for the message about one that is not declared here. */
  readonly everywhere: ReadonlyMap<string, string>;
  /** What is wrong with a text; it stands where the text stands. */
  readonly complain: (tree: Tree, message: string) => void;
}

/** Replaces the variables in every text below. A text that cannot be replaced is complained about and `null`. */
export const substitute = (tree: Tree, context: Substitution): Tree => {
  if (isMapping(tree)) {
    const replaced = [...tree.value].map(([key, child]): [string, Tree] => [key, substitute(child, context)]);
    return replaced.every(([key, child]) => child === tree.value.get(key))
      ? tree
      : { ...tree, value: new Map(replaced) };
  }
  if (Array.isArray(tree.value)) {
    const list: readonly Tree[] = tree.value;
    const replaced = list.map((child) => substitute(child, context));
    return replaced.every((child, index) => child === list[index]) ? tree : { ...tree, value: replaced };
  }
  return mentionsVariables(tree.value) ? replaceIn(tree, tree.value, context, []) : tree;
};

const replaceIn = (tree: Tree, text: string, context: Substitution, stack: readonly string[]): Tree => {
  const from = mentionedIn(text).flatMap((name) => context.variables.get(name) ?? []);
  const whole = /^\$\{([^}]*)\}$/.exec(text)?.[1];
  const only = whole === undefined ? undefined : lookUp(tree, whole, context, stack);
  if (only?.kind === 'secret')
    return { ...only.source, overrides: tree.overrides, written: text, usedAt: tree.place, from };
  const parts = only === undefined ? partsOf(tree, text, context, stack) : textIn(only);
  return { ...tree, value: parts ?? null, written: text, from };
};

const textIn = (value: Variable): Scalar | undefined => (value.kind === 'text' ? value.text : undefined);

const partsOf = (
  tree: Tree,
  text: string,
  context: Substitution,
  stack: readonly string[],
): string | undefined => {
  let isWhole = true;
  const result = text.replace(mention, (match, name: string | undefined) => {
    if (match === '$${') return '${';
    const value = match.endsWith('}')
      ? lookUp(tree, name ?? '', context, stack)
      : complaint(
          tree,
          context,
          `"\${${name}" has no } at its end; a \${ that is no variable is written $\${`,
        );
    if (value.kind === 'text') return value.text;
    if (value.kind === 'secret')
      context.complain(
        tree,
        `the variable ${name} is a secret, and a secret is never part of a text; it may be the whole value of a key that takes a secret`,
      );
    isWhole = false;
    return '';
  });
  return isWhole ? result : undefined;
};

const complaint = (tree: Tree, context: Substitution, message: string): Variable => {
  context.complain(tree, message);
  return { kind: 'broken' };
};

const lookUp = (tree: Tree, name: string, context: Substitution, stack: readonly string[]): Variable => {
  const declared = context.variables.get(name);
  if (declared === undefined) return complaint(tree, context, unknown(name, context));
  if (stack.includes(name))
    return complaint(
      tree,
      context,
      `the variable ${name} is made of itself: ${[...stack, name].join(' → ')}`,
    );
  if (isMapping(declared)) return sourced(declared, context);
  const { value } = declared;
  if (!mentionsVariables(value)) return { kind: 'text', text: declared.literal ?? String(value) };
  const made = replaceIn(declared, value, context, [...stack, name]);
  if (isMapping(made)) return { kind: 'secret', source: made };
  return typeof made.value === 'string' ? { kind: 'text', text: made.value } : { kind: 'broken' };
};

const sourced = (declared: Tree, { external }: Substitution): Variable => {
  if (!isDeclassified(declared)) return { kind: 'secret', source: declared };
  // Why it could not be had is told where it is declared.
  const text = external.get(declarationKey(declared));
  return text === undefined ? { kind: 'broken' } : { kind: 'text', text };
};

const unknown = (name: string, { variables, everywhere }: Substitution): string => {
  if (!variableName.test(name))
    return `"\${${name}}" names no variable; a \${ that is no variable is written $\${`;
  const elsewhere = everywhere.get(name);
  if (elsewhere !== undefined)
    return `the variable ${name} has a value in ${elsewhere} and none for this host`;
  const guess = nearest(name, [...variables.keys()]);
  const known = [...variables.keys()].join(', ') || 'none';
  return `there is no variable ${name}; ${guess === undefined ? `known here: ${known}` : `did you mean ${guess}?`}`;
};
