import { constants, createInflate, type Inflate } from 'node:zlib';
import { Fail } from '../../core/fail.ts';
import { DICTIONARY } from './dictionary.ts';

export type Headers = ReadonlyMap<string, string>;

/** A stream's headers once inflated: far above what any client sends, far below what would hurt. */
const MAX_INFLATED_BYTES = 64 * 1024;
const MAX_HEADERS = 64;

/** Inflates the header blocks of one connection, in the order in which they came: they share one zlib stream. */
export class HeaderInflater {
  #inflate: Inflate | undefined;

  /** Rejects with `InvalidArgument` for what is no zlib, ends the zlib stream, or grows beyond 64 KiB. */
  async next(block: Buffer): Promise<Headers> {
    this.#inflate ??= createInflate({
      dictionary: DICTIONARY,
      flush: constants.Z_SYNC_FLUSH,
      finishFlush: constants.Z_SYNC_FLUSH,
      chunkSize: 4096,
    }).on('error', () => {
      // Reported by the block under way; between blocks there is nothing that could fail.
    });
    return parseHeaders(await inflateBlock(this.#inflate, block));
  }

  close(): void {
    this.#inflate?.destroy();
  }
}

const inflateBlock = (inflate: Inflate, block: Buffer): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    const settle = (error: Error | undefined) => {
      inflate.off('data', take).off('error', settle).off('close', broken).off('end', broken);
      if (error === undefined) resolve(Buffer.concat(parts));
      else reject(badHeaders('a header block that does not inflate', error));
    };
    const broken = () => settle(new Error('the zlib stream ended'));
    const take = (part: Buffer) => {
      bytes += part.length;
      if (bytes > MAX_INFLATED_BYTES) inflate.destroy(new Error(`more than ${MAX_INFLATED_BYTES} bytes`));
      else parts.push(part);
    };
    inflate.on('data', take).on('error', settle).on('close', broken).on('end', broken);
    inflate.write(block, () => {
      // All output was pushed by now, but some of it may wait for the next tick in the readable buffer.
      while (!inflate.destroyed && inflate.read() !== null);
      settle(inflate.destroyed ? (inflate.errored ?? new Error('the zlib stream ended')) : undefined);
    });
  });

const parseHeaders = (block: Buffer): Headers => {
  const reader = new BlockReader(block);
  const count = reader.word();
  if (count > MAX_HEADERS) throw badHeaders(`${count} headers; at most ${MAX_HEADERS} are taken`);
  const headers = new Map<string, string>();
  for (let index = 0; index < count; index++) {
    const name = reader.text().toLowerCase();
    if (name === '' || headers.has(name)) throw badHeaders('a header name that is empty or comes twice');
    headers.set(name, reader.text());
  }
  reader.end();
  return headers;
};

/** Reads 32-bit words and length-prefixed text, never beyond the block. */
class BlockReader {
  readonly #block: Buffer;
  #at = 0;

  constructor(block: Buffer) {
    this.#block = block;
  }

  word(): number {
    const at = this.#advance(4);
    return this.#block.readUInt32BE(at);
  }

  text(): string {
    const length = this.word();
    const at = this.#advance(length);
    return this.#block.toString('latin1', at, at + length);
  }

  end(): void {
    if (this.#at !== this.#block.length) throw badHeaders('bytes behind its headers');
  }

  #advance(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#block.length) throw badHeaders('a header block that ends early');
    this.#at = at + bytes;
    return at;
  }
}

const badHeaders = (what: string, cause?: Error): Fail =>
  new Fail('InvalidArgument', `SPDY: the client sent ${what}`, cause === undefined ? {} : { cause });

/** zlib's two bytes that start a stream without preset dictionary, which the peer must accept. */
const ZLIB_START = Buffer.from([0x78, 0x01]);
/**
 * The header count, zero, as a stored (uncompressed) deflate block, and the empty stored block that a sync flush
 * ends with: a reader like Go's hands out nothing before it.
 */
const NO_HEADERS = Buffer.from([0x00, 0x04, 0x00, 0xfb, 0xff, 0, 0, 0, 0, 0x00, 0x00, 0x00, 0xff, 0xff]);

/**
 * Header blocks that we send. Our replies carry no headers, so nothing is there to compress: stored blocks are
 * valid deflate, need no context, and spare each connection a compressor of 256 kB.
 */
export class EmptyHeaderBlocks {
  #started = false;

  next(): Buffer {
    if (this.#started) return NO_HEADERS;
    this.#started = true;
    return Buffer.concat([ZLIB_START, NO_HEADERS]);
  }
}
