import { type Document, LineCounter, parseDocument, visit, type YAMLError } from 'yaml';
import type { z } from 'zod';
import { nearest } from '../core/nearest.ts';
import { buildProfile } from './build-profile.ts';
import { codeFrame } from './code-frame.ts';
import { crossChecks } from './cross-checks.ts';
import { describeIssue } from './describe-issue.ts';
import { type Finding, pathText } from './finding.ts';
import { knownKeys } from './known-keys.ts';
import { locate } from './locate.ts';
import { badProfile, type Problem } from './problem.ts';
import type { Profile } from './profile.ts';
import { profileSchema } from './schema.ts';

/** More aliases than any honest profile has; a document that multiplies itself is refused. */
const maxAliases = 100;

const keyPath = (path: readonly PropertyKey[]): Finding['path'] =>
  path.map((part) => (typeof part === 'number' ? part : String(part)));

const unknownKey = (path: Finding['path'], key: string): Finding => {
  const known = knownKeys(profileSchema, path);
  const guess = nearest(key, known);
  const remedy = guess === undefined ? `known here: ${known.join(', ') || 'none'}` : `did you mean ${guess}?`;
  return { path: [...path, key], at: 'key', message: `unknown key; ${remedy}` };
};

const findingsOf = (issue: z.core.$ZodIssue): Finding[] => {
  const path = keyPath(issue.path);
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(path, key));
  return [{ path, at: issue.code === 'invalid_key' ? 'key' : 'value', message: issue.message }];
};

/** What goes wrong most often by hand, and what the parser says of it in words of its own trade. */
const isIndentation = ({ code, pos }: YAMLError, text: string): boolean =>
  code === 'BLOCK_AS_IMPLICIT_KEY' || (code === 'MISSING_CHAR' && text[pos[0]] === ' ');

const syntaxMessage = (error: YAMLError, text: string): string => {
  if (error.code === 'DUPLICATE_KEY') return 'this key stands here twice';
  if (error.code === 'MULTIPLE_DOCS') return 'a profile is one document; a second one starts here';
  const remedy = isIndentation(error, text) ? '; begin the line in the same column as its neighbours' : '';
  return `not valid YAML: ${error.message}${remedy}`;
};

const unresolvedAliases = (document: Document.Parsed): { offset: number; message: string }[] => {
  const found: { offset: number; message: string }[] = [];
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) === undefined)
        found.push({
          offset: alias.range?.[0] ?? 0,
          message: `the anchor &${alias.source} is not set before this alias`,
        });
    },
  });
  return found;
};

/** The plain value of a document; a text says why there is none. */
const plainValue = (document: Document.Parsed): { value: unknown } | string => {
  try {
    return { value: document.toJS({ maxAliasCount: maxAliases }) };
  } catch (cause) {
    // The only error that yaml documents for toJS of a document whose aliases all resolve.
    if (cause instanceof ReferenceError)
      return `the aliases of this document multiply beyond ${maxAliases} nodes`;
    throw cause;
  }
};

/**
 * Parses the text of a profile. `file` is for messages and for paths, which are relative to its folder.
 * @throws Fail `BadProfile` with every problem at once: see `problemsOf`.
 */
export const parseProfile = (text: string, file: string): Profile => {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, logLevel: 'error' });
  const problemAt = (offset: number, message: string): Problem => {
    const { line, col } = lineCounter.linePos(Math.min(offset, text.length));
    return { line, column: col, message, frame: codeFrame(text, line, col) };
  };
  const problems = document.errors.map((error) => problemAt(error.pos[0], syntaxMessage(error, text)));
  // After a duplicate key the document still has a clear shape; after other errors, further findings would mislead.
  if (document.errors.some((error) => error.code !== 'DUPLICATE_KEY')) throw badProfile(file, problems);
  problems.push(...unresolvedAliases(document).map(({ offset, message }) => problemAt(offset, message)));
  if (problems.length > 0 && document.errors.length === 0) throw badProfile(file, problems);
  if (document.contents === null)
    throw badProfile(file, [problemAt(0, 'the profile is empty; the shortest one has hosts alone')]);

  const plain = plainValue(document);
  if (typeof plain === 'string') throw badProfile(file, [...problems, problemAt(0, plain)]);
  const parsed = profileSchema.safeParse(plain.value, { error: describeIssue });
  const findings = [...(parsed.error?.issues.flatMap(findingsOf) ?? []), ...crossChecks(plain.value)];
  for (const finding of findings) {
    const where = finding.path.length === 0 ? '' : `${pathText(finding.path)}: `;
    problems.push(problemAt(locate(document, finding), where + finding.message));
  }
  if (!parsed.success || problems.length > 0) throw badProfile(file, problems);
  return buildProfile(file, parsed.data);
};
