import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fail } from '../core/fail.ts';
import { ownDiskFailure } from '../core/own-disk.ts';
import { get, type HttpAnswer, networkFailure } from './http.ts';
import { byteProgress, type Work } from './report.ts';

/** A server that does not answer, or stops in the middle, must not hold up the way after it. */
const answerDeadlineMilliseconds = 10_000;
const stallDeadlineMilliseconds = 30_000;

/** Pauses before the attempts after the first. A server that says when to come again is believed, up to the last one. */
const pausesMilliseconds = [500, 2000, 5000];

/** Answers of a server that is there and may have what it lacks now: RFC 9110 section 15, RFC 6585 section 4. */
const passing = new Set([408, 425, 429, 500, 502, 503, 504]);

/** A failure that the next attempt may not see. */
class Passing extends Error {
  readonly retryAfterMilliseconds: number | undefined;

  constructor(
    message: string,
    options: { cause?: unknown; retryAfterMilliseconds?: number | undefined } = {},
  ) {
    super(message, { cause: options.cause });
    this.retryAfterMilliseconds = options.retryAfterMilliseconds;
  }
}

/**
 * Downloads a file; answers its sha256. What breaks off or stalls is tried again where that can help, from the byte that
 * came last where the server can do that. Proxies of the environment are used.
 * @throws Fail `Fetch` when the server refuses, is not there, or breaks off time and again
 */
export async function download(url: string, path: string, work: Work): Promise<string> {
  await using transfer = new Transfer(url, await open(path, 'w'), work);
  await retrying(url, work, () => transfer.proceed());
  return transfer.digest();
}

/** A small text, e.g. a checksum file; undefined when the server has none. @throws Fail `Fetch` */
export async function downloadText(url: string, work: Work): Promise<string | undefined> {
  return retrying(url, work, async () => {
    const stall = new Stall(work.signal);
    try {
      stall.allow(answerDeadlineMilliseconds, 'unanswered');
      const answer = await get(url, {}, stall.signal);
      if (answer.status === 404) return undefined;
      requireOk(url, answer);
      return await answer.text();
    } catch (error) {
      throw classified(url, error, work.signal, stall.stalled);
    } finally {
      stall.end();
    }
  });
}

/** One file on its way, over as many attempts as it takes. */
class Transfer {
  readonly #url: string;
  readonly #file: FileHandle;
  readonly #work: Work;
  #hash: Hash = createHash('sha256');
  #done = 0;
  #total = 0;
  /** What names the version that the bytes so far belong to: RFC 9110 section 13.1.5. */
  #validator: string | undefined;

  constructor(url: string, file: FileHandle, work: Work) {
    this.#url = url;
    this.#file = file;
    this.#work = work;
  }

  async proceed(): Promise<void> {
    const { signal } = this.#work;
    const stall = new Stall(signal);
    try {
      stall.allow(answerDeadlineMilliseconds, 'unanswered');
      const answer = await get(this.#url, this.#rangeHeaders(), stall.signal);
      requireOk(this.#url, answer);
      if (!this.#continues(answer)) await this.#startOver(answer);
      await this.#receive(answer, stall);
    } catch (error) {
      throw classified(this.#url, error, signal, stall.stalled);
    } finally {
      stall.end();
    }
  }

  digest(): string {
    return this.#hash.digest('hex');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  #rangeHeaders(): Record<string, string> {
    if (this.#done === 0 || this.#validator === undefined) return {};
    return { range: `bytes=${this.#done}-`, 'if-range': this.#validator };
  }

  #continues(answer: HttpAnswer): boolean {
    return (
      answer.status === 206 && answer.header('content-range')?.startsWith(`bytes ${this.#done}-`) === true
    );
  }

  async #startOver(answer: HttpAnswer): Promise<void> {
    if (answer.status === 206)
      throw new Passing(`${this.#url}: the server sent another part than was asked for`);
    await this.#file.truncate(0);
    this.#hash = createHash('sha256');
    this.#done = 0;
    this.#total = Number(answer.header('content-length') ?? 0);
    // A weak validator promises the same meaning, not the same bytes.
    const tag = answer.header('etag');
    this.#validator = tag?.startsWith('"') ? tag : answer.header('last-modified');
  }

  async #receive(answer: HttpAnswer, stall: Stall): Promise<void> {
    const progress = byteProgress(this.#work, this.#url, this.#total);
    for await (const chunk of answer.body) {
      stall.allow(stallDeadlineMilliseconds, 'broken off');
      await this.#file.write(chunk, 0, chunk.length, this.#done);
      this.#hash.update(chunk);
      this.#done += chunk.length;
      progress(this.#done);
    }
    if (this.#total > 0 && this.#done !== this.#total)
      throw new Passing(`${this.#url}: the server sent ${this.#done} of ${this.#total} bytes`);
  }
}

async function retrying<T>(url: string, work: Work, attempt: () => Promise<T>): Promise<T> {
  for (const pause of [...pausesMilliseconds, undefined]) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Passing)) throw error;
      if (pause === undefined) throw new Fail('Fetch', error.message, { cause: error });
      work.emit({ kind: 'note', level: 'debug', message: `${error.message}; trying again` });
      await pausing(url, Math.max(pause, error.retryAfterMilliseconds ?? 0), work.signal);
    }
  }
  throw new Fail('Internal', `${url}: no attempt was made`);
}

async function pausing(url: string, milliseconds: number, signal: AbortSignal): Promise<void> {
  const most = pausesMilliseconds.at(-1) ?? 0;
  await sleep(Math.min(milliseconds, most), undefined, { signal }).catch((cause: unknown) => {
    throw cancelled(url, cause);
  });
}

function requireOk(url: string, answer: HttpAnswer): void {
  if (answer.status >= 200 && answer.status < 300) return;
  answer.discard();
  const message = `${url}: HTTP status ${answer.status}`;
  if (!passing.has(answer.status)) throw new Fail('Fetch', message);
  const seconds = Number(answer.header('retry-after') ?? 0);
  throw new Passing(message, {
    retryAfterMilliseconds: Number.isFinite(seconds) ? seconds * 1000 : undefined,
  });
}

function classified(url: string, error: unknown, signal: AbortSignal, stalled: Stall['stalled']): Error {
  if (error instanceof Fail || error instanceof Passing) return error;
  if (signal.aborted) return cancelled(url, error);
  const disk = ownDiskFailure(error);
  if (disk !== undefined) return disk;
  // Who was silent from the start would be silent again, and the way after this one waits.
  if (stalled === 'unanswered')
    return new Fail('Fetch', `${url}: the server does not answer`, { cause: error });
  if (stalled === 'broken off') return new Passing(`${url}: the server fell silent`, { cause: error });
  const { reason, mayPass } = networkFailure(error);
  if (mayPass) return new Passing(`${url}: ${reason}`, { cause: error });
  return new Fail('Fetch', `${url}: ${reason}`, { cause: error });
}

const cancelled = (url: string, cause: unknown): Fail =>
  new Fail('Cancelled', `${url}: the download was cancelled`, { cause });

/** Aborts when nothing has moved for the time that was allowed last. */
class Stall {
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  readonly signal: AbortSignal;
  stalled: 'unanswered' | 'broken off' | undefined;

  constructor(outer: AbortSignal) {
    this.signal = AbortSignal.any([outer, this.#controller.signal]);
  }

  /** The next sign of life may take so long; `after` says what its absence means. */
  allow(milliseconds: number, after: NonNullable<Stall['stalled']>): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.stalled = after;
      this.#controller.abort();
    }, milliseconds);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
