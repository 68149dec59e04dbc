import { open } from 'node:fs/promises';

/** What the dynamic loader reads of a program before it runs: ELF-64, little-endian (elf(5)). */
export interface Linkage {
  /** The loader itself; undefined for a library or a static program. */
  readonly interpreter: string | undefined;
  readonly needed: readonly string[];
}

const programHeader = { load: 1, dynamic: 2, interpreter: 3 } as const;
const dynamicTag = { needed: 1, strings: 5 } as const;

/** Reads which libraries a file is linked against. It need not be of this machine's architecture. */
export async function linkageOf(path: string): Promise<Linkage> {
  await using file = await open(path);
  const bytes = await file.readFile();
  if (bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1)
    throw new TypeError(`${path} is no 64-bit little-endian ELF file`);
  const segments = segmentsOf(bytes);
  const interpreter = segments.find((each) => each.type === programHeader.interpreter);
  const dynamic = segments.find((each) => each.type === programHeader.dynamic);
  return {
    interpreter: interpreter === undefined ? undefined : stringAt(bytes, interpreter.offset),
    needed: dynamic === undefined ? [] : neededNames(bytes, segments, dynamic),
  };
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

function segmentsOf(bytes: Buffer): Segment[] {
  const table = number(bytes, 32);
  const entry = bytes.readUInt16LE(54);
  return Array.from({ length: bytes.readUInt16LE(56) }, (_, index) => {
    const at = table + index * entry;
    return {
      type: bytes.readUInt32LE(at),
      offset: number(bytes, at + 8),
      address: number(bytes, at + 16),
      size: number(bytes, at + 32),
    };
  });
}

function neededNames(bytes: Buffer, segments: readonly Segment[], dynamic: Segment): string[] {
  const names: number[] = [];
  let strings = 0;
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    const tag = number(bytes, at);
    if (tag === dynamicTag.needed) names.push(number(bytes, at + 8));
    if (tag === dynamicTag.strings) strings = fileOffset(segments, number(bytes, at + 8));
    if (tag === 0) break;
  }
  return names.map((offset) => stringAt(bytes, strings + offset));
}

/** Tables are named by the address at which they will be loaded. */
function fileOffset(segments: readonly Segment[], address: number): number {
  const segment = segments.find(
    ({ type, address: start, size }) =>
      type === programHeader.load && address >= start && address < start + size,
  );
  if (segment === undefined) throw new RangeError(`no segment holds address ${address}`);
  return segment.offset + address - segment.address;
}

const number = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at));
const stringAt = (bytes: Buffer, at: number): string => bytes.toString('latin1', at, bytes.indexOf(0, at));
