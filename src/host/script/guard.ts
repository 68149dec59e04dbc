import { setTimeout as pause } from 'node:timers/promises';
import { asFail } from '../../core/as-fail.ts';
import type { Emit } from '../../core/events.ts';
import { Fail } from '../../core/fail.ts';
import { quote } from '../quote.ts';
import type { Connection } from '../transport/connection.ts';
import { interrupted } from '../transport/interrupted.ts';

/** Seconds that a guarded change has to be confirmed in: a login over a slow line, and a few tries. */
export const graceSeconds = 60;

/** After its deadline the guard restarts what it has to; then the host can be reached again. */
const restoreSeconds = 90;

const secondsBetweenTries = 1;

/** Makes a new connection to the host; the caller closes it. */
export type Reconnect = (signal: AbortSignal) => Promise<Connection>;

export interface Guarded {
  readonly host: string;
  /** The last of the guarded works. */
  readonly what: string;
  readonly reconnect: Reconnect | undefined;
  /** Where berth keeps its memory on the host. */
  readonly state: string;
  readonly graceSeconds: number;
  readonly emit: Emit;
  /** Aborted: nobody confirms. */
  readonly signal: AbortSignal;
}

/** Who renames the file first decides; guard.sh does the same when its deadline passes. */
const confirmation = (guard: string): string => `
if mv ${quote(`${guard}/armed`)} ${quote(`${guard}/confirmed`)} 2>/dev/null; then echo confirmed
else echo restored; fi`;

/** Waits for a guard that is at work, then says what it did. */
const question = (guard: string): string => `
tries=0
while [ -e ${quote(`${guard}/armed`)} ] || [ -e ${quote(`${guard}/firing`)} ]; do
  tries=$((tries + 1))
  [ $tries -lt ${restoreSeconds} ] || { echo armed; exit 0; }
  sleep 1
done
[ -e ${quote(`${guard}/restored`)} ] && echo restored`;

/**
 * Confirms over a new connection that the host can still be reached after guarded works.
 * @throws Fail `RolledBack` when nobody got through in time and the host has put back what was before;
 * `ConnectionLost` when it cannot be reached even then.
 */
export async function confirmGuard(guarded: Guarded): Promise<void> {
  const guard = `${guarded.state}/guard`;
  const within = (seconds: number) => AbortSignal.any([guarded.signal, AbortSignal.timeout(seconds * 1000)]);
  const first = await ask(guarded, confirmation(guard), within(guarded.graceSeconds));
  if (first.answer === 'confirmed') return;
  if (guarded.signal.aborted) throw givenUp(guarded);
  if (first.answer === undefined) {
    guarded.emit({
      kind: 'note',
      level: 'warn',
      host: guarded.host,
      message: `no new connection after: ${guarded.what}; the host puts back what was before`,
    });
  }
  const second = await ask(guarded, question(guard), within(restoreSeconds));
  if (guarded.signal.aborted) throw givenUp(guarded);
  throw second.answer === 'restored' ? undone(guarded, first.cause) : unreachable(guarded, second.cause);
}

interface Answer {
  /** Undefined: nobody answered before the signal aborted. */
  readonly answer: string | undefined;
  readonly cause: Fail | undefined;
}

/** Tries until somebody answers. */
async function ask({ host, reconnect }: Guarded, script: string, signal: AbortSignal): Promise<Answer> {
  if (reconnect === undefined) throw new Fail('Internal', `${host}: guarded changes need a way to reconnect`);
  let cause: Fail | undefined;
  while (!signal.aborted) {
    try {
      const connection = await reconnect(signal);
      try {
        const { stdout } = await connection.sh(script, { signal });
        return { answer: stdout.trim(), cause };
      } finally {
        await connection.close();
      }
    } catch (error) {
      cause = asFail(error);
    }
    await pause(secondsBetweenTries * 1000, undefined, { signal }).catch(() => {});
  }
  return { answer: undefined, cause };
}

const givenUp = ({ host, what, signal }: Guarded): Fail =>
  interrupted(signal, `${host}: waiting for a new connection after "${what}"`);

const undone = ({ host, what, graceSeconds: seconds }: Guarded, cause: Fail | undefined): Fail =>
  new Fail(
    'RolledBack',
    `${host}: after "${what}" no new connection came through within ${seconds} seconds; the host has put back what was before`,
    {
      hint: 'The change cuts the way to the host: look at what it does to network, sshd or firewall.',
      cause,
    },
  );

const unreachable = ({ host, what }: Guarded, cause: Fail | undefined): Fail =>
  new Fail(
    'ConnectionLost',
    `${host}: after "${what}" the host cannot be reached, not even after its guard should have undone the change`,
    {
      hint: 'Start the host again: a guarded change that was not confirmed is undone at boot, before the network comes up.',
      cause,
    },
  );
