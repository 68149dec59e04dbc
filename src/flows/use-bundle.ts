import { createHash } from 'node:crypto';
import { openBundle } from '../artifacts/bundle/open-bundle.ts';
import { formatLock } from '../artifacts/lock/format-lock.ts';
import type { LockInUse } from '../artifacts/lock/in-use.ts';
import { Fail } from '../core/fail.ts';
import type { FlowContext } from './context.ts';
import { inPhase } from './on-hosts.ts';

/**
 * The context of a run that takes everything from a bundle: checked, and of the lock beside the profile where there is one.
 * @throws Fail `ChecksumMismatch` for a bundle of another lock, or one that was changed
 */
export async function withBundle(context: FlowContext, file: string): Promise<FlowContext> {
  const { emit, signal } = context;
  const inUse = await inPhase(context, 'this machine', 'prepare', async (): Promise<LockInUse> => {
    const { lock, lockText, members } = await openBundle(file, { emit, signal });
    requireSameLock(file, lockText, await context.lock?.());
    return { lock, file: `${file}:berth.lock`, bundle: { file, members } };
  });
  return { ...context, lock: async () => inUse };
}

function requireSameLock(file: string, text: string, beside: LockInUse | undefined): void {
  if (beside === undefined) return;
  const [inside, outside] = [text, formatLock(beside.lock)].map((each) =>
    createHash('sha256').update(each).digest('hex'),
  );
  if (inside === outside) return;
  throw new Fail(
    'ChecksumMismatch',
    `${file} was made of a berth.lock with sha256 ${inside}; ${beside.file} has ${outside}`,
    { hint: 'make the bundle again with berth bundle, or put back the lock that it was made of' },
  );
}
