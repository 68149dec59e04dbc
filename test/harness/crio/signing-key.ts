import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** An OpenPGP key that signs repositories and packages. */
export interface SigningKey {
  /** GnuPG's folder with it. */
  readonly home: string;
  /** Its public half, armoured. */
  readonly publicKey: string;
  gpg(...args: string[]): Promise<string>;
  signRpms(rpms: readonly string[]): Promise<void>;
}

/** A new key, which is gone at the end of the test. */
export async function newSigningKey(t: { after(release: () => Promise<void>): void }): Promise<SigningKey> {
  const home = await mkdtemp(join(tmpdir(), 'berth-gpg-'));
  const env = { ...process.env, GNUPGHOME: home };
  t.after(async () => {
    await run('gpgconf', ['--kill', 'all'], { env });
    await rm(home, { recursive: true, force: true });
  });
  const gpg = async (...args: string[]): Promise<string> =>
    (await run('gpg', ['--batch', '--yes', '--quiet', ...args], { env })).stdout;
  await gpg('--passphrase', '', '--quick-generate-key', 'packages@test', 'rsa2048', 'sign', 'never');
  const defines = ['_gpg_name packages@test', '__gpg /usr/bin/gpg'].flatMap((each) => ['--define', each]);
  return {
    home,
    publicKey: await gpg('--armor', '--export', 'packages@test'),
    gpg,
    signRpms: async (rpms) => {
      await run('rpmsign', [...defines, '--addsign', ...rpms], { env });
    },
  };
}
