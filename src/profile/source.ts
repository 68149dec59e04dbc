import { type Document, LineCounter, parseDocument, visit, type YAMLError } from 'yaml';
import { codeFrame } from './code-frame.ts';
import type { Problem } from './problem.ts';
import type { SourceText } from './profile.ts';

/** A file, parsed. */
export interface Source extends SourceText {
  readonly document: Document.Parsed;
  readonly lineCounter: LineCounter;
}

/** More aliases than any honest profile has; a document that multiplies itself is refused. */
const maxAliases = 100;

export const problemAt = (
  { file, text, lineCounter }: Pick<Source, 'file' | 'text' | 'lineCounter'>,
  offset: number,
  message: string,
): Problem => {
  const { line, col } = lineCounter.linePos(Math.min(offset, text.length));
  return { file, line, column: col, message, frame: codeFrame(text, line, col) };
};

/** What goes wrong most often by hand, and what the parser says of it in words of its own trade. */
const isIndentation = ({ code, pos }: YAMLError, text: string): boolean =>
  code === 'BLOCK_AS_IMPLICIT_KEY' || (code === 'MISSING_CHAR' && text[pos[0]] === ' ');

/** `{ user: ${user} }`: the braces of the variable end the mapping around it. */
const isBareVariable = ({ pos }: YAMLError, text: string): boolean => {
  const line = text.slice(text.lastIndexOf('\n', pos[0] - 1) + 1, pos[1]);
  // Most broken lines have none; the pattern alone would take its time with a line of brackets.
  return line.includes('${') && /[{[,:]\s*[^"'\n]*\$\{/.test(line);
};

const syntaxMessage = (error: YAMLError, text: string): string => {
  if (error.code === 'DUPLICATE_KEY') return 'this key stands here twice';
  if (error.code === 'MULTIPLE_DOCS') return 'a profile is one document; a second one starts here';
  if (isBareVariable(error, text))
    return 'not valid YAML: inside { } and [ ] a text with a variable is quoted, as in "${name}"';
  const remedy = isIndentation(error, text) ? '; begin the line in the same column as its neighbours' : '';
  return `not valid YAML: ${error.message}${remedy}`;
};

/** Aliases that stand for nothing, or for something that they are part of. */
const emptyAliases = (document: Document.Parsed): { offset: number; message: string }[] => {
  const found: { offset: number; message: string }[] = [];
  visit(document, {
    Alias: (_key, alias, path) => {
      const offset = alias.range?.[0] ?? 0;
      const node = alias.resolve(document);
      if (node === undefined)
        found.push({ offset, message: `the anchor &${alias.source} is not set before this alias` });
      else if (path.includes(node))
        found.push({ offset, message: `what the anchor &${alias.source} names would contain itself` });
    },
  });
  return found;
};

/** Why a document has no plain value; undefined: it has one. */
const multiplies = (document: Document.Parsed): string | undefined => {
  try {
    document.toJS({ maxAliasCount: maxAliases });
    return undefined;
  } catch (cause) {
    // The only error that yaml documents for toJS of a document whose aliases all resolve.
    if (cause instanceof ReferenceError)
      return `the aliases of this document multiply beyond ${maxAliases} nodes`;
    throw cause;
  }
};

/** What the braces of one variable break is one problem, however often the parser stumbles over it. */
const telling = (errors: readonly YAMLError[], text: string): readonly YAMLError[] => {
  const first = errors.findIndex((error) => isBareVariable(error, text));
  return errors.filter((error, index) => index <= first || !isBareVariable(error, text));
};

export interface ParsedSource {
  readonly source: Source;
  readonly problems: readonly Problem[];
  /** False: the document has no clear shape, and further findings would mislead. */
  readonly usable: boolean;
}

/** Parses the YAML of one file; what is wrong with the syntax comes as problems. */
export const parseSource = (from: SourceText): ParsedSource => {
  const lineCounter = new LineCounter();
  const { text } = from;
  const document = parseDocument(text, { lineCounter, prettyErrors: false, logLevel: 'error' });
  const source: Source = { ...from, document, lineCounter };
  const problems = telling(document.errors, text).map((error) =>
    problemAt(source, error.pos[0], syntaxMessage(error, text)),
  );
  const unusable = (...more: Problem[]) => ({ source, problems: [...problems, ...more], usable: false });
  // After a duplicate key the document still has a clear shape; after other errors, further findings would mislead.
  if (document.errors.some((error) => error.code !== 'DUPLICATE_KEY')) return unusable();
  if (document.get('kind') === 'Plan')
    return unusable(
      problemAt(source, 0, 'this is a plan that berth plan -o has saved; berth apply alone takes it'),
    );
  const aliases = emptyAliases(document).map(({ offset, message }) => problemAt(source, offset, message));
  if (aliases.length > 0) return unusable(...aliases);
  if (document.contents === null) {
    const message =
      source.role === 'profile'
        ? 'the profile is empty; the shortest one has hosts alone'
        : 'the file is empty; one that says nothing is written {}';
    return unusable(problemAt(source, 0, message));
  }
  const why = multiplies(document);
  return why === undefined ? { source, problems, usable: true } : unusable(problemAt(source, 0, why));
};
