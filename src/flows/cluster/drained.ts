import { setTimeout as sleep } from 'node:timers/promises';
import { asFail } from '../../core/as-fail.ts';
import { Fail } from '../../core/fail.ts';
import { whyDrain } from '../../node/disturbance.ts';
import { leavesCluster, wasJoined } from '../../node/leave-cluster.ts';
import { isMember } from '../../node/membership.ts';
import type { HostEntry, KubernetesSpec } from '../../profile/profile.ts';
import type { FlowContext } from '../context.ts';
import type { Surveyed } from '../survey.ts';
import { kubectl, type Place } from './kubectl.ts';
import { type NodeState, nodeName, nodeState } from './node-state.ts';
import { answering, planesBeyond, speakerAmong, speakerFor } from './speaker.ts';

/** What kubectl needs beyond the time that the pods have. */
const patienceSeconds = 30;
const uncordonDeadlineSeconds = 120;
const forgetDeadlineSeconds = 120;
const betweenTriesMs = 3000;

/** Makes changes on hosts of which some are nodes of one cluster. */
export interface Rolling {
  /**
   * Makes a change of a host. A node whose pods it would disturb is drained first, and let in again afterwards, also when
   * the change failed; such nodes go one after the other, and after one that failed no other is begun.
   */
  readonly change: <Made>(host: HostEntry, found: Surveyed, make: () => Promise<Made>) => Promise<Made>;
  /**
   * Makes a change by which a host may leave its cluster. Where a control plane of the profile stays, the node is drained
   * first, and the cluster forgets it afterwards; where it failed, the node takes pods again. A host that has left already,
   * by a change that failed later, is only forgotten. In turn, as `change`.
   */
  readonly leave: <Made>(host: HostEntry, found: Surveyed, make: () => Promise<Made>) => Promise<Made>;
}

/** `surveyed`: every host of the run that answered, by name: one of them speaks for the cluster. */
export function rolling(context: FlowContext, surveyed: ReadonlyMap<string, Surveyed>): Rolling {
  let last: Promise<unknown> = Promise.resolve();
  let failed: string | undefined;
  const inTurn = async <Made>(host: HostEntry, make: () => Promise<Made>): Promise<Made> => {
    const before = last;
    const { promise, resolve } = Promise.withResolvers<void>();
    last = promise;
    try {
      await before;
      if (failed !== undefined) throw notBegun(host, failed);
      return await make();
    } catch (error) {
      failed ??= host.name;
      throw error;
    } finally {
      resolve();
    }
  };
  return {
    change: async (host, found, make) => {
      const { kubernetes } = host.spec;
      const why = whyDrain(found.plan.changes);
      if (
        kubernetes === undefined ||
        why === undefined ||
        !kubernetes.drain.enabled ||
        !isMember(found.facts)
      )
        return await make();
      return await inTurn(host, async () => {
        const plane = { connection: await speakerFor(context, host, surveyed), signal: context.signal };
        return await drained(context, { host, found, kubernetes, why, plane }, make);
      });
    },
    leave: async (host, found, make) => {
      const { kubernetes } = host.spec;
      const staying = planesBeyond(context, host);
      if (kubernetes === undefined || staying.length === 0 || !leaves(host, found)) return await make();
      return await inTurn(host, async () => {
        const connection = await speakerAmong(context, host, staying);
        if (connection === undefined) {
          context.emit({ kind: 'note', level: 'warn', host: host.name, message: undrained(staying) });
          return await make();
        }
        const plane = { connection, signal: context.signal };
        const why = 'it leaves the cluster';
        return await drained(context, { host, found, kubernetes, why, plane, leaves: true }, make);
      });
    },
  };
}

/**
 * The host is a node, or was one as far as its cluster knows, and is none afterwards. `drain.enabled: false` leaves the node,
 * and what the cluster knows of it, to people.
 */
export const leaves = ({ spec: { kubernetes } }: HostEntry, { plan, facts }: Surveyed): boolean =>
  kubernetes?.drain.enabled === true && (isMember(facts) || wasJoined(facts)) && leavesCluster(plan.changes);

const undrained = (planes: readonly HostEntry[]): string =>
  `no control plane of the profile is in a cluster (${planes.map(({ name }) => name).join(', ')}): it leaves undrained`;

const notBegun = ({ name }: HostEntry, failed: string): Fail =>
  new Fail('CommandFailed', `${name}: left as it is, because ${failed} failed before it`, {
    hint: `Look after ${failed}, and run the same command again: a cluster should not lose one node after the other.`,
  });

interface Drain {
  readonly host: HostEntry;
  readonly found: Surveyed;
  readonly kubernetes: KubernetesSpec;
  readonly why: string;
  /** Answers for the cluster. */
  readonly plane: Place;
  /** The host is no node afterwards. */
  readonly leaves?: true;
}

async function drained<Made>(context: FlowContext, drain: Drain, make: () => Promise<Made>): Promise<Made> {
  const { host, found, plane } = drain;
  const name = await nodeName({ connection: found.connection, signal: context.signal });
  const state = await answering(host, () => nodeState(plane, 'admin', name));
  const note: Known['note'] = (message, level = 'info') =>
    context.emit({ kind: 'note', level, host: host.name, message });
  if (state === undefined) {
    if (!drain.leaves) throw unknownNode(host, name, plane);
    // Whoever leaves may have been forgotten already.
    note(`the cluster of ${plane.connection.host} knows no node ${name}: nothing to forget`);
    return await make();
  }
  requireSame(drain, name, state);
  // Without its kubelet pods would not end, and a drain would wait for them in vain.
  const hasLeft = drain.leaves && !isMember(found.facts);
  const made = hasLeft ? await make() : await emptied(context, drain, { name, state, note }, make);
  if (drain.leaves) {
    await forget(plane, host, name);
    note(`${plane.connection.host} has forgotten the node ${name}`);
  }
  return made;
}

