import { Fail } from '../core/fail.ts';
import { counted } from '../core/text.ts';
import type { Face } from '../faces/face.ts';
import type { FlowContext } from '../flows/context.ts';
import { verifyHosts } from '../flows/verify.ts';

/**
 * Verifies the hosts and shows the table.
 * @throws Fail `VerifyFailed` when a check is red.
 */
export const prove = async (context: FlowContext, face: Face): Promise<void> => {
  const checks = await verifyHosts(context);
  face.checks(checks);
  const red = [...checks].filter(([, list]) => list.some((check) => !check.ok)).map(([host]) => host);
  if (red.length === 0) return;
  throw new Fail(
    'VerifyFailed',
    `${counted(red.length, 'host')} did not pass the verification: ${red.join(', ')}`,
    {
      hint: 'the red checks above show what was seen, and the likely remedy',
      context: { hosts: red },
    },
  );
};
