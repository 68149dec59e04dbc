import { fstatSync, ftruncateSync, readSync } from 'node:fs';
import { type LogStream, PREFIX_BYTES } from './format.ts';

/** What a log's tail accounts for: bytes of each stream's output. */
export type Accounted = Record<LogStream, number>;

const CHUNK_BYTES = 64 * 1024;

/**
 * Counts the output that the entries from `from` to the end of the log stand for, and cuts off an entry that is
 * torn. With it, a shim that was killed between writing the log and noting so neither writes an entry twice nor
 * rewrites what a reader has seen. The log's end is where the count ends.
 */
export function accountTail(log: number, from: number): Accounted {
  const accounted: Accounted = { stdout: 0, stderr: 0 };
  const size = fstatSync(log).size;
  let rest: Buffer = Buffer.alloc(0);
  for (let at = from; at < size; ) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size - at));
    const got = readSync(log, chunk, 0, chunk.length, at);
    if (got === 0) break;
    at += got;
    rest = countEntries(Buffer.concat([rest, chunk.subarray(0, got)]), accounted);
  }
  if (rest.length > 0) ftruncateSync(log, size - rest.length);
  return accounted;
}

/** Adds the whole entries and returns the torn rest. */
function countEntries(bytes: Buffer, accounted: Accounted): Buffer {
  let start = 0;
  for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, start)) {
    const stream = bytes.toString('latin1', start + 31, start + 37) === 'stderr' ? 'stderr' : 'stdout';
    const endsLine = bytes[start + 38] === 0x46;
    accounted[stream] += end - start - PREFIX_BYTES + (endsLine ? 1 : 0);
    start = end + 1;
  }
  return bytes.subarray(start);
}
