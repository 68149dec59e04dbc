import { type Facts, probe } from '../host/facts/probe.ts';
import type { Connection } from '../host/transport/connection.ts';
import { doctorRequest } from '../node/doctor/examine.ts';
import type { HostEntry } from '../profile/profile.ts';
import type { FlowContext } from './context.ts';
import { onHosts } from './on-hosts.ts';

/** A host that was met for the first time. */
export interface MetHost {
  readonly facts: Facts;
  /** Of the kubelet that is on the host; undefined: there is none, or it does not say. */
  readonly kubelet: string | undefined;
  /** From the first packet to the last answer. */
  readonly milliseconds: number;
}

/** Somebody sits there and waits: a first boot is told by the deadline, and not waited for. */
const firstBootSeconds = 20;

const kubeletScript = 'command -v kubelet > /dev/null 2>&1 && kubelet --version 2>/dev/null; exit 0\n';
const deadlineMs = 30_000;

/** Meets hosts as an apply would, and changes nothing. `met` is told of each that answers; the others fail by events. */
export const meetHosts = async (
  context: FlowContext,
  met: (host: HostEntry, what: MetHost) => void,
): Promise<void> => {
  await onHosts(context, context.hosts, async (host) => {
    const started = performance.now();
    const connection = await context.connect(host);
    const { trouble: _asksForMinutes, ...request } = doctorRequest(host.spec);
    const facts = await probe(connection, { ...request, firstBootSeconds }, context.signal);
    const kubelet = await kubeletOf(connection, context.signal);
    met(host, { facts, kubelet, milliseconds: Math.round(performance.now() - started) });
  });
};

const kubeletOf = async (connection: Connection, signal: AbortSignal): Promise<string | undefined> => {
  const { stdout } = await connection.sh(kubeletScript, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]),
  });
  return /v(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
};
