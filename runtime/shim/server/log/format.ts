/**
 * The CRI log format: `2016-10-06T00:17:09.669794202Z stdout F text`, one entry per line. `F`: the text ends a
 * line; `P`: the line goes on in the next entry of that stream.
 */
export type LogStream = 'stdout' | 'stderr';

/** Longest text of one entry; a longer line becomes several entries tagged `P` and a last one tagged `F`. */
export const MAX_TEXT_BYTES = 16 * 1024;

/** Bytes before an entry's text: 30 of the time, the stream, the tag, three blanks. */
export const PREFIX_BYTES = 40;

export interface Formatted {
  /** In latin1: one character per byte of the container's output, whatever its encoding. */
  readonly entries: string;
  /** Bytes of the input that the entries stand for; the rest is a line that has not ended yet. */
  readonly consumed: number;
}

/**
 * Formats output as log entries, all with the same time. `ended`: nothing follows, so an unfinished last line
 * becomes an entry too (tagged `F`, or collectors would wait for its end for ever).
 *
 * It walks in windows of one longest text: within a window that ends at a newline no line can be too long, so
 * `replaceAll` formats the window at once, which is many times faster than line by line.
 */
export function formatEntries(output: Buffer, stream: LogStream, timeNs: bigint, ended: boolean): Formatted {
  const full = `${formatTime(timeNs)} ${stream} F `;
  const partial = `${formatTime(timeNs)} ${stream} P `;
  let entries = '';
  let at = 0;
  while (at < output.length) {
    const end = lastLineEnd(output, at);
    if (end > at) {
      entries += `${full}${output.toString('latin1', at, end - 1).replaceAll('\n', `\n${full}`)}\n`;
      at = end;
    } else if (output.length - at >= MAX_TEXT_BYTES) {
      entries += `${partial}${output.toString('latin1', at, at + MAX_TEXT_BYTES)}\n`;
      at += MAX_TEXT_BYTES;
    } else {
      if (ended) entries += `${full}${output.toString('latin1', at)}\n`;
      if (ended) at = output.length;
      break;
    }
  }
  return { entries, consumed: at };
}

/** The first of the formatted entries, as many as `room` bytes take, but one at least. */
export function firstEntries({ entries, consumed }: Formatted, room: number): Formatted {
  if (entries.length <= room) return { entries, consumed };
  const fitting = entries.lastIndexOf('\n', room - 1) + 1;
  const end = fitting > 0 ? fitting : entries.indexOf('\n') + 1;
  if (end === entries.length) return { entries, consumed };
  const first = entries.slice(0, end);
  const output = first
    .slice(0, -1)
    .split('\n')
    .reduce((sum, entry) => sum + entry.length - PREFIX_BYTES + (entry[FULL_AT] === 'F' ? 1 : 0), 0);
  return { entries: first, consumed: output };
}

/** Where an entry has its tag. */
const FULL_AT = PREFIX_BYTES - 2;

/** Behind the last newline within one longest text (and its newline) from `at` on; `at` when there is none. */
function lastLineEnd(output: Buffer, at: number): number {
  const window = output.subarray(at, at + MAX_TEXT_BYTES + 1);
  return at + window.lastIndexOf(0x0a) + 1;
}

/** RFC 3339 with nine digits, UTC. */
export function formatTime(timeNs: bigint): string {
  const milliseconds = Number(timeNs / 1_000_000n);
  const fraction = String(timeNs % 1_000_000_000n).padStart(9, '0');
  return `${new Date(milliseconds).toISOString().slice(0, 19)}.${fraction}Z`;
}
