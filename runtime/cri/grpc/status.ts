import type { Fail } from '../../core/fail.ts';
import { statusNumber } from '../../core/status-number.ts';

/** The trailers that end a call; without a `Fail` it has succeeded. */
export const trailersOf = (fail: Fail | undefined): Readonly<Record<string, string>> => {
  if (fail === undefined) return { 'grpc-status': '0' };
  const message = shortened(fail.message);
  const text = fail.hint === undefined ? message : `${message}; ${shortened(fail.hint)}`;
  return { 'grpc-status': String(statusNumber[fail.code]), 'grpc-message': percentEncoded(text) };
};

/** The text travels in an HTTP/2 header: clients break off connections over headers of 64 KiB. */
const MOST_CHARACTERS = 2000;

/** Whole to all appearances: half a surrogate pair has no percent-encoding. */
const shortened = (text: string): string =>
  (text.length <= MOST_CHARACTERS
    ? text
    : `${text.slice(0, MOST_CHARACTERS)}… (${text.length} characters)`
  ).toWellFormed();

/**
 * All but printable ASCII, and the percent sign itself (PROTOCOL-HTTP2.md, "Responses"); blanks where a header's value
 * may have none, too: it would be left out as a whole.
 */
const percentEncoded = (text: string): string =>
  text.replace(/^ +| +$|[^\x20-\x24\x26-\x7e]+/g, encodeURIComponent);
