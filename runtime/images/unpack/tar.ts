import { Fail } from '../../core/fail.ts';
import { type Overrides, parsePax } from './pax.ts';

/**
 * One member of an archive. Paths are byte strings (latin1, one character per byte): names in tar are bytes,
 * and those that are not UTF-8 must survive.
 */
export interface TarEntry {
  readonly type: 'file' | 'directory' | 'symlink' | 'link' | 'character' | 'block' | 'fifo';
  readonly path: string;
  /** Of a symbolic or hard link. */
  readonly target: string;
  /** Permission bits with set-id and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Seconds since the epoch, with a fraction where pax has one. */
  readonly mtime: number;
  readonly major: number;
  readonly minor: number;
  readonly xattrs: ReadonlyMap<string, Buffer> | undefined;
}

/** Takes the members as they come; `data` chunks are only valid during the call. */
export interface TarSink {
  entry(entry: TarEntry): void;
  data(chunk: Buffer): void;
  end(): void;
}

const BLOCK = 512;
/** Longest name or pax header: Linux takes no path over 4096 bytes, attributes have 64 KiB each. */
const MAX_META_BYTES = 1024 * 1024;
const MAX_ID = 0xffff_fffe;

type Body = 'sink' | 'skip' | 'path' | 'target' | 'pax';

/**
 * A tar parser that is pushed: ustar, pax and GNU long names, as POSIX.1-2017 (pax) and GNU tar's manual have
 * them. Synchronous and without copies of file data, since a layer has tens of thousands of small files.
 * Throws `InvalidArgument` for what is no archive, `Unimplemented` for sparse files.
 */
export class TarReader {
  readonly #sink: TarSink;
  readonly #header = Buffer.alloc(BLOCK);
  #headerLength = 0;
  #remaining = 0;
  #padding = 0;
  #body: Body = 'skip';
  #meta: Buffer[] = [];
  #overrides: Overrides = {};
  #zeroBlocks = 0;
  #ended = false;

  constructor(sink: TarSink) {
    this.#sink = sink;
  }

  feed(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#ended) {
      if (this.#remaining > 0) at += this.#feedBody(chunk, at);
      else if (this.#padding > 0) at += this.#feedPadding(chunk, at);
      else at += this.#feedHeader(chunk, at);
    }
  }

  /** The archive's bytes are over. Throws when that is in the middle of something. */
  finish(): void {
    if (this.#remaining > 0 || this.#headerLength > 0) throw malformed('it ends in the middle of an entry');
  }

  #feedBody(chunk: Buffer, at: number): number {
    const length = Math.min(this.#remaining, chunk.length - at);
    const part = chunk.subarray(at, at + length);
    this.#remaining -= length;
    if (this.#body === 'sink') this.#sink.data(part);
    else if (this.#body !== 'skip') this.#meta.push(Buffer.from(part));
    if (this.#remaining === 0) this.#endBody();
    return length;
  }

  #feedPadding(chunk: Buffer, at: number): number {
    const length = Math.min(this.#padding, chunk.length - at);
    this.#padding -= length;
    return length;
  }

  #feedHeader(chunk: Buffer, at: number): number {
    if (this.#headerLength === 0 && chunk.length - at >= BLOCK) {
      this.#readHeader(chunk.subarray(at, at + BLOCK));
      return BLOCK;
    }
    const length = chunk.copy(
      this.#header,
      this.#headerLength,
      at,
      Math.min(chunk.length, at + BLOCK - this.#headerLength),
    );
    this.#headerLength += length;
    if (this.#headerLength === BLOCK) {
      this.#headerLength = 0;
      this.#readHeader(this.#header);
    }
    return length;
  }

  #readHeader(header: Buffer): void {
    const sum = checksumOf(header);
    if (sum.unsigned === EMPTY_CHECKSUM && header[0] === 0 && isZero(header)) {
      this.#zeroBlocks += 1;
      this.#ended = this.#zeroBlocks === 2;
      return;
    }
    this.#zeroBlocks = 0;
    const expected = numberAt(header, 148, 8);
    if (expected !== sum.unsigned && expected !== sum.signed)
      throw malformed('a header has a wrong checksum');
    this.#beginEntry(header, String.fromCharCode(header[156] ?? 0));
  }

  #beginEntry(header: Buffer, flag: string): void {
    const size = numberAt(header, 124, 12);
    switch (flag) {
      case 'L':
        this.#beginMeta('path', size);
        return;
      case 'K':
        this.#beginMeta('target', size);
        return;
      case 'x':
        this.#beginMeta('pax', size);
        return;
      case 'g':
        this.#begin('skip', size);
        return;
      case 'S':
        throw sparse();
      default:
        this.#beginMember(header, flag, size);
        return;
    }
  }

  #beginMember(header: Buffer, flag: string, headerSize: number): void {
    const entry = entryOf(header, flag, headerSize, this.#overrides);
    this.#overrides = {};
    this.#sink.entry(entry);
    if (entry.type === 'file') this.#begin('sink', entry.size);
    else this.#begin('skip', hasBody(flag) ? entry.size : 0);
  }

  #beginMeta(body: Body, size: number): void {
    if (size > MAX_META_BYTES) throw malformed(`a header is longer than ${MAX_META_BYTES} bytes`);
    this.#meta = [];
    this.#begin(body, size);
  }

  #begin(body: Body, size: number): void {
    this.#body = body;
    this.#remaining = size;
    this.#padding = (BLOCK - (size % BLOCK)) % BLOCK;
    if (size === 0) this.#endBody();
  }

  #endBody(): void {
    switch (this.#body) {
      case 'sink':
        this.#sink.end();
        return;
      case 'path':
        this.#overrides = { path: textOf(this.#takeMeta()), ...this.#overrides };
        return;
      case 'target':
        this.#overrides = { target: textOf(this.#takeMeta()), ...this.#overrides };
        return;
      case 'pax':
        this.#overrides = { ...this.#overrides, ...parsePax(this.#takeMeta()) };
        return;
      case 'skip':
        return;
    }
  }

