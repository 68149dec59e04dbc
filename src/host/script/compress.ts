import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Fail } from '../../core/fail.ts';

const compressed = new Map<string, Promise<Buffer>>();

/** Fast rather than small: a release is sent once per host, and most links outrun level 6. */
const level = 4;

/**
 * The gzip form of a local file, made once however many hosts get it. A plan trusts what the file system says of a
 * file that it knows; what is sent was read and digested.
 * @throws Fail `ChecksumMismatch` when the file is not what the plan says.
 */
export function compressFile(path: string, sha256: string): Promise<Buffer> {
  const known = compressed.get(sha256);
  if (known !== undefined) return known;
  const made = readChecked(path, sha256).then((content) => promisify(gzip)(content, { level }));
  compressed.set(sha256, made);
  made.catch(() => compressed.delete(sha256));
  return made;
}

/** @throws Fail `ChecksumMismatch` when the file is not what the plan says */
export async function readChecked(path: string, sha256: string): Promise<Buffer> {
  const content = await readFile(path);
  const actual = createHash('sha256').update(content).digest('hex');
  if (actual === sha256) return content;
  throw new Fail('ChecksumMismatch', `${path} has sha256 ${actual}; ${sha256} is expected`, {
    hint: 'The file was damaged on this machine: remove it, and run the same command again.',
    context: { path, actual, expected: sha256 },
  });
}
