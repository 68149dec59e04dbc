import { asFail } from '../core/as-fail.ts';
import type { Face } from '../faces/face.ts';
import { scrubbedFailure } from '../faces/scrubbed.ts';
import { exitCodeOf } from './exit-codes.ts';

/** The last words of a command that did not come to its work. The answer is the exit code. */
export const tellFailure = (face: Face, error: unknown): number => {
  const fail = scrubbedFailure(asFail(error));
  const exitCode = exitCodeOf(fail);
  face.failure(fail);
  face.end(exitCode);
  return exitCode;
};
