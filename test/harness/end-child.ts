import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Ends it, unless it has ended already: SIGKILL when SIGTERM does not do it within ten seconds. */
export const endChild = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const impatience = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await exit;
  clearTimeout(impatience);
};
