import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import Handlebars from 'handlebars';
import { Fail } from '../core/fail.ts';
import { quote } from '../host/quote.ts';
import { parserOf } from './parsers.ts';

/** Renders the template whose place under `templates/` is the path of the file on the host. */
export type Render = (template: string, values: Readonly<Record<string, unknown>>, path?: string) => string;

const folder = fileURLToPath(new URL('../../templates', import.meta.url));

/** Handlebars escapes HTML by itself, which would corrupt every format that we write: values are quoted by name. */
const quoting = {
  json: (value: unknown) => JSON.stringify(value),
  // A JSON string or list of strings is a TOML one too, but for DEL, which TOML wants escaped.
  toml: (value: unknown) => JSON.stringify(value).replaceAll('\u007f', String.raw`\u007f`),
  sh: (value: unknown) => quote(String(value)),
};

const options = {
  strict: true,
  noEscape: true,
  knownHelpersOnly: true,
  knownHelpers: { json: true, toml: true, sh: true },
} as const;

/** Reads all templates once; rendering is then pure. */
export async function loadTemplates(root = folder): Promise<Render> {
  const handlebars = Handlebars.create();
  handlebars.registerHelper(quoting);
  const templates = new Map<string, Handlebars.TemplateDelegate>();
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.hbs')) continue;
    const file = join(entry.parentPath, entry.name);
    const path = `/${relative(root, file).slice(0, -'.hbs'.length)}`;
    templates.set(path, handlebars.compile(await readFile(file, 'utf8'), options));
  }
  return (template, values, path = template) => {
    const render = templates.get(template);
    if (render === undefined) throw new Fail('Internal', `there is no template for ${template}`);
    return checked(path, render(values));
  };
}

/** What a template made is read again by the parser of its format before it may go to a host. */
function checked(path: string, text: string): string {
  try {
    parserOf(path)?.(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Fail('Internal', `the template of ${path} rendered something that is not valid: ${why}`, {
      hint: 'Look for unquoted values in the template, or for odd characters in the profile.',
      context: { text },
      cause,
    });
  }
  return text;
}
