import { randomBytes, randomInt } from 'node:crypto';
import { Fail } from '../core/fail.ts';
import { removeHost, startHost } from '../inventory/embedded/host.ts';
import { embeddedFolder } from '../inventory/embedded/places.ts';
import { missingRequirements } from '../inventory/embedded/requirements.ts';
import type { FlowContext } from './context.ts';

/**
 * Runs `work` with every host of the profile standing for a bare one that is booted on this machine, and removed
 * afterwards: what the profile needs can be asked without its hosts. Hosts with equal specs are asked once.
 * @throws Fail `Unsupported` when this machine cannot boot one
 */
export async function onBareHost<T>(
  context: FlowContext,
  work: (context: FlowContext) => Promise<T>,
): Promise<T> {
  await requireMachine();
  const embedded = {
    name: `b${randomBytes(3).toString('hex')}`,
    network: `10.${randomInt(200, 212)}.${randomInt(0, 256)}`,
  };
  const options = { folder: embeddedFolder(), signal: context.signal };
  const distinct = new Map(context.profile.hosts.map((host) => [JSON.stringify(host.spec), host]));
  const hosts = [...distinct.values()].map((host) => ({
    ...host,
    address: { kind: 'embedded', embedded } as const,
  }));
  try {
    await startHost(embedded, options);
    return await work({ ...context, hosts });
  } finally {
    // Also when the work was interrupted.
    await removeHost(embedded.name, { ...options, signal: AbortSignal.timeout(60_000) });
  }
}

async function requireMachine(): Promise<void> {
  if (process.getuid?.() !== 0)
    throw new Fail('Unsupported', 'a bare host can be booted by root alone', { hint: 'run it with sudo' });
  const { packages } = await missingRequirements();
  if (packages.length === 0) return;
  throw new Fail('Unsupported', `booting a bare host needs ${packages.join(', ')}`, {
    hint: 'install them on this machine, or resolve the packages on the hosts of the profile',
  });
}

/** @throws Fail `Unsupported` when what this machine boots is not what was asked for */
export function requireBase(base: string, distributions: readonly { readonly key: string }[]): void {
  const other = distributions.find(({ key }) => !key.startsWith(`${base}/`));
  if (other === undefined) return;
  throw new Fail(
    'Unsupported',
    `this machine boots bare hosts of ${other.key.split('/')[0]}, and not of ${base}`,
    {
      hint: 'lock on a machine of that distribution, or on the hosts of the profile',
    },
  );
}
