import { resolve } from 'node:path';
import { type Check, isRed } from '../../core/events.ts';
import type { Fail } from '../../core/fail.ts';
import { printable } from '../../core/text.ts';
import type { Finding } from '../../node/doctor/cause.ts';
import { problemsOf } from '../../profile/problem.ts';
import type { Annotation } from './dialect.ts';

const withRemedy = (message: string, remedy: string | undefined): string =>
  printable(remedy === undefined ? message : `${message}\n${remedy}`);

/** Each problem of a profile at its place; any other failure as one. */
export const annotationsOfFailure = (error: Fail): Annotation[] => {
  const problems = problemsOf(error);
  if (problems.length === 0)
    return [
      { level: 'error', title: `berth: ${error.code}`, message: withRemedy(error.message, error.hint) },
    ];
  return problems.map(({ file, line, column, message }) => ({
    level: 'error',
    title: `berth: ${error.code}`,
    message: printable(message),
    at: { file: resolve(file), line, column },
  }));
};

/** The red checks of `whose`. */
export const annotationsOfChecks = (whose: string, checks: readonly Check[]): Annotation[] =>
  checks.filter(isRed).map((check) => ({
    level: 'error',
    title: `${whose}: ${check.id}`,
    message: withRemedy(`${check.title}: ${check.detail}`, check.remedy),
  }));

/** What the doctor found on `host`; what is nothing to act on is left out. */
export const annotationsOfFindings = (host: string, findings: readonly Finding[]): Annotation[] =>
  findings.flatMap(({ level, code, name, evidence, remedy }) =>
    level === 'info'
      ? []
      : [{ level, title: `${host}: ${code}`, message: withRemedy(`${name}: ${evidence}`, remedy) }],
  );

export const annotationOfNote = (host: string | undefined, message: string): Annotation => ({
  level: 'warning',
  title: host === undefined ? 'berth' : `berth: ${host}`,
  message: printable(message),
});
