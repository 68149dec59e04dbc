import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { PassThrough, Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip, createZstdCompress } from 'node:zlib';
import { type CachedFile, sha256OfFile } from '../cache.ts';
import { byteProgress, type Work } from '../report.ts';
import { type Manifest, manifestPath } from './manifest.ts';
import { writeTar } from './tar-stream.ts';

export type Compression = 'zstd' | 'gzip' | 'none';

export interface BundleFile extends CachedFile {
  /** Inside the bundle. */
  readonly member: string;
}

/** Most of a bundle is packed already; berth's Node is not. */
const zstdLevel = 9;

/**
 * Writes the bundle: the manifest, then the files in their order. The same files give the same bytes. It appears under
 * its name when it is complete. Answers its digest and size.
 */
export async function writeBundle(
  path: string,
  files: readonly BundleFile[],
  compression: Compression,
  work: Work,
): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const manifest: Manifest = {
    kind: 'berth-bundle',
    version: 1,
    members: files.map(({ member, sha256, bytes }) => ({ path: member, sha256, bytes })),
  };
  const head = Buffer.from(`${JSON.stringify(manifest, undefined, 1)}\n`);
  const part = `${path}.${randomBytes(4).toString('hex')}.part`;
  try {
    const archive = Readable.from(writeTar(membersOf(head, files, work)));
    await pipeline(archive, compressor(compression), createWriteStream(part), { signal: work.signal });
    await synced(part);
    const sha256 = await sha256OfFile(part);
    const { size } = await statOf(part);
    await rename(part, path);
    return { sha256, bytes: size };
  } finally {
    await rm(part, { force: true });
  }
}

function* membersOf(head: Buffer, files: readonly BundleFile[], work: Work) {
  const progress = byteProgress(
    work,
    'bundle',
    files.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  let done = 0;
  yield { path: manifestPath, mode: 0o644, bytes: head.length, content: () => Readable.from([head]) };
  for (const { member, path, bytes } of files) {
    yield {
      path: member,
      mode: 0o644,
      bytes,
      content: () => createReadStream(path, { highWaterMark: 1 << 18 }),
    };
    done += bytes;
    progress(done);
  }
}

function compressor(compression: Compression): Transform {
  switch (compression) {
    case 'zstd':
      return createZstdCompress({
        params: {
          [constants.ZSTD_c_compressionLevel]: zstdLevel,
          // A bit that was flipped on a stick is told by the first reader, whoever it is.
          [constants.ZSTD_c_checksumFlag]: 1,
        },
      });
    case 'gzip':
      return createGzip({ level: 6 });
    case 'none':
      return new PassThrough();
  }
}

async function synced(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function statOf(path: string): Promise<{ size: number }> {
  const file = await open(path, 'r');
  try {
    return await file.stat();
  } finally {
    await file.close();
  }
}
