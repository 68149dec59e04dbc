import { asFail } from '../../core/as-fail.ts';
import { Fail } from '../../core/fail.ts';
import type { Facts } from '../../host/facts/probe.ts';
import type { Connection } from '../../host/transport/connection.ts';
import { isControlPlane } from '../../node/membership.ts';
import type { HostEntry } from '../../profile/profile.ts';
import type { FlowContext } from '../context.ts';

/** A host of the run that answered. */
interface Answered {
  readonly connection: Connection;
  readonly facts: Facts;
}

/** Control planes of the profile that are no part of the run: they stay as they are, whatever the run does. */
export const planesBeyond = ({ profile, hosts }: Pick<FlowContext, 'profile' | 'hosts'>): HostEntry[] => {
  const inRun = new Set(hosts.map(({ name }) => name));
  return profile.hosts.filter(
    ({ name, spec }) => spec.kubernetes?.role === 'control-plane' && !inRun.has(name),
  );
};

/**
 * The control plane that answers for the cluster of a host: another host of the run than itself, where there is one; else one
 * that only the profile names, which is asked and not changed.
 * @throws Fail `Unsupported` where there is none
 */
export async function speakerFor(
  context: Pick<FlowContext, 'profile' | 'hosts' | 'connect'>,
  host: HostEntry,
  answered: ReadonlyMap<string, Answered>,
): Promise<Connection> {
  const planes = [...answered].filter(([, { facts }]) => isControlPlane(facts));
  const other = planes.find(([name]) => name !== host.name) ?? planes[0];
  if (other !== undefined) return other[1].connection;
  const beyond = planesBeyond(context);
  if (beyond.length > 0) return await speakerAmong(context, host, beyond);
  throw new Fail(
    'Unsupported',
    `${host.name}: no control plane of its cluster is among the hosts of the profile`,
    {
      hint: 'Name a control plane in the profile too, or set spec.kubernetes.drain.enabled to false and drain the node yourself.',
    },
  );
}

/** The first of these control planes that can be reached. `host`: whose cluster it is. */
export async function speakerAmong(
  { connect }: Pick<FlowContext, 'connect'>,
  host: HostEntry,
  planes: readonly HostEntry[],
): Promise<Connection> {
  let failure: unknown;
  for (const plane of planes) {
    try {
      return await connect(plane);
    } catch (error) {
      failure = error;
    }
  }
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
