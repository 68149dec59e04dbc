import { endStray, entries, removeStrayFolders, settleContainer } from '../containers/settle.ts';
import { isMountPoint } from '../linux/mounts.ts';
import type { PodContext } from './context.ts';
import { removePodFiles } from './files.ts';
import { namespaces, podFiles } from './folders.ts';
import { unpinPod } from './namespaces.ts';
import { type PodRecord, stateOf } from './record.ts';
import { releasePod } from './stop.ts';

const SETTLE_TIMEOUT_MS = 60_000;

/**
 * Puts right what a death of this daemon left behind, before it serves: pods and containers that were being
 * made are unwound, and whatever in the kernel or on disk no record names is taken away.
 */
export const settleAtStart = async (context: PodContext): Promise<void> => {
  await settleWithShim(context);
  for (const pod of context.pods.list()) await orReport(context, pod.id, () => settlePod(context, pod));
  await removeStrayPods(context);
  await orReport(context, 'network', () => collectAddresses(context));
  await removeStrayFolders(context, (id) => context.pods.get(id) !== undefined);
};

/**
 * Compares the records with the shim's containers: at start, and whenever the shim came back. What the shim has
 * is asked for in each pod's queue, where no operation can be half-way.
 */
export const settleWithShim = async (context: PodContext): Promise<void> => {
  const pods = new Set(context.containers.list().map(({ podId }) => podId));
  await Promise.all(
    [...pods].map((podId) => context.queues.run(podId, () => settleContainersOf(context, podId))),
  );
  const known = await context.shim.call('list', {}, AbortSignal.timeout(SETTLE_TIMEOUT_MS));
  const stray = known.containers.filter(
    ({ id }) => context.containers.get(id) === undefined && context.pods.get(id) === undefined,
  );
  await Promise.all(stray.map(({ id }) => orReport(context, id, () => endStray(context, id))));
};

const settleContainersOf = async (context: PodContext, podId: string): Promise<void> => {
  const { containers } = await context.shim.call('list', {}, AbortSignal.timeout(SETTLE_TIMEOUT_MS));
  const known = new Map(containers.map((container) => [container.id, container]));
  for (const record of context.containers.list().filter((one) => one.podId === podId))
    await orReport(context, record.id, () => settleContainer(context, record, known.get(record.id)));
};

const settlePod = async (context: PodContext, record: PodRecord): Promise<void> => {
  if (stateOf(record) === 'making') {
    await releasePod(context, record, AbortSignal.timeout(SETTLE_TIMEOUT_MS));
    context.pods.remove(record.id);
    context.log.info('unwound a pod that was being made', { pod: record.id });
    return;
  }
  const lost = Object.values(record.namespaces).filter((path) => !isMountPoint(path));
  if (stateOf(record) !== 'ready' || lost.length === 0) return;
  context.log.error('a pod has lost its namespaces', { pod: record.id, lost });
  context.pods.update(record.id, (before) => ({ ...before, stoppingAtNs: before.createdAtNs }));
};

const removeStrayPods = async (context: PodContext): Promise<void> => {
  const folders = await Promise.all([namespaces, podFiles].map((folder) => entries(folder(context.roots))));
  const ids = new Set([...folders.flat(), ...(await context.network.recorded())]);
  for (const id of ids) {
    if (context.pods.get(id) !== undefined) continue;
    await orReport(context, id, async () => {
      await context.network.del({ id }, AbortSignal.timeout(SETTLE_TIMEOUT_MS));
      unpinPod(context.roots, id);
      removePodFiles(context.roots, id);
      context.log.info('removed what a pod left behind', { pod: id });
    });
  }
};

/** A shim that was killed during ADD leaves a plugin behind that may finish after its DEL: what it took is freed here. */
const collectAddresses = async ({ network }: PodContext): Promise<void> =>
  network.gc(await network.recorded(), AbortSignal.timeout(SETTLE_TIMEOUT_MS));

/** One that cannot be settled must not keep the others, nor the daemon, from working; the next start tries again. */
const orReport = async (context: PodContext, id: string, settle: () => Promise<void>): Promise<void> => {
  try {
    await settle();
  } catch (error) {
    context.log.error('cannot put right what was left behind', { id, error });
  }
};
