import type { IncomingMessage } from 'node:http';
import { Fail } from '../../core/fail.ts';
import { stalled } from './transport.ts';

/** The stall clock ticks this often within the allowed time. */
const TICKS = 6;

/**
 * The chunks of a response. A body that stands still for `stallMs` fails like a broken connection. The clock
 * counts ticks of the event loop, not seconds: time in which this thread was busy writing files is not the peer's.
 */
export async function* chunksOf(
  response: IncomingMessage,
  host: string,
  stallMs: number,
): AsyncGenerator<Buffer, void, void> {
  let quiet = 0;
  const clock = setInterval(() => {
    quiet += 1;
    if (quiet > TICKS) response.destroy(stalled(host, stallMs));
  }, stallMs / TICKS);
  try {
    for await (const chunk of response) {
      quiet = Number.NEGATIVE_INFINITY;
      yield chunk;
      quiet = 0;
    }
    if (!response.complete) throw Object.assign(new Error('the connection broke'), { code: 'ECONNRESET' });
  } finally {
    clearInterval(clock);
    response.destroy();
  }
}

/** The whole body of a document. Throws `ResourceExhausted` when it is larger than `limit` bytes. */
export const readDocument = async (
  response: IncomingMessage,
  options: { readonly what: string; readonly host: string; readonly limit: number; readonly stallMs: number },
): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunksOf(response, options.host, options.stallMs)) {
    length += chunk.length;
    if (length > options.limit) {
      throw new Fail('ResourceExhausted', `${options.what} is larger than ${options.limit} bytes`, {
        hint: 'this is not a plausible image; ask its publisher',
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
};

/** Lets the connection be reused: reads a short rest, gives up on a long one. */
export const discard = (response: IncomingMessage): void => {
  const length = Number(response.headers['content-length'] ?? Number.NaN);
  if (length <= 64 * 1024) response.resume();
  else response.destroy();
};
