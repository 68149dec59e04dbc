import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import Handlebars from 'handlebars';
import { Fail } from '../core/fail.ts';
import { parserOf } from './parsers.ts';
import { quoting } from './quoting.ts';

/** Renders the template whose place under `templates/` is the path of the file on the host. */
export interface Render {
  (template: string, values: Readonly<Record<string, unknown>>, path?: string): string;
  /** Files that templates of the user bring besides those that berth knows. */
  readonly added: readonly AddedTemplate[];
}

export interface AddedTemplate {
  /** On the host. */
  readonly path: string;
  /** An executable template makes an executable file. */
  readonly mode: number;
}

const builtIn = fileURLToPath(new URL('../../templates', import.meta.url));
const suffix = '.hbs';

/**
 * Handlebars escapes HTML by itself, which would corrupt every format that we write: values are quoted by name. A name
 * that means nothing is an error, also where Handlebars would read it as false or as nothing.
 */
const options = {
  strict: true,
  noEscape: true,
  knownHelpersOnly: true,
  knownHelpers: Object.fromEntries(Object.keys(quoting).map((name) => [name, true])),
} as const;

interface Template {
  readonly file: string;
  readonly own: boolean;
  readonly mode: number;
  readonly render: (values: Readonly<Record<string, unknown>>) => string;
}

/**
 * Reads all templates once; rendering is then pure. Templates of `own` take the place of those with the same path, and
 * add files.
 * @throws Fail `BadProfile` when the folder cannot be read, or a template of it is no template
 */
export async function loadTemplates(own?: string, root = builtIn): Promise<Render> {
  const known = await templatesIn(root, false);
  const theirs = own === undefined ? new Map<string, Template>() : await templatesIn(own, true);
  const templates = new Map([...known, ...theirs]);
  const render = (name: string, values: Readonly<Record<string, unknown>>, path = name): string => {
    // A network's file has the template of all networks, unless it has one of its own.
    const template = theirs.get(path) ?? templates.get(name);
    if (template === undefined) throw new Fail('Internal', `there is no template for ${name}`);
    return checked(path, template, rendered(template, values));
  };
  const added = [...theirs].flatMap(([path, { mode }]) => (known.has(path) ? [] : [{ path, mode }]));
  return Object.assign(render, { added });
}

async function templatesIn(root: string, own: boolean): Promise<Map<string, Template>> {
  const handlebars = Handlebars.create();
  handlebars.registerHelper(helpers);
  const templates = new Map<string, Template>();
  for (const entry of await entriesOf(root)) {
    if (!entry.isFile() || !entry.name.endsWith(suffix)) continue;
    const file = join(entry.parentPath, entry.name);
    const path = `/${relative(root, file).slice(0, -suffix.length)}`;
    if (own) requireUsablePath(path, file);
    const text = await readFile(file, 'utf8');
    const mode = ((await stat(file)).mode & 0o100) === 0 ? 0o644 : 0o755;
    const parsed = parsedTemplate(text, file, own);
    templates.set(path, { file, own, mode, render: handlebars.compile(parsed, options) });
  }
  return templates;
}

async function entriesOf(root: string) {
  try {
    return await readdir(root, { recursive: true, withFileTypes: true });
  } catch (cause) {
    throw new Fail('BadProfile', `the folder of templates ${root} cannot be read`, {
      hint: 'spec.templates names a folder; its path is relative to the profile.',
      cause,
    });
  }
}

/** Kernel interfaces, what ends with a boot, and berth's own memory are no places for files of a profile. */
const forbidden = /^\/(proc|sys|dev|run|tmp|var\/run|var\/tmp|var\/lib\/berth-install|usr\/lib\/berth)(\/|$)/;

/** Berth's own templates under the names that they had: a file of the user there would lie beside berth's, and say nothing. */
const renamed: ReadonlyMap<string, string> = new Map([
  ['/etc/crio/policy.json', '/etc/berth/policy.json'],
  ['/etc/crio/crio.conf.d/10-berth.conf', '/etc/crio/crio.conf.d/20-berth.conf'],
  ['/etc/containers/registries.conf.d/50-berth.conf', '/etc/containers/registries.conf.d/zz-berth.conf'],
]);

function requireUsablePath(path: string, file: string): void {
  const now = renamed.get(path);
  if (now !== undefined)
    throw new Fail('BadProfile', `${file}: the file of berth whose place this template takes is ${now} now`, {
      hint: `Move the template to ${now.slice(1)}${suffix} in its folder.`,
    });
  const why = forbidden.test(path)
    ? `nothing of a profile belongs into ${path}`
    : /^[A-Za-z0-9/._@:+-]+$/.test(path)
      ? undefined
      : 'its path has a character other than letters, digits and . _ @ : + -';
  if (why === undefined) return;
  throw new Fail('BadProfile', `${file}: ${why}`, {
    hint: 'The place of a template in its folder is the path of the file on the host.',
  });
}

