import type { Duplex, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ended } from '../end-stream.ts';

/** Opens a connection to a port inside the pod. Rejects with a Fail that says why it could not. */
export type Dial = (port: number, signal: AbortSignal) => Promise<Duplex>;

/** A forwarded connection as the client's side of it, whatever carries it. */
export interface Forwarded {
  readonly port: number;
  readonly data: Duplex;
  /** Why the port could not be reached is written here as text; nothing at its end means that all went well. */
  readonly error: Writable;
}

/**
 * Carries bytes between the client and the port until both directions have ended, each on its own (half-close),
 * or one of the two sides breaks off, which breaks the other. Never rejects; resolves with why the port could not
 * be reached, if so. A connection that breaks later is no error to tell: on one, kubectl gives up all of its
 * forwarding, though a reset is daily bread to TCP servers.
 */
export const forward = async (to: Forwarded, dial: Dial, signal: AbortSignal): Promise<Error | undefined> => {
  const left = new AbortController();
  to.data.once('close', () => left.abort());
  const failure = await carry(to.data, to.port, dial, AbortSignal.any([signal, left.signal])).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  );
  if (failure !== undefined) to.error.write(`error forwarding port ${to.port}: ${failure.message}`);
  await ended(to.error);
  to.data.destroy();
  return failure;
};

const carry = async (data: Duplex, port: number, dial: Dial, signal: AbortSignal): Promise<void> => {
  const pod = await dial(port, signal);
  if (signal.aborted) pod.destroy();
  await Promise.allSettled([pipeline(data, pod, { signal }), pipeline(pod, data, { signal })]);
  pod.destroy();
};
