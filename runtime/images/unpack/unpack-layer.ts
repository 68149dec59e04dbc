import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { createGunzip, type ZlibOptions } from 'node:zlib';
import { Fail } from '../../core/fail.ts';
import type { Digest } from '../../spec/oci/image.ts';
import { Extractor, type LayerContents } from './extract.ts';
import { TarReader } from './tar.ts';
import { inflateZstd } from './zstd.ts';

/**
 * Large chunks: fewer turns between the thread that inflates and the one that writes files; and room for the
 * inflating thread to work ahead meanwhile (a stream option that zlib hands through).
 */
const INFLATE: ZlibOptions & { readonly readableHighWaterMark: number } = {
  chunkSize: 256 * 1024,
  readableHighWaterMark: 1024 * 1024,
};

type Bytes = AsyncIterable<Buffer>;

/**
 * Unpacks the bytes of one layer below `target`, a new empty folder, while they arrive. The compression is told
 * from the bytes, since media types are often wrong about it and the digest of the result decides anyway.
 * Throws `DataLoss` when the unpacked bytes are not those of `diffId`; `blob` verifies its own digest.
 */
export const unpackLayer = async (
  blob: Bytes,
  target: string,
  diffId: Digest,
  signal: AbortSignal,
): Promise<LayerContents> => {
  const hash = createHash('sha256');
  const extractor = new Extractor(target);
  const tar = new TarReader(extractor);
  const extract = async (bytes: Bytes): Promise<void> => {
    for await (const chunk of bytes) {
      hash.update(chunk);
      tar.feed(chunk);
    }
  };
  try {
    await throughInflation(blob, extract, signal);
    tar.finish();
    checkDiffId(hash.digest('hex'), diffId);
    return extractor.finish();
  } finally {
    extractor.abandon();
  }
};

const throughInflation = async (
  blob: Bytes,
  extract: (bytes: Bytes) => Promise<void>,
  signal: AbortSignal,
): Promise<void> => {
  const { magic, bytes } = await peekMagic(blob);
  if (magic.readUInt16BE(0) === 0x1f8b) {
    return pipeline(bytes, createGunzip(INFLATE), extract, { signal });
  }
  const isZstd = magic.readUInt32LE(0) === 0xfd2fb528 || (magic.readUInt32LE(0) & 0xfffffff0) === 0x184d2a50;
  return isZstd ? pipeline(bytes, inflateZstd, extract, { signal }) : pipeline(bytes, extract, { signal });
};

/** The first four bytes (zeros where there are fewer), and all bytes. */
const peekMagic = async (blob: Bytes): Promise<{ readonly magic: Buffer; readonly bytes: Bytes }> => {
  const chunks = blob[Symbol.asyncIterator]();
  const head: Buffer[] = [];
  let length = 0;
  while (length < 4) {
    const next = await chunks.next();
    if (next.done) break;
    head.push(next.value);
    length += next.value.length;
  }
  const magic = Buffer.alloc(4);
  Buffer.concat(head).copy(magic);
  return { magic, bytes: replay(head, chunks) };
};

async function* replay(
  head: readonly Buffer[],
  rest: AsyncIterator<Buffer>,
): AsyncGenerator<Buffer, void, void> {
  try {
    yield* head;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

const checkDiffId = (actual: string, diffId: Digest): void => {
  if (`sha256:${actual}` === diffId) return;
  throw new Fail('DataLoss', `the unpacked layer has digest sha256:${actual}, its image says ${diffId}`, {
    hint: 'the image is inconsistent: build and push it again',
  });
};