function parsedTemplate(text: string, file: string, own: boolean): hbs.AST.Program {
  try {
    return Handlebars.parse(text);
  } catch (cause) {
    const line = /on line (\d+)/.exec(String(cause))?.[1] ?? '1';
    throw templateFail({ file, own }, line, `is no template: ${messageOf(cause)}`, cause);
  }
}

/** Where a helper stands in its template. */
interface At {
  readonly line: number;
  readonly problem: string;
}

/** Carries the line out of Handlebars. */
class TemplateProblem extends Error {
  readonly line: number;

  constructor({ line, problem }: At, cause?: unknown) {
    super(problem, { cause });
    this.line = line;
  }
}

type HelperOptions = Handlebars.HelperOptions & {
  readonly name: string;
  readonly loc?: { readonly start: { readonly line: number } };
};

const lineOf = ({ loc }: HelperOptions): number => loc?.start.line ?? 1;

/** Strict mode looks at plain names alone: a missing one as the argument of a helper would be nothing. */
function requireKnown(value: unknown, given: HelperOptions): void {
  if (value !== undefined) return;
  throw new TemplateProblem({
    line: lineOf(given),
    problem: `a name after {{${given.name}}} means nothing here`,
  });
}

const quotingHelper =
  (quoted: (value: unknown) => string) =>
  (value: unknown, given: HelperOptions): string => {
    requireKnown(value, given);
    try {
      return quoted(value);
    } catch (cause) {
      throw new TemplateProblem({ line: lineOf(given), problem: messageOf(cause) }, cause);
    }
  };

type BlockHelper = (this: unknown, value: unknown, given: HelperOptions) => unknown;

const strictBlock = (name: 'if' | 'unless' | 'each' | 'with'): BlockHelper => {
  const original = Handlebars.helpers[name] as BlockHelper;
  return function (this: unknown, value, given) {
    requireKnown(value, given);
    return original.call(this, value, given);
  };
};

const helpers = {
  ...Object.fromEntries(Object.entries(quoting).map(([name, quoted]) => [name, quotingHelper(quoted)])),
  if: strictBlock('if'),
  unless: strictBlock('unless'),
  each: strictBlock('each'),
  with: strictBlock('with'),
};

function rendered(template: Template, values: Readonly<Record<string, unknown>>): string {
  try {
    return template.render(values);
  } catch (cause) {
    throw templateFail(template, lineWithin(cause), messageOf(cause), cause);
  }
}

const lineWithin = (cause: unknown): string => {
  if (cause instanceof TemplateProblem) return String(cause.line);
  if (cause instanceof Error && 'lineNumber' in cause) return String(cause.lineNumber ?? 1);
  return '1';
};

const messageOf = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).replace(/ in \[object Object\]/, '').trim();

/** What a template made is read again by the parser of its format before it may go to a host. */
function checked(path: string, template: Template, text: string): string {
  try {
    parserOf(path)?.(text);
  } catch (cause) {
    const why = `what it makes for ${path} is not valid${placeIn(text, cause)}: ${messageOf(cause)}`;
    throw templateFail(template, undefined, why, cause);
  }
  return text;
}

/** Where in the result, as far as the parser tells it. */
function placeIn(text: string, cause: unknown): string {
  const ofParser =
    typeof cause === 'object' && cause !== null && 'line' in cause ? Number(cause.line) : Number.NaN;
  const told = Number(/\bline (\d+)/i.exec(messageOf(cause))?.[1] ?? Number.NaN);
  const position = Number(/\bposition (\d+)/.exec(messageOf(cause))?.[1] ?? Number.NaN);
  const counted = Number.isNaN(position) ? Number.NaN : text.slice(0, position).split('\n').length;
  const line = [ofParser, told, counted].find((each) => !Number.isNaN(each));
  return line === undefined ? '' : ` in its line ${line}`;
}

const templateFail = (
  { file, own }: Pick<Template, 'file' | 'own'>,
  line: string | undefined,
  why: string,
  cause: unknown,
): Fail =>
  new Fail(own ? 'BadProfile' : 'Internal', `${file}${line === undefined ? '' : `:${line}`}: ${why}`, {
    hint: own
      ? 'docs/profile.md says which values a template has and how they are quoted.'
      : 'Look for odd characters in the profile: a template of berth does not take them.',
    context: { file, ...(line === undefined ? {} : { line: Number(line) }) },
    cause,
  });
