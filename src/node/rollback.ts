import type { BeforeRecord, History } from '../host/facts/history.ts';
import type { Facts, ProbeRequest } from '../host/facts/probe.ts';
import type { Spec } from '../profile/profile.ts';
import type { Change, HostPlan } from '../resources/change.ts';
import { planRollback } from '../resources/rollback.ts';
import { isOfRelease } from '../resources/way-back.ts';
import { daemons, type EngineName, withoutAlias } from './engines.ts';
import { leaveCluster } from './leave-cluster.ts';
import { everyPlace } from './places.ts';
import { planNodeRemoval, removalRequest } from './removal.ts';
import { stopPods } from './stop-pods.ts';

/** The probe of a removal, and everything that the generations to undo have touched. */
export function rollbackRequest(spec: Spec, records: readonly BeforeRecord[]): ProbeRequest {
  const request = removalRequest(spec);
  const all = (known: readonly string[], more: readonly string[]) => [...new Set([...known, ...more])];
  const named = (...kinds: readonly BeforeRecord['kind'][]) =>
    records.flatMap((record) => (kinds.includes(record.kind) && 'name' in record ? [record.name] : []));
  const paths = records.flatMap((record) => ('path' in record ? [record.path] : []));
  return {
    ...request,
    files: all(
      request.files,
      paths.filter((path) => !everyPlace('releases').some((root) => isOfRelease(path, { root }))),
    ),
    units: all(request.units, named('unit', 'disturbed')),
    modules: all(request.modules, named('module', 'loaded')),
    interfaces: all(request.interfaces, named('interface')),
    sysctls: all(
      request.sysctls,
      records.flatMap((record) => (record.kind === 'sysctl' ? [record.key] : [])),
    ),
  };
}

/** What must change for the host to be as it was before the generations that left these records. */
export function planNodeRollback(
  facts: Facts,
  history: History,
  records: readonly BeforeRecord[],
): Omit<HostPlan, 'host'> {
  const seen = withoutAlias(facts);
  const planned = planRollback({ records, history, facts: seen, release: { root: facts.releases.root } });
  const isEnded = (engine: EngineName) => planned.changes.some(({ id }) => id === `unit:${daemons[engine]}`);
  const ended = (['berth', 'cri-o'] as const).find(isEnded);
  const pods = ended === undefined ? undefined : stopPods(seen, ended);
  const cluster = ended === undefined ? [] : leaveCluster(facts);
  return { ...planned, changes: [...cluster, ...(pods === undefined ? [] : [pods]), ...planned.changes] };
}

/** As before berth, like a removal, but berth's memory of the host stays: this can be undone too. */
export function planBeforeBerth(spec: Spec, facts: Facts): Omit<HostPlan, 'host'> {
  const { changes, notes } = planNodeRemoval(spec, facts);
  const rest = changes.filter(({ id }) => id !== 'forget');
  // The records of what was done stay here: that it may have to be read again or tried again is nothing left to do.
  const isEcho = ({ id, mayStay }: Change) => id === 'units:reload' || mayStay === true;
  return { changes: rest.every(isEcho) ? [] : rest, notes };
}
