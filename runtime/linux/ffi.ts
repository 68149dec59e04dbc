import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { SystemCallFailed } from './system-call-failed.ts';

type Koffi = typeof import('koffi').default;

/**
 * koffi as an addon: in a release folder the bundle has `koffi.node` beside it, in a checkout npm has it.
 * The addon alone is what both need; its JavaScript only searches for it.
 */
function loadKoffi(): Koffi {
  const load = createRequire(import.meta.url);
  const beside = fileURLToPath(new URL('./koffi.node', import.meta.url));
  return load(existsSync(beside) ? beside : 'koffi') as Koffi;
}

export const koffi: Koffi = loadKoffi();

/** What a wrapped C function takes: numbers, pointers as bigint or as memory, strings, or NULL. */
export type Argument = number | bigint | string | Buffer | null;

type CType = 'int' | 'uint' | 'long' | 'int64' | 'uint64' | 'size_t' | 'str' | 'void *';

/** The C type of the result: the upper half of an `int` in a register is anybody's, so -1 read as `long` may not be -1. */
type Result = 'int' | 'long';

const libc = koffi.load('libc.so.6');

/**
 * A C library function as a synchronous call that throws `SystemCallFailed` when it returns -1.
 * The result is a number: none of the calls made here returns more than 2^53.
 */
export function systemCall(
  name: string,
  parameters: readonly CType[],
  result: Result = 'int',
): (...values: Argument[]) => number {
  const raw = rawCall(name, parameters, result);
  return (...values) => {
    const answer = raw(...values);
    if (answer === -1) throw new SystemCallFailed(name, koffi.errno(), describe(values));
    return answer;
  };
}

/** The same without the check, for calls whose failures are answers (EAGAIN, ESRCH …): see `lastErrno`. */
export function rawCall(
  name: string,
  parameters: readonly CType[],
  result: Result = 'int',
): (...values: Argument[]) => number {
  return libc.func(name, result, [...parameters]) as (...values: Argument[]) => number;
}

/** errno of the call just made; any other JavaScript in between may change it. */
export const lastErrno = (): number => koffi.errno();

const syscall = rawCall('syscall', ['long', 'int64', 'int64', 'int64', 'int64', 'int64', 'int64'], 'long');

/** Memory whose address a call has: without it the collector may free what the kernel reads. */
const inUse = new Set<readonly unknown[]>();

/** A system call by number, for those that the C library does not wrap everywhere. */
export function numberedCall(
  name: string,
  number: number,
): (...values: (number | bigint | Buffer)[]) => number {
  return (...values) => {
    inUse.add(values);
    const words = values.map((value) => (value instanceof Buffer ? addressOf(value) : value));
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = words;
    const result = syscall(number, a, b, c, d, e, f);
    const errno = koffi.errno();
    inUse.delete(values);
    if (result === -1) throw new SystemCallFailed(name, errno, describe(values));
    return result;
  };
}

/** Zeroed memory that never moves: small typed arrays made otherwise may live on V8's moving heap. */
export const memory = (bytes: number): Buffer => Buffer.from(new ArrayBuffer(bytes));

/** `text` as a NUL-terminated string in memory that never moves. As bytes it need not be UTF-8: names of files are not. */
export function cString(text: string | Uint8Array): Buffer {
  const content = typeof text === 'string' ? Buffer.from(text) : text;
  const bytes = memory(content.length + 1);
  bytes.set(content);
  return bytes;
}

/** The address of memory made by `memory` or `cString`. The caller keeps a reference for as long as it is used. */
export const addressOf = (bytes: Buffer): bigint => BigInt(koffi.address(bytes));

const describe = (values: readonly Argument[]): string =>
  values.map((value) => (value instanceof Buffer ? described(value) : String(value))).join(', ');

/** A NUL-terminated string as itself. */
const described = (bytes: Buffer): string =>
  bytes.indexOf(0) === bytes.length - 1
    ? JSON.stringify(bytes.toString('utf8', 0, bytes.length - 1))
    : `<${bytes.length} bytes>`;

/** Numbers that differ between architectures; those from 424 on are the same on all. */
const numbers = {
  x64: { mknodat: 259, setresuid: 117 },
  arm64: { mknodat: 33, setresuid: 147 },
} as const;

export const callNumbers: { readonly mknodat: number; readonly setresuid: number } =
  process.arch === 'arm64' ? numbers.arm64 : numbers.x64;
