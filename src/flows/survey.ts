import { Fail } from '../core/fail.ts';
import { type Facts, type ProbeRequest, probe } from '../host/facts/probe.ts';
import type { Connection } from '../host/transport/connection.ts';
import { planNode, probeRequest, requireSupported } from '../node/node.ts';
import { loadTemplates } from '../node/templates.ts';
import type { HostEntry } from '../profile/profile.ts';
import type { HostPlan } from '../resources/change.ts';
import type { FlowContext } from './context.ts';
import { inPhase } from './on-hosts.ts';
import { supplyHosts } from './supply.ts';

/** A host, how it is, and what must change for it to be as the profile says. */
export interface Surveyed {
  readonly connection: Connection;
  readonly facts: Facts;
  readonly plan: HostPlan;
}

export type Survey = (host: HostEntry) => Promise<Surveyed>;

/**
 * Connects, probes and plans a host; changes nothing. `expect` looks at the facts before anything is decided from them,
 * and throws when they are not what they must be.
 */
export async function surveyor(
  context: FlowContext,
  expect: (host: string, facts: Facts) => void = () => {},
): Promise<Survey> {
  const render = await loadTemplates();
  const supply = supplyHosts(context);
  return async (host) => {
    const connection = await context.connect(host);
    const facts = await probeHost(context, connection, probeRequest(host.spec));
    expect(host.name, facts);
    const arch = named(host.name, () => requireSupported(facts));
    const supplies = await supply(host, arch);
    const plan = await inPhase(context, host.name, 'plan', async () => {
      const { tags } = context;
      const given = { spec: host.spec, facts, supplies, render, ...(tags === undefined ? {} : { tags }) };
      return { host: host.name, ...named(host.name, () => planNode(given)) };
    });
    return { connection, facts, plan };
  };
}

export const probeHost = (
  context: FlowContext,
  connection: Connection,
  request: ProbeRequest,
): Promise<Facts> =>
  inPhase(context, connection.host, 'probe', () => probe(connection, request, context.signal));

/** Planning is pure and knows no host: its failures learn here whose they are. */
export function named<T>(host: string, decide: () => T): T {
  try {
    return decide();
  } catch (error) {
    if (!(error instanceof Fail)) throw error;
    const { code, message, hint, context } = error;
    throw new Fail(code, `${host}: ${message}`, {
      ...(hint === undefined ? {} : { hint }),
      context,
      cause: error,
    });
  }
}
