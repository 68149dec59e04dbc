import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { Fail } from '../../core/fail.ts';
import type { GceInstance } from '../../profile/profile.ts';
import type { ComputeApi } from './api.ts';
import { pathOf } from './instance.ts';

const attributes = z.object({
  queryValue: z
    .object({ items: z.array(z.object({ key: z.string(), value: z.string() })).default([]) })
    .optional(),
});

const serialPort = z.object({ contents: z.string().default('') });

/** Types in the order in which they are worth having; others are of no use to us. */
const types = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-rsa'];

const pauseMs = 3000;

/**
 * The instance's own host keys, `TYPE KEY` each, over Google's API and not over the connection that they are to prove:
 * the guest agent writes them to the guest attributes, cloud-init to the serial console. Waits for a first boot.
 * @throws Fail `HostKeyUnknown` when it shows none in time
 */
export async function hostKeysOf(
  api: ComputeApi,
  entry: GceInstance,
  { signal, deadlineMs }: { readonly signal: AbortSignal; readonly deadlineMs: number },
): Promise<readonly string[]> {
  const until = Date.now() + deadlineMs;
  for (;;) {
    const keys = (await fromGuestAttributes(api, entry)) ?? (await fromSerialConsole(api, entry));
    if (keys !== undefined) return keys;
    if (Date.now() + pauseMs > until) throw unknownKeys(api.asked.host, entry, deadlineMs);
    await sleep(pauseMs, undefined, { signal });
  }
}

async function fromGuestAttributes(api: ComputeApi, entry: GceInstance): Promise<string[] | undefined> {
  const what = `reading the host keys of ${entry.instance} from its guest attributes`;
  const found = await api.get(`${pathOf(entry)}/getGuestAttributes`, attributes, what, {
    queryPath: 'hostkeys/',
  });
  const items = found?.queryValue?.items ?? [];
  return known(items.map(({ key, value }) => `${key} ${value}`));
}

async function fromSerialConsole(api: ComputeApi, entry: GceInstance): Promise<string[] | undefined> {
  const what = `reading the host keys of ${entry.instance} from its serial console`;
  const found = await api.get(`${pathOf(entry)}/serialPort`, serialPort, what, { port: '1' });
  return hostKeysInConsole(found?.contents ?? '');
}

/** What cloud-init prints at the first boot (cc_keys_to_console); of several boots, the last one counts. */
export function hostKeysInConsole(text: string): string[] | undefined {
  const blocks = text.match(/-----BEGIN SSH HOST KEY KEYS-----[\s\S]*?-----END SSH HOST KEY KEYS-----/g);
  const lines = blocks?.at(-1)?.split(/\r?\n/) ?? [];
  // systemd puts the time and the program before each line of a console.
  return known(lines.map((line) => /(?:ssh|ecdsa)-\S+ \S+/.exec(line)?.[0] ?? ''));
}

const known = (keys: readonly string[]): string[] | undefined => {
  const usable = keys
    .map((key) => key.trim().split(/\s+/).slice(0, 2))
    .filter(([type = '', value = '']) => types.includes(type) && /^[A-Za-z0-9+/]+=*$/.test(value))
    .toSorted(([one = ''], [other = '']) => types.indexOf(one) - types.indexOf(other))
    .map((words) => words.join(' '));
  return usable.length === 0 ? undefined : usable;
};

const unknownKeys = (host: string, { instance, project, zone }: GceInstance, deadlineMs: number): Fail =>
  new Fail(
    'HostKeyUnknown',
    `${host}: ${instance} shows its host keys neither in its guest attributes nor on its serial console, for ${deadlineMs / 60_000} minutes`,
    {
      hint:
        `Let its guest agent show them, and start it again: gcloud compute instances add-metadata ${instance} --metadata enable-guest-attributes=TRUE --zone ${zone} --project ${project}; ` +
        'or reach it by ssh: { host: ADDRESS } with a known_hosts file that has its key.',
    },
  );
