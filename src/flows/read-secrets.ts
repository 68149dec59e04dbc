import type { Secret } from '../core/secret.ts';
import type { HostEntry, SecretSource } from '../profile/profile.ts';
import type { FlowContext } from './context.ts';

/** The secrets that a host is to keep. They are read when they are first needed, and once for all hosts. */
export const readSecrets = async (
  { secret }: Pick<FlowContext, 'secret'>,
  { spec }: HostEntry,
): Promise<ReadonlyMap<SecretSource, Secret>> => {
  const found = new Map<SecretSource, Secret>();
  if (secret === undefined) return found;
  for (const { registry, password } of spec.registries.auth)
    found.set(password, await secret(password, `password for ${registry}`));
  for (const key of ['http', 'https'] as const) {
    const address = spec.proxy[key];
    if (typeof address === 'object')
      found.set(address, await secret(address, `address of the proxy for ${key}`));
  }
  return found;
};
