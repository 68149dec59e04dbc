import assert from 'node:assert/strict';
import { Fail } from '../../src/core/fail.ts';

/** The `Fail` with which it ended; that it ends with none, or with another error, fails the test. */
export async function failure(promise: Promise<unknown>): Promise<Fail> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Fail, `expected a Fail, got ${error}`);
  return error;
}
