import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fail } from '../../core/fail.ts';
import { cached, keep, withScratch } from '../cache.ts';
import { downloadText } from '../download.ts';
import type { Work } from '../report.ts';

/**
 * The OpenPGP key that signs a package repository, as text. With a pin, the file must be that one; else it is the one that
 * the server sent when it was asked first: what it sends later is another key, and no reason to trust it.
 * @throws Fail `Fetch` for what is no key, Fail `ChecksumMismatch`
 */
export async function supplyEngineKey(address: string, pin: string | undefined, work: Work): Promise<string> {
  const cacheKey = `repository-key-${createHash('sha256').update(address).digest('hex').slice(0, 32)}`;
  const known = await cached(cacheKey);
  if (known !== undefined && (pin === undefined || pin === known.sha256)) return readFile(known.path, 'utf8');
  const text = await downloadText(address, work);
  if (text === undefined)
    throw new Fail('Fetch', `${address} does not exist`, {
      hint: 'is there a repository of this minor? The version in the profile says which, its repository where',
    });
  if (!text.includes('-----BEGIN PGP PUBLIC KEY BLOCK-----'))
    throw new Fail('Fetch', `${address} is no OpenPGP key`);
  const actual = createHash('sha256').update(text).digest('hex');
  if (pin !== undefined && actual !== pin)
    throw new Fail(
      'ChecksumMismatch',
      `${address} has sha256 ${actual}; keySha256 of the profile is ${pin}`,
      {
        hint: 'ask the project whether it has a new key',
      },
    );
  await withScratch(async (folder) => {
    const path = join(folder, 'key');
    await writeFile(path, text);
    await keep(cacheKey, path, 0o644);
  });
  return text;
}
