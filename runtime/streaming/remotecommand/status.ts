import { Fail } from '../../core/fail.ts';

/** How a session ended: with the exit code of its process, or without one. */
export type Outcome =
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'failed'; readonly error: Error };

/** What is written to the error channel. v4 and later: metav1.Status as JSON. Before: text, nothing for success. */
export type StatusFormat = 'json' | 'text';

export const encodeOutcome = (outcome: Outcome, format: StatusFormat): string => {
  if (format === 'json') return JSON.stringify(statusOf(outcome));
  return outcome.kind === 'exited' && outcome.exitCode === 0 ? '' : messageOf(outcome);
};

/** The part of metav1.Status that clients look at; `reason` and `causes` are what carries the exit code. */
const statusOf = (outcome: Outcome) => {
  const metadata = {};
  if (outcome.kind === 'failed') {
    return { metadata, status: 'Failure', message: messageOf(outcome), reason: 'InternalError', code: 500 };
  }
  if (outcome.exitCode === 0) return { metadata, status: 'Success' };
  return {
    metadata,
    status: 'Failure',
    message: messageOf(outcome),
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(outcome.exitCode) }] },
  };
};

const messageOf = (outcome: Outcome): string =>
  outcome.kind === 'exited'
    ? `command terminated with non-zero exit code: ${outcome.exitCode}`
    : `error executing command in container: ${describe(outcome.error)}`;

const describe = (error: Error): string =>
  error instanceof Fail && error.hint !== undefined ? `${error.message}; ${error.hint}` : error.message;
