import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandOutput } from '../../../src/core/command.ts';

const signal = new AbortController().signal;

/** Signs the RPMs with a new key, and writes the public half of another new key to `otherKey`. */
export async function signRpms(rpms: readonly string[], otherKey: string): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'berth-gpg-'));
  const env = { GNUPGHOME: home };
  const gpg = (...args: string[]): Promise<string> =>
    commandOutput(['gpg', '--batch', '--quiet', ...args], { signal, env });
  try {
    for (const user of ['signer@test', 'other@test'])
      await gpg('--passphrase', '', '--quick-generate-key', user, 'rsa2048', 'sign', 'never');
    const defines = ['_gpg_name signer@test', '__gpg /usr/bin/gpg'].flatMap((each) => ['--define', each]);
    await commandOutput(['rpmsign', ...defines, '--addsign', ...rpms], { signal, env });
    await gpg('--armor', '--output', otherKey, '--export', 'other@test');
  } finally {
    await commandOutput(['gpgconf', '--kill', 'all'], { signal, env });
    await rm(home, { recursive: true, force: true });
  }
}