  #takeMeta(): Buffer {
    const meta = Buffer.concat(this.#meta);
    this.#meta = [];
    return meta;
  }
}

const entryOf = (header: Buffer, flag: string, headerSize: number, overrides: Overrides): TarEntry => {
  if (overrides.sparse === true) throw sparse();
  const path = overrides.path ?? headerPath(header);
  const size = overrides.size ?? headerSize;
  if (!Number.isSafeInteger(size) || size < 0)
    throw malformed(`${JSON.stringify(path)} has an impossible size`);
  return {
    type: typeOf(flag, path),
    path,
    target: overrides.target ?? stringAt(header, 157, 100),
    mode: numberAt(header, 100, 8) & 0o7777,
    uid: idOf(overrides.uid ?? numberAt(header, 108, 8), path),
    gid: idOf(overrides.gid ?? numberAt(header, 116, 8), path),
    size,
    mtime: overrides.mtime ?? numberAt(header, 136, 12),
    major: isDevice(flag) ? numberAt(header, 329, 8) : 0,
    minor: isDevice(flag) ? numberAt(header, 337, 8) : 0,
    xattrs: overrides.xattrs,
  };
};

const typeOf = (flag: string, path: string): TarEntry['type'] => {
  switch (flag) {
    case '0':
    case '\0':
    case '7':
      return path.endsWith('/') ? 'directory' : 'file';
    case '1':
      return 'link';
    case '2':
      return 'symlink';
    case '3':
      return 'character';
    case '4':
      return 'block';
    case '5':
      return 'directory';
    case '6':
      return 'fifo';
    default:
      throw new Fail(
        'Unimplemented',
        `entry ${JSON.stringify(path)} has the unknown type ${JSON.stringify(flag)}`,
        {
          hint: 'build the image again with a current tool',
        },
      );
  }
};

const isDevice = (flag: string): boolean => flag === '3' || flag === '4';

/** Links, devices and folders have no data whatever their size says; pre-POSIX folders are files by flag. */
const hasBody = (flag: string): boolean => flag === '0' || flag === '\0' || flag === '7';

const idOf = (id: number, path: string): number => {
  if (Number.isSafeInteger(id) && id >= 0 && id <= MAX_ID) return id;
  throw malformed(`${JSON.stringify(path)} has the impossible owner ${id}`);
};

/** The ustar prefix field belongs to POSIX headers only: GNU's have times there. */
const headerPath = (header: Buffer): string => {
  const name = stringAt(header, 0, 100);
  const posix = header[257] === 0x75 && header[262] === 0;
  if (!posix || header[345] === 0) return name;
  return `${stringAt(header, 345, 155)}/${name}`;
};

const stringAt = (header: Buffer, offset: number, length: number): string => {
  let end = offset;
  while (end < offset + length && header[end] !== 0) end += 1;
  return header.toString('latin1', offset, end);
};

/** Octal digits, or GNU's base 256 when the first bit is set. */
const numberAt = (header: Buffer, offset: number, length: number): number => {
  const first = header[offset] ?? 0;
  if ((first & 0x80) !== 0) return base256(header, offset, length);
  let value = 0;
  for (let at = offset; at < offset + length; at += 1) {
    const digit = header[at] ?? 0;
    if (digit >= 0x30 && digit <= 0x37) value = value * 8 + digit - 0x30;
    else if (digit !== 0x20 && digit !== 0) throw malformed('a header has a number that is not octal');
    else if (value > 0) break;
  }
  return value;
};

const base256 = (header: Buffer, offset: number, length: number): number => {
  const negative = ((header[offset] ?? 0) & 0x40) !== 0;
  let value = negative ? -1 : 0;
  for (let at = offset; at < offset + length; at += 1) {
    const byte = header[at] ?? 0;
    const bits = at === offset ? (negative ? (byte & 0x7f) | 0x80 : byte & 0x7f) : byte;
    value = at === offset && negative ? bits - 256 : value * 256 + bits;
  }
  return value;
};

const EMPTY_CHECKSUM = 8 * 0x20;

/** The checksum field itself counts as spaces. Some old writers summed signed bytes. */
const checksumOf = (header: Buffer): { readonly unsigned: number; readonly signed: number } => {
  let unsigned = EMPTY_CHECKSUM;
  let high = 0;
  for (let at = 0; at < BLOCK; at += 1) {
    if (at === 148) at = 156;
    const byte = header[at] ?? 0;
    unsigned += byte;
    high += byte >> 7;
  }
  return { unsigned, signed: unsigned - high * 256 };
};

const isZero = (header: Buffer): boolean => header.every((byte) => byte === 0);

/** A GNU long name ends with NUL. */
const textOf = (bytes: Buffer): string => {
  const end = bytes.indexOf(0);
  return bytes.toString('latin1', 0, end < 0 ? bytes.length : end);
};

const malformed = (why: string): Fail =>
  new Fail('InvalidArgument', `not a valid tar archive: ${why}`, { hint: 'build and push the image again' });

const sparse = (): Fail =>
  new Fail('Unimplemented', 'sparse files in layers are not supported', {
    hint: 'build the image with a tool that writes plain tar archives',
  });
