import type { Readable, Writable } from 'node:stream';
import { Fail } from '../core/fail.ts';
import { hasErrno } from '../linux/system-call-failed.ts';
import { fetchImage } from './fetch-image.ts';
import { type PullOutcome, type PullProgress, type PullRequest, toMessage } from './protocol.ts';

const MAX_REQUEST_BYTES = 1024 * 1024;
const PROGRESS_INTERVAL_MS = 500;

/**
 * The whole life of berth-pull: one request line in, progress lines and one outcome line out. Resolves with the
 * exit code. SIGTERM and SIGINT end the pull with `Cancelled` and leave no staging behind.
 */
export const runPull = async (streams: {
  readonly input: Readable;
  readonly output: Writable;
  readonly entry: URL;
}): Promise<number> => {
  process.umask(0);
  const cancel = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => cancel.abort());
  const say = (line: unknown): Promise<void> => write(streams.output, `${JSON.stringify(line)}\n`);
  const outcome = await pull(
    streams,
    cancel.signal,
    throttled((progress) => void say({ progress })),
  );
  await say({ outcome });
  return outcome.ok ? 0 : 1;
};

const pull = async (
  streams: { readonly input: Readable; readonly entry: URL },
  signal: AbortSignal,
  onProgress: (progress: PullProgress) => void,
): Promise<PullOutcome> => {
  try {
    const request = parseRequest(await readLine(streams.input));
    return { ok: true, image: await fetchImage(request, { signal, entry: streams.entry, onProgress }) };
  } catch (error) {
    return { ok: false, error: toMessage(signal.aborted ? cancelled(error) : explainDisk(error)) };
  }
};

const cancelled = (cause: unknown): Fail => new Fail('Cancelled', 'the pull was cancelled', { cause });

/** Disk faults outside a layer: staging, records, the sync. */
const explainDisk = (error: unknown): unknown => {
  if (error instanceof Fail || !(error instanceof Error)) return error;
  if (hasErrno(error, 'ENOSPC', 'EDQUOT')) {
    return new Fail('ResourceExhausted', `no space left for images: ${error.message}`, {
      hint: 'free disk space or inodes there, then pull again',
      cause: error,
    });
  }
  return error;
};

const readLine = async (input: Readable): Promise<string> => {
  let text = '';
  for await (const chunk of input.setEncoding('utf8')) {
    text += chunk;
    const end = text.indexOf('\n');
    if (end >= 0) return text.slice(0, end);
    if (text.length > MAX_REQUEST_BYTES) break;
  }
  throw new Fail('InvalidArgument', 'no request line came on standard input', {
    hint: 'berthd starts this program; it is not for the command line',
  });
};

/** berthd writes the request: its version vouches for its shape. The line itself has secrets and goes into no message. */
const parseRequest = (line: string): PullRequest => {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Fail('InvalidArgument', 'the request line is not JSON');
  }
  if (isRequest(value)) return value;
  throw new Fail('FailedPrecondition', 'the request has a version that this berth-pull does not know', {
    hint: 'install berthd and berth-pull from one release',
  });
};

const isRequest = (value: unknown): value is PullRequest =>
  typeof value === 'object' && value !== null && 'version' in value && value.version === 1;

/** At most one report per interval: progress tells that a pull is alive, not each of its bytes. */
const throttled = (report: (progress: PullProgress) => void): ((progress: PullProgress) => void) => {
  let next = 0;
  return (progress) => {
    const now = Date.now();
    if (now < next) return;
    next = now + PROGRESS_INTERVAL_MS;
    report(progress);
  };
};

const write = (output: Writable, text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    output.write(text, (error) => (error ? reject(error) : resolve()));
  });
