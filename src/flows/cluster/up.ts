import { asFail } from '../../core/as-fail.ts';
import { Fail } from '../../core/fail.ts';
import { ownVersion } from '../../core/own-version.ts';
import type { Facts } from '../../host/facts/probe.ts';
import { carryOut } from '../../host/script/carry-out.ts';
import type { Connection } from '../../host/transport/connection.ts';
import { initChange, joinChange } from '../../node/kubeadm-changes.ts';
import type { Invitation } from '../../node/kubeadm-config.ts';
import { probeRequest } from '../../node/node.ts';
import type { HostEntry } from '../../profile/profile.ts';
import type { Change, HostPlan, Plan } from '../../resources/change.ts';
import type { Applied, Confirmed } from '../change-hosts.ts';
import type { FlowContext } from '../context.ts';
import { type HostResults, inPhase, onHosts } from '../on-hosts.ts';
import { probeHost } from '../survey.ts';
import { invitationOf, inviteTo } from './invite.ts';
import type { Place } from './kubectl.ts';
import { firstPlane, type Member, membersOf, requirePrepared, requireSkew, roundsOf } from './members.ts';
import { nodeName, untilReady } from './node-state.ts';

const revokeSeconds = 60;

interface Asked {
  readonly connection: Connection;
  readonly facts: Facts;
}

/**
 * Makes one cluster of the hosts that have a role in it: the first control plane makes it, the others join one after the
 * other, then the workers. Hosts that are members already are left alone.
 * @throws Fail `BadUsage` where no host has a role; `HostMoved` where one is not prepared; `Unsupported` by version skew
 */
export async function clusterUp(context: FlowContext, { confirm }: Confirmed): Promise<Applied> {
  const members = membersOf(context.hosts);
  if (members.length === 0) throw noMembers(context);
  const hosts = members.map(({ host }) => host);
  const asked = await onHosts(context, hosts, (host) => ask(context, host));
  const nothing = { applied: false, failures: asked.failures, notBegun: asked.notBegun };
  const facts = new Map([...asked.done].map(([name, found]) => [name, found.facts]));
  // A cluster is planned as one: who does not answer may be the one that the others need.
  if (facts.size < members.length) return { plan: planOf(context, []), ...nothing };
  for (const member of members) requirePrepared(member, factsOf(asked, member));
  requireSkew(hosts, facts);
  const rounds = roundsOf(members, facts);
  const plan = planOf(context, [
    ...(rounds.init === undefined ? [] : [planned(rounds.init, initChange(rounds.init.kubernetes))]),
    ...[...rounds.planes, ...rounds.workers].map((member) => planned(member, joinChange(member.kubernetes))),
  ]);
  if (!(await confirm(plan)) || plan.hosts.length === 0) return { plan, ...nothing };
  const made = new Cluster(context, members, asked.done);
  return { plan, applied: true, ...(await made.grow(rounds)) };
}

const noMembers = ({ profile }: FlowContext): Fail =>
  new Fail('BadUsage', `no host of ${profile.file} has a role in a cluster`, {
    hint: 'Give hosts spec.kubernetes with a version and the role control-plane or worker.',
  });

const ask = async (context: FlowContext, host: HostEntry): Promise<Asked> => {
  const connection = await context.connect(host);
  return { connection, facts: await probeHost(context, connection, probeRequest(host.spec)) };
};

const factsOf = ({ done }: HostResults<Asked>, { host: { name } }: Member): Facts => {
  const found = done.get(name);
  if (found === undefined) throw new Fail('Internal', `${name} was not asked what it is`);
  return found.facts;
};

const planned = ({ host }: Member, change: Change): HostPlan => ({
  host: host.name,
  changes: [change],
  notes: [],
});

const planOf = ({ profile }: FlowContext, hosts: readonly HostPlan[]): Plan => ({
  version: 1,
  profile: profile.file,
  hosts,
});

type Rounds = ReturnType<typeof roundsOf>;

/** The hosts of one cluster while it grows. */
class Cluster {
  readonly #context: FlowContext;
  readonly #members: readonly Member[];
  readonly #asked: ReadonlyMap<string, Asked>;

  constructor(context: FlowContext, members: readonly Member[], asked: ReadonlyMap<string, Asked>) {
    this.#context = context;
    this.#members = members;
    this.#asked = asked;
  }

