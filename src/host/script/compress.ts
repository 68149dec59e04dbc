import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const compressed = new Map<string, Promise<Buffer>>();

/** Fast rather than small: a release is sent once per host, and most links outrun level 6. */
const level = 4;

/** The gzip form of a local file, made once however many hosts get it. */
export function compressFile(path: string, sha256: string): Promise<Buffer> {
  const known = compressed.get(sha256);
  if (known !== undefined) return known;
  const made = readFile(path).then((content) => promisify(gzip)(content, { level }));
  compressed.set(sha256, made);
  made.catch(() => compressed.delete(sha256));
  return made;
}
