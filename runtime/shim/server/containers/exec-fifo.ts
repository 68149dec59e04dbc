import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { Fail } from '../../../core/fail.ts';
import { AGAIN, readNow } from '../../../linux/fds.ts';
import { type Watch, watch } from '../../../linux/poll.ts';

/**
 * Does what `runc start` does, without starting a runc for it (decision 5). The first process of a created container
 * waits, in open(2), for a reader of `exec.fifo`; then it writes a byte and becomes the program, which closes its end.
 * Resolves when the program runs.
 *
 * The name goes in the same tick as the end is opened: it is by its absence that runc tells a running container from a
 * created one. Throws `FailedPrecondition` when the process ends first.
 */
export async function releaseInit(path: string, exited: Promise<unknown>, timeoutMs: number): Promise<void> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    rmSync(path, { force: true });
    if ((await outcomeOf(fd, exited, timeoutMs)) === 'ended')
      throw new Fail('FailedPrecondition', 'the container ended before its program was started');
  } finally {
    closeSync(fd);
  }
}

/** A FIFO is not readable before it had a writer: neither is the end of the file there, nor a byte. */
async function outcomeOf(
  fd: number,
  exited: Promise<unknown>,
  timeoutMs: number,
): Promise<'started' | 'ended'> {
  const { promise, resolve, reject } = Promise.withResolvers<'started' | 'ended'>();
  const byte = Buffer.alloc(1);
  let released = false;
  let closed = false;
  const read = () => {
    const count = readNow(fd, byte);
    if (count === AGAIN) return;
    if (count > 0) released = true;
    else resolve(released ? 'started' : 'ended');
  };
  const waiting: Watch = watch(fd, 'readable', read);
  const timer = setTimeout(
    () => reject(new Fail('DeadlineExceeded', `the container did not start within ${timeoutMs} ms`)),
    timeoutMs,
  );
  exited.then(() => {
    if (closed) return;
    // A program that ends at once is heard of before its byte is.
    read();
    resolve(released ? 'started' : 'ended');
  });
  try {
    return await promise;
  } finally {
    closed = true;
    clearTimeout(timer);
    waiting.close();
  }
}
