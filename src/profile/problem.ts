import { Fail } from '../core/fail.ts';

/** One thing that is wrong in a profile, and where. Lines and columns count from 1. */
export interface Problem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** The line of the file, and under it a caret at the column. */
  readonly frame: string;
}

/** The error that carries every problem of a file at once, sorted by position, in `context.problems`. */
export const badProfile = (file: string, problems: readonly Problem[]): Fail => {
  const sorted = problems.toSorted((one, other) => one.line - other.line || one.column - other.column);
  const count = sorted.length === 1 ? 'one problem' : `${sorted.length} problems`;
  return new Fail('BadProfile', `${file}: ${count} in the profile`, {
    hint: 'docs/profile.md describes every key',
    context: { file, problems: sorted },
  });
};

const isProblem = (value: unknown): value is Problem =>
  typeof value === 'object' &&
  value !== null &&
  'line' in value &&
  'column' in value &&
  'message' in value &&
  'frame' in value;

/** The problems that a `BadProfile` carries; empty for any other error. */
export const problemsOf = (error: Fail): readonly Problem[] => {
  const problems = error.context['problems'];
  return error.code === 'BadProfile' && Array.isArray(problems) ? problems.filter(isProblem) : [];
};
