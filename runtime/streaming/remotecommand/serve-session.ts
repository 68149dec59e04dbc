import type { Readable, Writable } from 'node:stream';
import type { Session } from '../../shim/client/shim.ts';
import { drained, ended } from '../end-stream.ts';
import type { Remote, StreamRequest } from './remote.ts';
import type { Outcome } from './status.ts';

/**
 * Joins a client with the session that `open` gives: stdin with half-close, both outputs, sizes, and at last the
 * outcome, told only after all output was written. When the client goes away the session is destroyed.
 * Never rejects; the outcome says what went wrong.
 */
export const serveSession = async (
  remote: Remote,
  request: StreamRequest,
  open: (signal: AbortSignal) => Promise<Session>,
): Promise<Outcome> => {
  const outcome = await runSession(remote, request, open).catch((error: unknown): Outcome => {
    // What fails after the client has left fails because it has left.
    const reason: unknown = remote.signal.aborted ? remote.signal.reason : error;
    return { kind: 'failed', error: reason instanceof Error ? reason : new Error(String(reason)) };
  });
  if (!remote.signal.aborted) await remote.finish(outcome);
  return outcome;
};

const runSession = async (
  remote: Remote,
  request: StreamRequest,
  open: (signal: AbortSignal) => Promise<Session>,
): Promise<Outcome> => {
  const session = await open(remote.signal);
  expectFailure(session);
  const leave = () => session.destroy();
  remote.signal.addEventListener('abort', leave, { once: true });
  try {
    remote.signal.throwIfAborted();
    if (request.tty) remote.onResize((size) => session.resize(size));
    if (remote.stdin !== undefined) void feedStdin(remote.stdin, session.stdin);
    const [{ exitCode }] = await Promise.all([
      session.exited,
      copyOutput(session.stdout, request.stdout ? remote.stdout : undefined),
      copyOutput(session.stderr, request.stderr ? remote.stderr : undefined),
    ]);
    return { kind: 'exited', exitCode };
  } finally {
    remote.signal.removeEventListener('abort', leave);
    remote.stdin?.destroy();
    session.destroy();
  }
};

/** What fails after we stopped to look, when the client left first, must not end the daemon. */
const expectFailure = (session: Session): void => {
  session.exited.catch(() => {});
  for (const stream of [session.stdin, session.stdout, session.stderr]) stream.on('error', () => {});
};

/** Stdin ends with the client's, or when the process closed its own: then the client's bytes go nowhere. */
const feedStdin = async (from: Readable, to: Writable): Promise<void> => {
  to.on('error', () => from.destroy()).once('close', () => from.destroy());
  try {
    for await (const chunk of from) {
      if (to.destroyed) return;
      if (!to.write(chunk)) await drained(to);
    }
    to.end();
  } catch {
    // The client reset its stdin or went away, or the session has ended. Only FIN means end of input: a container
    // must not lose its stdin because a client that was attached to it died.
  }
};

/** Copies until `from` ends; a client that closed this stream alone misses the rest, which must still be read. */
const copyOutput = async (from: Readable, to: Writable | undefined): Promise<void> => {
  if (to === undefined) {
    from.resume();
    return;
  }
  for await (const chunk of from) {
    if (to.writable && !to.write(chunk)) await drained(to);
  }
  await ended(to);
};
