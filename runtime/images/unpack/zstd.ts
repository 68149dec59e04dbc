import { Readable } from 'node:stream';
import { createZstdDecompress, zstdDecompressSync } from 'node:zlib';
import { Fail } from '../../core/fail.ts';

/** RFC 8878, section 3.1. */
const FRAME = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
/** A frame that is whole in memory up to this size is decompressed in one call. */
const SMALL_FRAME_BYTES = 256 * 1024;
const LARGEST_ONE_CALL_BYTES = 8 * 1024 * 1024;

/**
 * Decompresses a sequence of zstd frames. node:zlib ends at the first frame, and tools that compress in parallel
 * or in chunks write thousands: so frames are told apart here, from their headers and block headers alone.
 */
export async function* inflateZstd(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  const bytes = new ByteReader(source);
  while (await bytes.has(1)) {
    const magic = (await bytes.peek(4)).readUInt32LE(0);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) await skipFrame(bytes);
    else if (magic === FRAME) yield* inflateFrame(bytes);
    else throw malformed('a frame has an unknown magic number');
  }
}

const skipFrame = async (bytes: ByteReader): Promise<void> => {
  const length = (await bytes.take(8)).readUInt32LE(4);
  for await (const _ of bytes.pass(length));
};

async function* inflateFrame(bytes: ByteReader): AsyncGenerator<Buffer, void, void> {
  const parts = frameParts(bytes);
  const head: Buffer[] = [];
  let length = 0;
  let ended = false;
  while (length < SMALL_FRAME_BYTES && !ended) {
    const next = await parts.next();
    if (next.done) ended = true;
    else {
      head.push(next.value);
      length += next.value.length;
    }
  }
  const inOneCall = ended ? inflateAtOnce(Buffer.concat(head)) : undefined;
  if (inOneCall !== undefined) yield inOneCall;
  else yield* inflateStream(head, parts);
}

/** Undefined when the result would be too large to hold. */
const inflateAtOnce = (frame: Buffer): Buffer | undefined => {
  try {
    return zstdDecompressSync(frame, { maxOutputLength: LARGEST_ONE_CALL_BYTES });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') return undefined;
    throw error;
  }
};

async function* inflateStream(
  head: readonly Buffer[],
  rest: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, void> {
  const inflate = createZstdDecompress({ chunkSize: SMALL_FRAME_BYTES });
  const input = Readable.from(
    (async function* () {
      yield* head;
      yield* rest;
    })(),
  );
  input.on('error', (error) => inflate.destroy(error));
  input.pipe(inflate);
  try {
    for await (const chunk of inflate) yield chunk;
  } finally {
    input.destroy();
  }
}

/** The bytes of one frame, block by block. */
async function* frameParts(bytes: ByteReader): AsyncGenerator<Buffer, void, void> {
  const descriptor = (await bytes.peek(5))[4] ?? 0;
  yield await bytes.take(headerLength(descriptor));
  for (let last = false; !last; ) {
    const header = await bytes.take(3);
    const fields = header.readUIntLE(0, 3);
    last = (fields & 1) === 1;
    const runLength = ((fields >> 1) & 3) === 1;
    yield header;
    yield* bytes.pass(runLength ? 1 : fields >> 3);
  }
  if ((descriptor & 4) !== 0) yield await bytes.take(4);
}

/** Magic number, descriptor, window, dictionary and content size: RFC 8878, section 3.1.1.1. */
const headerLength = (descriptor: number): number => {
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentSize = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  return 4 + 1 + (singleSegment ? 0 : 1) + dictionary + contentSize;
};

/** Takes exact numbers of bytes out of chunks of any size. */
class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** False when the source ends before `length` more bytes. */
  async has(length: number): Promise<boolean> {
    while (this.#rest.length < length) {
      const next = await this.#chunks.next();
      if (next.done) return false;
      this.#rest = this.#rest.length === 0 ? next.value : Buffer.concat([this.#rest, next.value]);
    }
    return true;
  }

  async peek(length: number): Promise<Buffer> {
    if (!(await this.has(length))) throw malformed('it ends in the middle of a frame');
    return this.#rest.subarray(0, length);
  }

  async take(length: number): Promise<Buffer> {
    const taken = await this.peek(length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  /** The next `length` bytes in the chunks they came in. */
  async *pass(length: number): AsyncGenerator<Buffer, void, void> {
    let remaining = length;
    while (remaining > 0) {
      await this.peek(1);
      const part = await this.take(Math.min(remaining, this.#rest.length));
      remaining -= part.length;
      yield part;
    }
  }
}

const malformed = (why: string): Fail =>
  new Fail('InvalidArgument', `not valid zstd data: ${why}`, { hint: 'build and push the image again' });
