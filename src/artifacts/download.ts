import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Fail } from '../core/fail.ts';
import { byteProgress, type Work } from './report.ts';

/** A server that does not answer, or stops in the middle, must not hold up the way after it. */
const answerDeadlineMilliseconds = 10_000;
const stallDeadlineMilliseconds = 30_000;

/** Downloads a file; answers its sha256. Fail `Fetch` when the server refuses, stalls or breaks off. */
export async function download(url: string, path: string, work: Work): Promise<string> {
  const stall = new Stall(work.signal);
  try {
    stall.allow(answerDeadlineMilliseconds);
    const response = await answered(url, stall.signal);
    const total = Number(response.headers.get('content-length') ?? 0);
    const progress = byteProgress(work, url, total);
    const hash = createHash('sha256');
    let done = 0;
    const count = new Transform({
      transform(chunk: Buffer, _encoding, next) {
        stall.allow(stallDeadlineMilliseconds);
        hash.update(chunk);
        done += chunk.length;
        progress(done);
        next(null, chunk);
      },
    });
    const body = Readable.fromWeb(response.body as import('node:stream/web').ReadableStream);
    await pipeline(body, count, createWriteStream(path), { signal: stall.signal });
    if (total > 0 && done !== total)
      throw new Fail('Fetch', `${url}: the server sent ${done} of ${total} bytes`);
    return hash.digest('hex');
  } catch (error) {
    throw explained(url, error, work.signal, stall.stalled);
  } finally {
    stall.end();
  }
}

/** A small text, e.g. a checksum file; undefined when the server has none. */
export async function downloadText(url: string, work: Work): Promise<string | undefined> {
  const signal = AbortSignal.any([work.signal, AbortSignal.timeout(answerDeadlineMilliseconds)]);
  try {
    const response = await fetch(url, { signal });
    if (response.status === 404) return undefined;
    if (!response.ok) throw new Fail('Fetch', `${url}: HTTP status ${response.status}`);
    return await response.text();
  } catch (error) {
    throw explained(url, error, work.signal, !work.signal.aborted && signal.aborted);
  }
}

async function answered(url: string, signal: AbortSignal): Promise<Response> {
  const response = await fetch(url, { signal });
  if (!response.ok || response.body === null)
    throw new Fail('Fetch', `${url}: HTTP status ${response.status}`);
  return response;
}

/** Aborts when nothing has moved for the time that was allowed last. */
class Stall {
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  readonly signal: AbortSignal;
  stalled = false;

  constructor(outer: AbortSignal) {
    this.signal = AbortSignal.any([outer, this.#controller.signal]);
  }

  allow(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.stalled = true;
      this.#controller.abort();
    }, milliseconds);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

function explained(url: string, error: unknown, signal: AbortSignal, stalled: boolean): unknown {
  if (error instanceof Fail) return error;
  if (signal.aborted) return new Fail('Cancelled', `${url}: the download was cancelled`, { cause: error });
  if (stalled) return new Fail('Fetch', `${url}: the server does not answer`, { cause: error });
  return new Fail('Fetch', `${url}: ${reasonOf(error)}`, { cause: error });
}

/** fetch() says only "fetch failed"; the reason is its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message;
}
