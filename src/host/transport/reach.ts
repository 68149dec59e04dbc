import type { Emit } from '../../core/events.ts';
import { withoutHost } from '../../core/text.ts';
import type { SshAddress } from '../../profile/profile.ts';
import { type Dialled, dial } from './dial.ts';
import { connectDeadlineMs, type LoggedIn, type Login, logIn } from './login.ts';
import { withRetries } from './retry.ts';
import type { Wire } from './wire.ts';

/** Connections through jump hosts; the chain is never empty. */
export interface Jumps {
  dial(chain: readonly SshAddress[], target: Dialled, to: Reach): Promise<Wire>;
}

export interface Reach extends Login {
  readonly jumpHosts: Jumps;
  /** Told of what is tried again. `host` is the profile's name of the host. */
  readonly emit: Emit;
  readonly host: string;
}

/** Connects, through jump hosts where the way leads over some, and logs in; tries again what may pass by itself. */
export async function reach(to: Reach): Promise<LoggedIn> {
  const { signal, emit, host, meter } = to;
  return await withRetries(
    async () => {
      const wire = await connectWire(to, to.ssh);
      meter.wait();
      return await logIn(to, wire);
    },
    {
      signal,
      onRetry: (error, afterMs) =>
        emit({
          kind: 'note',
          level: 'info',
          host,
          message: `${withoutHost(host, error.message)}; trying again in ${(afterMs / 1000).toFixed(1)} s`,
        }),
    },
  );
}

function connectWire(to: Reach, { jump = [], host, port }: SshAddress): Promise<Wire> {
  const { label, signal, ssh } = to;
  const target = { label, host, port, signal, deadlineMs: connectDeadlineMs(ssh) };
  return jump.length === 0 ? dial(target) : to.jumpHosts.dial(jump, target, to);
}