  /** Whoever fails does not stop the workers beside it; without a first control plane there is nothing to join. */
  async grow({ init, planes, workers }: Rounds): Promise<Pick<Applied, 'failures' | 'notBegun'>> {
    const first = await this.#round({ parallel: 1 }, init === undefined ? [] : [init], (member) =>
      this.#makeSo(member, initChange(member.kubernetes)),
    );
    const rest = [...planes, ...workers];
    if (first.failures.length > 0 || rest.length === 0)
      return { failures: first.failures, notBegun: rest.map(({ host }) => host.name) };
    await using invited = await this.#invite(planes, rest);
    const join = async (member: Member) =>
      this.#makeSo(member, joinChange(member.kubernetes, await invited.invitationFor(member)));
    const joined = await this.#round({ parallel: 1, maxFailures: 1 }, planes, join);
    const worked = await this.#round({}, workers, join);
    return {
      failures: [...joined.failures, ...worked.failures],
      notBegun: [...joined.notBegun, ...worked.notBegun],
    };
  }

  #round(
    limits: Partial<Pick<FlowContext, 'parallel' | 'maxFailures'>>,
    members: readonly Member[],
    work: (member: Member) => Promise<void>,
  ): Promise<HostResults<void>> {
    const byName = new Map(members.map((member) => [member.host.name, member]));
    const hosts = members.map(({ host }) => host);
    return onHosts({ ...this.#context, ...limits }, hosts, async ({ name }) => {
      const member = byName.get(name);
      if (member !== undefined) await work(member);
    });
  }

  /** Members of the profile's own cluster are invited for the time of this run; others have an invitation in the profile. */
  async #invite(planes: readonly Member[], rest: readonly Member[]): Promise<Invitations> {
    const { secret } = this.#context;
    const given = async ({ kubernetes: { join } }: Member): Promise<Invitation | undefined> =>
      join === undefined || secret === undefined ? undefined : await invitationOf(join, secret);
    const isOurs = ({ kubernetes }: Member): boolean => kubernetes.join === undefined;
    const plane = rest.some(isOurs) ? this.#plane() : undefined;
    const invited = plane && (await inviteTo(plane, { planes: planes.some(isOurs) }));
    return {
      invitationFor: async (member) => {
        const invitation = (await given(member)) ?? invited?.invitation;
        if (invitation !== undefined) return invitation;
        throw new Fail('Internal', `${member.host.name} has no cluster to join`);
      },
      [Symbol.asyncDispose]: async () => {
        if (plane === undefined || invited === undefined) return;
        // Also when the run was interrupted; and what the hosts have become is not undone by a token that stays.
        const signal = AbortSignal.timeout(revokeSeconds * 1000);
        await invited.revoke({ ...plane, signal }).catch((error) => this.#stays(plane, error));
      },
    };
  }

  #stays({ connection: { host } }: Place, error: unknown): void {
    const message = `the bootstrap token of this run could not be deleted, and ends by itself: ${asFail(error).message}`;
    this.#context.emit({ kind: 'note', level: 'warn', host, message });
  }

  #plane(): Place {
    const facts = new Map([...this.#asked].map(([name, found]) => [name, found.facts]));
    const first = firstPlane(this.#members, facts);
    const connection = first && this.#asked.get(first.host.name)?.connection;
    if (connection === undefined) throw new Fail('Internal', 'a cluster without a first control plane');
    return { connection, signal: this.#context.signal };
  }

  async #makeSo({ host }: Member, change: Change): Promise<void> {
    const { emit, signal, lockTimeoutSeconds = 0 } = this.#context;
    const asked = this.#asked.get(host.name);
    if (asked === undefined) throw new Fail('Internal', `${host.name} was not asked what it is`);
    const { connection } = asked;
    const { spec } = host;
    await inPhase(this.#context, host.name, 'apply', async () => {
      const about = { berth: await ownVersion(), spec: JSON.stringify(spec), keep: spec.generations.keep };
      await carryOut(connection, [change], {
        mode: 'apply',
        phase: 'apply',
        about,
        lockTimeoutSeconds,
        space: [],
        emit,
        signal,
      });
      const node = { connection, signal };
      await untilReady(node, await nodeName(node));
    });
  }
}

interface Invitations extends AsyncDisposable {
  readonly invitationFor: (member: Member) => Promise<Invitation>;
}
