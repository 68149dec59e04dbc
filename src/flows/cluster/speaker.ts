import { asFail } from '../../core/as-fail.ts';
import { Fail } from '../../core/fail.ts';
import type { Facts } from '../../host/facts/probe.ts';
import type { Connection } from '../../host/transport/connection.ts';
import { isControlPlane } from '../../node/membership.ts';
import type { HostEntry, Profile } from '../../profile/profile.ts';
import type { FlowContext } from '../context.ts';
import { isAdmin } from './kubectl.ts';

/** A host of the run that answered. */
interface Answered {
  readonly connection: Connection;
  readonly facts: Facts;
}

/** Where the cluster that a host joins is reached; undefined: it is the profile's own, by whichever name. */
const clusterOf = ({ hosts }: Profile, { spec }: HostEntry): string | undefined => {
  const endpoint = spec.kubernetes?.join?.endpoint;
  const isOwn = ({ spec: { kubernetes } }: HostEntry): boolean =>
    kubernetes?.role === 'control-plane' &&
    kubernetes.join === undefined &&
    kubernetes.init.controlPlaneEndpoint === endpoint;
  return endpoint === undefined || hosts.some(isOwn) ? undefined : endpoint;
};

const ofOneCluster = (profile: Profile, one: HostEntry, other: HostEntry): boolean =>
  clusterOf(profile, one) === clusterOf(profile, other);

/**
 * Control planes of the host's cluster that the profile names and that are no part of the run: they stay as they are, whatever
 * the run does.
 */
export const planesBeyond = (
  { profile, hosts }: Pick<FlowContext, 'profile' | 'hosts'>,
  host: HostEntry,
): HostEntry[] => {
  const inRun = new Set(hosts.map(({ name }) => name));
  return profile.hosts.filter(
    (plane) =>
      plane.spec.kubernetes?.role === 'control-plane' &&
      !inRun.has(plane.name) &&
      ofOneCluster(profile, plane, host),
  );
};

/**
 * The control plane that answers for the cluster of a host: another host of the run than itself, where there is one; else one
 * that only the profile names, which is asked and not changed.
 * @throws Fail `Unsupported` where there is none
 */
export async function speakerFor(
  context: Pick<FlowContext, 'profile' | 'hosts' | 'connect' | 'signal'>,
  host: HostEntry,
  answered: ReadonlyMap<string, Answered>,
): Promise<Connection> {
  const planes = context.hosts
    .filter((each) => ofOneCluster(context.profile, each, host))
    .flatMap(({ name }) => {
      const found = answered.get(name);
      return found !== undefined && isControlPlane(found.facts) ? [{ name, ...found }] : [];
    });
  const other = planes.find(({ name }) => name !== host.name) ?? planes[0];
  const speaker = other?.connection ?? (await speakerAmong(context, host, planesBeyond(context, host)));
  if (speaker !== undefined) return speaker;
  throw new Fail(
    'Unsupported',
    `${host.name}: no control plane of its cluster is among the hosts of the profile`,
    {
      hint: 'Name a control plane in the profile too, or set spec.kubernetes.drain.enabled to false and drain the node yourself.',
    },
  );
}

/**
 * The first of these control planes that is in a cluster; undefined: none of them is. `host`: whose cluster it is.
 * @throws Fail where none is that can be asked, and one cannot
 */
export async function speakerAmong(
  { connect, signal }: Pick<FlowContext, 'connect' | 'signal'>,
  host: HostEntry,
  planes: readonly HostEntry[],
): Promise<Connection | undefined> {
  const failures: Fail[] = [];
  for (const plane of planes) {
    try {
      const connection = await connect(plane);
      if (await isAdmin({ connection, signal })) return connection;
    } catch (error) {
      const failure = asFail(error);
      if (failure.code === 'Cancelled') throw failure;
      failures.push(failure);
    }
  }
  const [failure] = failures;
  if (failure === undefined) return undefined;
  return await answering(host, () => Promise.reject(failure));
}

/**
 * A cluster that does not answer may be what a change is to mend: then the profile says that nothing is drained.
 * @throws Fail of what `ask` throws, saying that
 */
export async function answering<T>({ name }: HostEntry, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    const why = asFail(error);
    if (why.code === 'Cancelled') throw why;
    throw new Fail(
      why.code,
      `${name}: nothing was changed, because its cluster does not answer: ${why.message}`,
      {
        hint: 'To change it all the same: spec.kubernetes.drain.enabled: false.',
        context: why.context,
        cause: error,
      },
    );
  }
}
