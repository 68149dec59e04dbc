import { Fail } from '../core/fail.ts';
import { type Facts, type ProbeRequest, probe } from '../host/facts/probe.ts';
import type { Connection } from '../host/transport/connection.ts';
import type { Given } from '../node/concern.ts';
import { planNode, probeRequest, requireSupported } from '../node/node.ts';
import { requireChangeable } from '../node/obstacles.ts';
import { packagesFor } from '../node/packages.ts';
import { loadTemplates, type Render } from '../node/templates.ts';
import type { HostEntry, Spec } from '../profile/profile.ts';
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

/** What the last look at a host found, by the clock of `performance.now()`. */
export interface Sighting extends Pick<Surveyed, 'facts' | 'plan'> {
  readonly at: number;
}

export interface Replannable extends Surveyed {
  /** What would have to change for the host to be as another spec says, from the same facts. */
  readonly replan: (spec: Spec) => HostPlan;
}

export interface SurveyOptions {
  /** Looks at the facts before anything is decided from them, and throws when they are not what they must be. */
  readonly expect?: (host: string, facts: Facts) => void;
  /** What must change is to be changed: a host on which that cannot go well is refused. */
  readonly toChange?: true;
  /** What to ask of the host besides. */
  readonly also?: (host: HostEntry, connection: Connection) => Promise<Partial<Asked>>;
}

type Asked = Pick<ProbeRequest, 'files' | 'folders' | 'units' | 'modules' | 'sysctls' | 'interfaces'>;

export type Survey = (host: HostEntry) => Promise<Replannable>;

/** Connects, probes and plans a host; changes nothing. */
export async function surveyor(
  context: FlowContext,
  { expect, also, toChange }: SurveyOptions = {},
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
    const request = withMore(probeRequest(host.spec, render), (await also?.(host, connection)) ?? {});
    const facts = await probeHost(context, connection, withLockedPackages(request, lock));
    expect?.(host.name, facts);
    const arch = named(host.name, () => requireSupported(facts));
    const packages = named(host.name, () => lockedPackages(lock, facts, packagesFor(host.spec, facts)));
    const made = await supply(host, { arch, manager: facts.packages.manager });
    const supplies = packages === undefined ? made : { ...made, packages };
    const secrets = await readSecrets(context, host);
    const planWith = (given: Given): HostPlan => ({
      host: host.name,
      ...named(host.name, () => planNode(given)),
    });
    const { planned, replan } = await inPhase(context, host.name, 'plan', async () => {
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
      const planned = planWith(given);
      if (toChange) named(host.name, () => requireChangeable(planned.changes, facts));
      await requireScripts(planned.changes, judge);
      return { planned, replan: (spec: Spec) => planWith({ ...given, spec }) };
    });
    return { connection, facts, plan: planned, replan };
  };
}

const withMore = (request: ProbeRequest, more: Partial<Asked>): ProbeRequest => ({
  ...request,
  files: both(request.files, more.files),
  folders: both(request.folders, more.folders),
  units: both(request.units, more.units),
  modules: both(request.modules, more.modules),
  sysctls: both(request.sysctls, more.sysctls),
  interfaces: both(request.interfaces, more.interfaces),
});

const both = (one: readonly string[], other: readonly string[] = []): string[] => [
  ...new Set([...one, ...other]),
];

export const probeHost = (
  context: FlowContext,
  connection: Connection,
  request: ProbeRequest,
): Promise<Facts> =>
  inPhase(context, connection.host, 'probe', () =>
    probe(connection, request, context.signal, () =>
      context.emit({
        kind: 'note',
        level: 'info',
        host: connection.host,
        message: 'waiting for cloud-init to finish the first boot',
      }),
    ),
  );

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
