import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Fail } from '../core/fail.ts';
import { dialInNamespace } from '../linux/dial.ts';
import type { PodRecord } from './record.ts';

/** Programs in the pod may listen on its loopback alone, and on either family. */
const LOOPBACK = ['127.0.0.1', '::1'] as const;

/** A connection to a port of the pod, made from inside it. `Unavailable` when nothing listens there. */
export const dialPod = async (record: PodRecord, port: number, signal: AbortSignal): Promise<Socket> => {
  const refusals: unknown[] = [];
  for (const host of LOOPBACK) {
    try {
      return await connected(dial(record, host, port), signal);
    } catch (error) {
      signal.throwIfAborted();
      refusals.push(error);
    }
  }
  throw new Fail('Unavailable', `nothing answers at port ${port} of pod ${record.id}`, {
    cause: refusals[0],
  });
};

const dial = ({ namespaces }: PodRecord, host: string, port: number): Socket =>
  namespaces.network === undefined
    ? connect({ host, port, allowHalfOpen: true })
    : dialInNamespace(namespaces.network, { host, port });

const connected = async (socket: Socket, signal: AbortSignal): Promise<Socket> => {
  try {
    await once(socket, 'connect', { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
};
