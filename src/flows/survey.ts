import { Fail } from '../core/fail.ts';
import { type Facts, type ProbeRequest, probe } from '../host/facts/probe.ts';
import type { Connection } from '../host/transport/connection.ts';
import type { Given } from '../node/concern.ts';
import { planNode, probeRequest, requireSupported } from '../node/node.ts';
import { packagesFor } from '../node/packages.ts';
import { loadTemplates, type Render } from '../node/templates.ts';
import type { HostEntry } from '../profile/profile.ts';
import type { HostPlan } from '../resources/change.ts';
import { requireScripts, scriptJudge } from './check-scripts.ts';
import type { FlowContext } from './context.ts';
import { lockedPackages, withLockedPackages } from './locked-packages.ts';
import { inPhase } from './on-hosts.ts';
import { readSecrets } from './read-secrets.ts';
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
  const templates = new Map<string | undefined, Promise<Render>>();
  const templatesOf = (folder: string | undefined): Promise<Render> => {
    const loaded = templates.get(folder) ?? loadTemplates(folder);
    templates.set(folder, loaded);
    return loaded;
  };
  const judge = scriptJudge(context.signal);
  const supply = supplyHosts(context);
  return async (host) => {
    const render = await templatesOf(host.spec.templates);
    const connection = await context.connect(host);
    const lock = await context.lock?.();
    const facts = await probeHost(
      context,
      connection,
      withLockedPackages(probeRequest(host.spec, render), lock),
    );
    expect(host.name, facts);
    const arch = named(host.name, () => requireSupported(facts));
    const packages = named(host.name, () => lockedPackages(lock, facts, packagesFor(host.spec, facts)));
    const made = await supply(host, arch);
    const supplies = packages === undefined ? made : { ...made, packages };
    const secrets = await readSecrets(context, host);
    const plan = await inPhase(context, host.name, 'plan', async () => {
      const { tags } = context;
      const given: Given = {
        host: host.name,
        spec: host.spec,
        facts,
        supplies,
        render,
        secrets,
        ...(tags === undefined ? {} : { tags }),
      };
      const planned = named(host.name, () => planNode(given));
      await requireScripts(planned.changes, judge);
      return { host: host.name, ...planned };
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
