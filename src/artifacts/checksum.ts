import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Fail } from '../core/fail.ts';
import { sha256OfFile } from './cache.ts';

/** What a file must be, by one of the digests that projects publish. */
export interface Checksum {
  readonly algorithm: 'sha256' | 'sha512';
  readonly hex: string;
}

const algorithms: Readonly<Record<number, Checksum['algorithm']>> = { 64: 'sha256', 128: 'sha512' };

export const pinnedChecksum = (sha256: string | undefined): Checksum | undefined =>
  sha256 === undefined ? undefined : { algorithm: 'sha256', hex: sha256 };

/**
 * From a checksum file: `<hex>`, or lines of `<hex>  <name>` as sha256sum(1) writes them. Where lines have names, the one
 * of this file counts.
 */
export function parseChecksum(text: string, name: string): Checksum | undefined {
  const lines = text.split('\n').flatMap((line) => {
    const [, hex = '', named] = /^\s*([0-9a-f]{64}|[0-9a-f]{128})(?:\s+\*?(\S+))?\s*$/i.exec(line) ?? [];
    const algorithm = algorithms[hex.length];
    return algorithm === undefined ? [] : [{ algorithm, hex: hex.toLowerCase(), named }];
  });
  const found =
    lines.find(({ named }) => named?.split('/').at(-1) === name) ??
    (lines.length === 1 ? lines[0] : undefined);
  return found === undefined ? undefined : { algorithm: found.algorithm, hex: found.hex };
}

/**
 * Answers the sha256 of the file.
 * @throws Fail `Fetch` where nothing says what it must be, Fail `ChecksumMismatch` where it is something else
 */
export async function requireChecksum(
  source: string,
  path: string,
  expected: Checksum | undefined,
  sums = `${source}.sha256`,
): Promise<string> {
  if (expected === undefined)
    throw new Fail('Fetch', `${source} has no checksum: none is pinned, and ${sums} does not have it`);
  const sha256 = await sha256OfFile(path);
  const actual = expected.algorithm === 'sha256' ? sha256 : await sha512OfFile(path);
  if (actual === expected.hex) return sha256;
  throw new Fail(
    'ChecksumMismatch',
    `${source} has ${expected.algorithm} ${actual}; ${expected.hex} is expected`,
    {
      hint: 'the file was damaged or replaced: remove it, or ask who publishes it',
      context: { source, actual, expected: expected.hex },
    },
  );
}

async function sha512OfFile(path: string): Promise<string> {
  const hash = createHash('sha512');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
