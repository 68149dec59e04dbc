import type { Facts } from '../host/facts/probe.ts';
import type { Finding } from '../node/doctor/cause.ts';
import { doctorRequest, examine } from '../node/doctor/examine.ts';
import type { HostEntry } from '../profile/profile.ts';
import type { Change, Plan } from '../resources/change.ts';
import { makeSo } from './apply.ts';
import { type Confirmed, changeHosts } from './change-hosts.ts';
import type { FlowContext } from './context.ts';
import { type HostFailure, inPhase, onHosts } from './on-hosts.ts';
import { probeHost, type Surveyed } from './survey.ts';

export interface Examination {
  /** By host, in the order of the profile. */
  readonly findings: ReadonlyMap<string, readonly Finding[]>;
  readonly failures: readonly HostFailure[];
  readonly notBegun: readonly string[];
}

interface Examined extends Surveyed {
  readonly findings: readonly Finding[];
}

/** Asks hosts what is wrong with them, in one round trip each, and changes nothing. */
export async function examineHosts(context: FlowContext): Promise<Examination> {
  const { done, failures, notBegun } = await onHosts(context, context.hosts, (host) => look(context, host));
  return { findings: findingsOf(done), failures, notBegun };
}

export interface Mended extends Examination {
  /** What was found before anything was mended. */
  readonly before: ReadonlyMap<string, readonly Finding[]>;
  readonly plan: Plan;
  readonly applied: boolean;
}

/**
 * Mends what can be mended without harm, the way of every apply: planned, confirmed, journalled, and undone by reset.
 * Each host is asked again afterwards: what is left is in the findings.
 */
export async function mendHosts(context: FlowContext, confirmed: Confirmed): Promise<Mended> {
  const before = new Map<string, readonly Finding[]>();
  const after = new Map<string, readonly Finding[]>();
  const { plan, applied, failures, notBegun } = await changeHosts(
    context,
    confirmed,
    async (host) => {
      const examined = await look(context, host);
      before.set(host.name, examined.findings);
      return examined;
    },
    (host, found) =>
      makeSo(context, host, found, async () => {
        const examined = await look(context, host);
        after.set(host.name, examined.findings);
        return examined;
      }),
  );
  const findings = new Map([...before].map(([host, found]) => [host, after.get(host) ?? found]));
  return { before, findings, plan, applied, failures, notBegun };
}

async function look(context: FlowContext, host: HostEntry): Promise<Examined> {
  const connection = await context.connect(host);
  const facts: Facts = await probeHost(context, connection, doctorRequest(host.spec));
  return await inPhase(context, host.name, 'plan', async () => {
    const findings = examine({ spec: host.spec, facts });
    return { connection, facts, findings, plan: { host: host.name, changes: fixesOf(findings), notes: [] } };
  });
}

/** Several signs may have the same fix, such as the restart of a unit: once is enough, after all that it may read. */
function fixesOf(findings: readonly Finding[]): Change[] {
  const fixes = new Map(findings.flatMap(({ fix }) => fix.map((change) => [change.id, change] as const)));
  const isLast = ({ action }: Change): boolean => action === 'restart';
  const all = [...fixes.values()];
  return [...all.filter((change) => !isLast(change)), ...all.filter(isLast)];
}

const findingsOf = (done: ReadonlyMap<string, Examined>): Map<string, readonly Finding[]> =>
  new Map([...done].map(([host, { findings }]) => [host, findings]));
