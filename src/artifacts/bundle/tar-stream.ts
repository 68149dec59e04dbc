import type { Readable } from 'node:stream';
import { Fail } from '../../core/fail.ts';

/** Archives too large for memory, in the ustar format (POSIX.1-1988): written with nothing in them but the content. */

const block = 512;

export interface TarMember {
  /** Relative, `/` between its parts. */
  readonly path: string;
  readonly mode: number;
  readonly bytes: number;
}

/** The archive's bytes: owner root, time zero, in the given order, so that the same members give the same bytes. */
export async function* writeTar(
  members: Iterable<TarMember & { readonly content: () => AsyncIterable<Buffer> }>,
): AsyncGenerator<Buffer> {
  for (const member of members) {
    yield headerOf(member);
    let written = 0;
    for await (const chunk of member.content()) {
      written += chunk.length;
      yield chunk;
    }
    // The length stands before the content: a file that changed meanwhile would ruin everything after it.
    if (written !== member.bytes)
      throw new Fail('Internal', `${member.path} has ${written} bytes; ${member.bytes} were announced`);
    yield padding(written);
  }
  yield Buffer.alloc(2 * block);
}

const padding = (bytes: number): Buffer => Buffer.alloc((block - (bytes % block)) % block);

function headerOf({ path, mode, bytes }: TarMember): Buffer {
  const header = Buffer.alloc(block);
  const { name, prefix } = splitPath(path);
  const octal = (value: number, length: number): string => value.toString(8).padStart(length - 1, '0');
  header.write(name, 0);
  header.write(octal(mode, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(bytes, 12), 124);
  header.write(octal(0, 12), 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\u000000', 257);
  header.write('root', 265);
  header.write('root', 297);
  header.write(prefix, 345);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/** A name has 100 bytes, and folders before it 155 more. */
function splitPath(path: string): { name: string; prefix: string } {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: '' };
  for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (Buffer.byteLength(name) <= 100 && Buffer.byteLength(prefix) <= 155) return { name, prefix };
  }
  throw new RangeError(`${path} is too long for this archive format`);
}

/** Calls `take` for each regular file; what it does not read of the content is skipped. @throws Fail `Fetch` for what is no such archive */
export async function readTar(
  archive: Readable,
  take: (member: TarMember, content: AsyncIterable<Buffer>) => Promise<void>,
): Promise<void> {
  const reader = new Reader(archive);
  for (;;) {
    const header = await reader.exactly(block);
    if (header.every((byte) => byte === 0)) return;
    const member = parseHeader(header);
    const content = reader.next(member.bytes);
    await take(member, content);
    for await (const _ of content);
    await reader.exactly(padding(member.bytes).length);
  }
}

function parseHeader(header: Buffer): TarMember {
  const text = (at: number, length: number): string =>
    header
      .toString('utf8', at, at + length)
      .replace(/\0.*$/s, '')
      .trim();
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
  if (text(257, 5) !== 'ustar' || Number.parseInt(text(148, 8), 8) !== sum)
    throw new Fail('Fetch', 'it is no tar archive, or a damaged one');
  if (header[156] !== 0x30) throw new Fail('Fetch', `it holds ${text(0, 100)}, which is no regular file`);
  const prefix = text(345, 155);
  const name = text(0, 100);
  return {
    path: prefix === '' ? name : `${prefix}/${name}`,
    mode: Number.parseInt(text(100, 8), 8),
    bytes: Number.parseInt(text(124, 12), 8),
  };
}

/** Cuts a stream into pieces of known length. */
class Reader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: Readable) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  async exactly(bytes: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of this.next(bytes)) parts.push(part);
    return Buffer.concat(parts);
  }

  /** The next bytes; what is not read of them now is read first by whoever reads on with the same object. */
  next(bytes: number): AsyncIterableIterator<Buffer> {
    let left = bytes;
    const pieces: AsyncIterableIterator<Buffer> = {
      [Symbol.asyncIterator]: () => pieces,
      next: async () => {
        if (left === 0) return { done: true, value: undefined };
        const chunk = await this.#chunk();
        const piece = chunk.subarray(0, left);
        this.#rest = chunk.subarray(piece.length);
        left -= piece.length;
        return { done: false, value: piece };
      },
    };
    return pieces;
  }

  async #chunk(): Promise<Buffer> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done === true) throw new Fail('Fetch', 'it ends too early');
      this.#rest = value;
    }
    return this.#rest;
  }
}
