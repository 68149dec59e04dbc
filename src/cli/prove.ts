import { isRed } from '../core/events.ts';
import { Fail } from '../core/fail.ts';
import { counted } from '../core/text.ts';
import type { Face } from '../faces/face.ts';
import type { FlowContext } from '../flows/context.ts';
import { type VerifyOptions, verifyHosts } from '../flows/verify.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { exitCodeOfFailures } from './failed-hosts.ts';

/** Verifies the hosts and shows the table; the answer is the exit code. */
export const prove = async (
  context: FlowContext,
  face: Face,
  options: VerifyOptions = {},
): Promise<number> => {
  const { done, failures } = await verifyHosts(context, options);
  face.checks(done);
  const failed = exitCodeOfFailures(failures, context.hosts.length, face);
  const red = [...done].filter(([, { checks }]) => checks.some(isRed)).map(([host]) => host);
  if (red.length === 0) return failed;
  const error = new Fail(
    'VerifyFailed',
    `${counted(red.length, 'host')} did not pass the verification: ${red.join(', ')}`,
    {
      hint: 'the red checks above show what was seen, and the likely remedy',
      context: { hosts: red },
    },
  );
  face.failure(error);
  return failed === exitCodes.done ? exitCodeOf(error) : failed;
};