interface Known {
  readonly name: string;
  readonly state: NodeState;
  readonly note: (message: string, level?: 'info' | 'warn') => void;
}

/** Makes the change while the pods of the node are elsewhere. */
async function emptied<Made>(
  { emit }: FlowContext,
  { host, kubernetes, why, plane, leaves: goes }: Drain,
  { name: node, state, note }: Known,
  make: () => Promise<Made>,
): Promise<Made> {
  // Whoever cordoned it before wants it to stay so.
  const letIn = state.spec.unschedulable
    ? async () => note(`${node} was cordoned before, and stays so`, 'warn')
    : () => uncordon(plane, node);
  let made: Made;
  try {
    note(`draining ${node}: ${why}`);
    await drainNow(plane, host, node, kubernetes);
    made = await make();
  } catch (error) {
    await letIn().catch((stuck) => {
      // It must not hide why the change failed.
      emit({ kind: 'note', level: 'warn', host: host.name, message: asFail(stuck).message });
    });
    throw error;
  }
  if (!goes) await letIn();
  return made;
}

async function drainNow(plane: Place, host: HostEntry, node: string, spec: KubernetesSpec): Promise<void> {
  try {
    await kubectl(plane, 'admin', drainArguments(node, spec), spec.drain.timeoutSeconds + patienceSeconds);
  } catch (error) {
    throw notDrained(host, error);
  }
}

const drainArguments = (node: string, { drain }: KubernetesSpec): string[] => [
  'drain',
  node,
  // DaemonSets put their pods back at once, and tolerate what a node goes through.
  '--ignore-daemonsets',
  ...(drain.deleteEmptyDirData ? ['--delete-emptydir-data'] : []),
  `--timeout=${drain.timeoutSeconds}s`,
];

/**
 * Also when the run is interrupted: a node that nobody lets in again is lost for its cluster. An API server that was on the
 * node itself may need a moment to come back.
 * @throws Fail saying what is left to do by hand
 */
async function uncordon({ connection }: Place, node: string): Promise<void> {
  const signal = AbortSignal.timeout(uncordonDeadlineSeconds * 1000);
  for (;;) {
    try {
      await kubectl({ connection, signal }, 'admin', ['uncordon', node], uncordonDeadlineSeconds);
      return;
    } catch (error) {
      const why = asFail(error);
      if (!signal.aborted && why.code === 'CommandFailed') {
        await sleep(betweenTriesMs);
        continue;
      }
      throw new Fail(why.code, `${node} was drained, and could not be uncordoned: ${why.message}`, {
        hint: `When the API server answers, do it with: kubectl uncordon ${node}`,
        cause: error,
      });
    }
  }
}

/**
 * The Node object, and with it the pods that the cluster still counts there. Also when the run is interrupted: the host has
 * left by now.
 * @throws Fail saying what is left to do by hand
 */
async function forget({ connection }: Place, { name }: HostEntry, node: string): Promise<void> {
  const signal = AbortSignal.timeout(forgetDeadlineSeconds * 1000);
  const argv = ['delete', 'node', node, '--ignore-not-found'];
  try {
    await kubectl({ connection, signal }, 'admin', argv, forgetDeadlineSeconds);
  } catch (error) {
    const why = asFail(error);
    throw new Fail(
      why.code,
      `${name}: it has left the cluster, which still lists it as the node ${node}: ${why.message}`,
      { hint: `On ${connection.host}: kubectl delete node ${node}`, context: why.context, cause: error },
    );
  }
}

/**
 * Hosts may have the same name, in one cluster or in two. A kubelet tells its machine-id(5).
 * @throws Fail `HostMoved`
 */
function requireSame({ host, found, plane }: Drain, node: string, { status }: NodeState): void {
  const { machineID } = status.nodeInfo;
  const { identity } = found.facts.system;
  const hasId = /^[0-9a-f]{32}\b/.test(identity);
  if (machineID === '' || !hasId || identity.startsWith(machineID)) return;
  throw new Fail(
    'HostMoved',
    `${host.name}: the node ${node} in the cluster of ${plane.connection.host} is another machine, of the machine-id ${machineID}`,
    {
      hint: 'See which with: kubectl get node -o wide. To leave that node as it is: spec.kubernetes.drain.enabled: false.',
    },
  );
}

const unknownNode = ({ name }: HostEntry, node: string, { connection }: Place): Fail =>
  new Fail('HostMoved', `${name}: the cluster of ${connection.host} knows no node ${node}`, {
    hint: 'It may belong to another cluster, or its name was changed: kubectl get nodes tells.',
  });

const notDrained = ({ name }: HostEntry, cause: unknown): Fail => {
  const why = asFail(cause);
  return new Fail(
    why.code,
    `${name}: nothing was changed, because the node could not be drained: ${why.message}`,
    {
      hint: 'See which pods stay (kubectl get pods -A -o wide), give them longer with spec.kubernetes.drain.timeoutSeconds, or look at their PodDisruptionBudgets.',
      context: why.context,
      cause,
    },
  );
};
