import { setTimeout as sleep } from 'node:timers/promises';
import { Fail } from '../../core/fail.ts';
import { processesIn } from './cgroups.ts';
import { startingKeepers } from './keeper.ts';
import type { HostPlaces } from './places.ts';

export const haltDeadlineMilliseconds = 30_000;

/** The host's init outlives a killed nspawn; so everything of the host is killed until nothing is left. */
export async function killAll(
  places: HostPlaces,
  cgroups: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const until = Date.now() + haltDeadlineMilliseconds;
  const living = async (): Promise<number[]> => [
    ...(await processesIn(cgroups)),
    ...(await startingKeepers(places)),
  ];
  for (let alive = await living(); alive.length > 0; alive = await living()) {
    if (Date.now() > until)
      throw new Fail('DeadlineExceeded', `processes ${alive.join(' ')} do not end after SIGKILL`);
    for (const pid of alive) signalProcess(pid, 'SIGKILL');
    await sleep(20, undefined, { signal });
  }
}

export async function emptied(
  cgroups: readonly string[],
  milliseconds: number,
  signal: AbortSignal,
): Promise<boolean> {
  const until = Date.now() + milliseconds;
  while ((await processesIn(cgroups)).size > 0) {
    if (Date.now() > until) return false;
    await sleep(50, undefined, { signal });
  }
  return true;
}

export function signalProcess(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
