import { readHistory } from '../host/facts/history.ts';
import { probeRequest } from '../node/node.ts';
import { overridesAsk, overridesOn } from '../node/overrides.ts';
import type { HostEntry, Spec } from '../profile/profile.ts';
import { type Drift, driftsOf } from '../resources/drift.ts';
import type { FlowContext } from './context.ts';
import { type HostResults, onHosts } from './on-hosts.ts';
import { specAfter } from './spec-after.ts';
import { type Replannable, surveyor } from './survey.ts';

export interface Drifted extends Replannable {
  readonly drifts: readonly Drift[];
}

/** Compares what hosts are with what the profile says and with what was applied last. Changes nothing. */
export async function driftOfHosts(context: FlowContext): Promise<HostResults<Drifted>> {
  const lastSpecs = new Map<string, Spec | undefined>();
  const survey = await surveyor(context, {
    also: async (host, connection) => {
      const last = await lastSpecOf(host, connection, context.signal);
      lastSpecs.set(host.name, last);
      const { files, folders, units, modules, sysctls, interfaces } = probeRequest(last ?? host.spec);
      return {
        files: [...files, ...overridesAsk.files],
        folders: [...folders, ...overridesAsk.folders],
        units,
        modules,
        sysctls,
        interfaces,
      };
    },
  });
  return await onHosts(context, context.hosts, async (host) => {
    const found = await survey(host);
    const { facts, plan, replan } = found;
    const last = lastSpecs.get(host.name);
    const drifts = driftsOf(plan.changes, last === undefined ? undefined : replan(last).changes, facts);
    const { applied } = facts.install;
    return {
      ...found,
      drifts: [...drifts, ...overridesOn(facts, plan.changes, (path) => !applied.has(path))],
    };
  });
}

/** What the host followed last. How its secrets are read is today's matter: of files with secrets digests decide. */
async function lastSpecOf(
  host: HostEntry,
  connection: Parameters<typeof readHistory>[0],
  signal: AbortSignal,
): Promise<Spec | undefined> {
  const history = await readHistory(connection, signal);
  const newest = Math.max(0, ...history.specs.keys());
  if (newest === 0) return undefined;
  const { spec } = specAfter(host, history, newest);
  const { registries, proxy } = host.spec;
  return {
    ...spec,
    registries: { ...spec.registries, auth: registries.auth },
    proxy: {
      ...spec.proxy,
      ...(typeof proxy.http === 'object' ? { http: proxy.http } : {}),
      ...(typeof proxy.https === 'object' ? { https: proxy.https } : {}),
    },
  };
}
