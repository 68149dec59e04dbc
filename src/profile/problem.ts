import { Fail } from '../core/fail.ts';

/** One thing that is wrong in a profile, and where. Lines and columns count from 1. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** The line of the file, and under it a caret at the column. */
  readonly frame: string;
}

const byPlace =
  (main: string) =>
  (one: Problem, other: Problem): number => {
    if (one.file !== other.file) {
      if (one.file === main) return -1;
      return other.file === main || one.file > other.file ? 1 : -1;
    }
    return one.line - other.line || one.column - other.column;
  };

/** What stands after the semicolon is the remedy: of two for the same, the first is the nearer one. */
const identity = ({ file, line, column, message }: Problem): string =>
  [file, line, column, message.split(';', 1)[0]].join('\0');

/**
 * The error that carries every problem of a profile at once, each once, sorted by position, those of its own file before
 * those of included ones, in `context.problems`.
 */
export const badProfile = (file: string, problems: readonly Problem[]): Fail => {
  const once = new Map(problems.toReversed().map((problem) => [identity(problem), problem]));
  const sorted = [...once.values()].toReversed().sort(byPlace(file));
  const count = sorted.length === 1 ? 'one problem' : `${sorted.length} problems`;
  return new Fail('BadProfile', `${file}: ${count} in the profile`, {
    hint: 'docs/profile.md describes every key',
    context: { file, problems: sorted },
  });
};

const isProblem = (value: unknown): value is Problem =>
  typeof value === 'object' &&
  value !== null &&
  'file' in value &&
  'line' in value &&
  'column' in value &&
  'message' in value &&
  'frame' in value;

/** The problems that a `BadProfile` carries; empty for any other error. */
export const problemsOf = (error: Fail): readonly Problem[] => {
  const problems = error.context['problems'];
  return error.code === 'BadProfile' && Array.isArray(problems) ? problems.filter(isProblem) : [];
};
