import { clone, create } from '@bufbuild/protobuf';
import { readSpec, writeSpec } from '../containers/bundle.ts';
import { type ContainerRecord, requireAlive } from '../containers/record.ts';
import { Fail } from '../core/fail.ts';
import { criLimits, furtherLimits, joinLimits, type Limits } from '../nri/limits.ts';
import { limitsView } from '../nri/views.ts';
import type { Log } from '../observe/log.ts';
import { cgroupLimits, changeOfLimits } from '../oci/limits.ts';
import { mergeResources } from '../oci/merge-resources.ts';
import { oomScore } from '../oci/oom-score.ts';
import { adjustOomScore } from '../resources/adjust-oom-score.ts';
import { limitHugePages } from '../resources/limit-huge-pages.ts';
import {
  ContainerConfigSchema,
  LinuxContainerConfigSchema,
  type LinuxContainerResources,
  type UpdateContainerResourcesRequest,
} from '../spec/cri/api_pb.js';
import type { OciResources } from '../spec/oci/runtime.ts';
import { LinuxResourcesSchema } from '../spec/ttrpc/nri/api_pb.js';
import { seenContainer } from './container-status.ts';
import type { Daemon } from './daemon.ts';
import { cgroupOfContainer } from './stats/cgroups.ts';
import type { Call } from './transport.ts';

const UPDATE_TIMEOUT_MS = 60_000;

/**
 * New limits for a container with processes. All of what it has now is set, not only what changes, so that the
 * runtime's own notes of it are whole. The record comes last: when it says so, it is so.
 */
export const updateContainerResources = async (
  daemon: Daemon,
  request: UpdateContainerResourcesRequest,
  call: Call,
) => {
  const { id, podId } = seenContainer(daemon, request.containerId);
  const { linux } = request;
  if (linux === undefined) throw new Fail('InvalidArgument', 'the request lacks linux');
  return daemon.queues.run(podId, async () => {
    const record = seenContainer(daemon, id);
    requireAlive(record, 'update');
    const asking = daemon.hooks.updateContainer(record, create(LinuxResourcesSchema, limitsView(linux)));
    const wanted = asking === undefined ? undefined : await asking;
    await setResources(
      daemon,
      id,
      wanted === undefined ? linux : { ...criLimits(wanted), oomScoreAdj: linux.oomScoreAdj },
      wanted === undefined ? {} : furtherLimits(wanted),
      call.log,
    );
    const told = daemon.hooks.containerUpdated(seenContainer(daemon, id));
    if (told !== undefined) await told;
    return {};
  });
};

/**
 * Sets what is asked for, and leaves the rest as it is; `further` are limits that CRI has no names for. In a queue of
 * its own, in which nothing else is waited for.
 */
export const setResources = async (
  daemon: Daemon,
  id: string,
  linux: LinuxContainerResources,
  further: Limits,
  log: Log,
): Promise<void> =>
  daemon.queues.run(`limits of ${id}`, async () => {
    const record = seenContainer(daemon, id);
    const resources = mergeResources(record.config.linux?.resources, linux);
    const limits = joinLimits(cgroupLimits(resources, NO_PIDS_LIMIT, daemon.host), further);
    const score = oomScore(resources.oomScoreAdj, daemon.host);
    const cgroup = cgroupOfContainer(daemon, record);
    requireRoom(daemon, id, cgroup, limits.memory);
    await setLimits(daemon, record, cgroup, limits);
    const spared = adjustOomScore(
      daemon.cgroupReader.processes(cgroup),
      scoreOf(daemon, record),
      score.score,
    );
    if (spared.length > 0) log.warn('the kernel refuses a lower OOM score', { container: id, pids: spared });
    for (const note of score.notes) log.warn(note, { container: id });
    seenContainer(daemon, id); // it may have gone meanwhile, with its bundle
    noteLimits(daemon, id, limits);
    daemon.containers.update(id, (before) => ({ ...before, config: configWith(before, resources) }));
  });

/**
 * Anonymous memory that may not go to swap cannot be given up: v1 refuses a limit below it, and v2 kills for it.
 * Runtimes that know `checkBeforeUpdate` ask again right before they write.
 */
const requireRoom = (
  { cgroupReader }: Daemon,
  id: string,
  cgroup: string,
  { limit, swap }: NonNullable<OciResources['memory']> = {},
): void => {
  if (limit === undefined || limit === -1 || swap === undefined || swap === -1) return;
  const used = cgroupReader.memory(cgroup)?.rssBytes ?? 0;
  if (used <= swap) return;
  throw new Fail(
    'FailedPrecondition',
    `container ${id} has ${used} bytes of memory that cannot be given up, more than the limit of ${limit}`,
    { hint: 'ask for more, or let the container free some first' },
  );
};

/** All or nothing: the runtime takes back what it could not set whole, and so do we. */
const setLimits = async (
  { shim, host }: Daemon,
  { id, config }: ContainerRecord,
  cgroup: string,
  limits: OciResources,
): Promise<void> => {
  const former = cgroupLimits(config.linux?.resources, NO_PIDS_LIMIT, host);
  limitHugePages(host.cgroups, cgroup, limits.hugepageLimits ?? []);
  try {
    const signal = AbortSignal.timeout(UPDATE_TIMEOUT_MS);
    await shim.call('update', { id, resources: changeOfLimits(former, limits) }, signal);
  } catch (error) {
    limitHugePages(host.cgroups, cgroup, former.hugepageLimits ?? []);
    throw error;
  }
};

/** CRI has none: it stays as it was made. */
const NO_PIDS_LIMIT = 0;

const scoreOf = ({ host }: Daemon, { config }: ContainerRecord): number =>
  oomScore(config.linux?.resources?.oomScoreAdj ?? 0n, host).score;

/** The specification that `crictl inspect` shows. */
const noteLimits = ({ roots }: Daemon, id: string, limits: OciResources): void => {
  const spec = readSpec(roots, id);
  const resources = { ...spec.linux.resources, ...limits };
  writeSpec(roots, id, { ...spec, linux: { ...spec.linux, resources } });
};

const configWith = ({ config }: ContainerRecord, resources: LinuxContainerResources) => {
  const changed = clone(ContainerConfigSchema, config);
  changed.linux ??= create(LinuxContainerConfigSchema);
  changed.linux.resources = resources;
  return changed;
};
