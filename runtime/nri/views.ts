import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type ContainerRecord, stateOf } from '../containers/record.ts';
import { podIps } from '../network/pod-ips.ts';
import type { PodRecord } from '../pods/record.ts';
import type { LinuxContainerResources, UpdatePodSandboxResourcesRequest } from '../spec/cri/api_pb.js';
import type { OciHook, OciLinux, OciProcess, OciSpec } from '../spec/oci/runtime.ts';
import {
  type Container,
  ContainerSchema,
  ContainerState,
  type LinuxContainerSchema,
  type LinuxResourcesSchema,
  type PodSandbox,
  PodSandboxSchema,
} from '../spec/ttrpc/nri/api_pb.js';
import { seccompView } from './seccomp.ts';

/** A pod as plugins are shown it. */
export const podView = ({ id, config, runtimeHandler, namespaces, network }: PodRecord): PodSandbox =>
  create(PodSandboxSchema, {
    id,
    name: config.metadata?.name ?? '',
    uid: config.metadata?.uid ?? '',
    namespace: config.metadata?.namespace ?? '',
    labels: config.labels,
    annotations: config.annotations,
    runtimeHandler,
    ips: network === null ? [] : [...podIps(network)],
    linux: {
      ...(config.linux?.overhead === undefined ? {} : { podOverhead: limitsView(config.linux.overhead) }),
      ...(config.linux?.resources === undefined ? {} : { podResources: limitsView(config.linux.resources) }),
      cgroupParent: config.linux?.cgroupParent ?? '',
      namespaces: Object.entries(namespaces).map(([type, path = '']) => ({ type, path })),
    },
  });

/** New limits of a pod as a whole. */
export const podUpdateView = (pod: PodRecord, { overhead, resources }: UpdatePodSandboxResourcesRequest) => ({
  pod: podView(pod),
  ...(overhead === undefined ? {} : { overheadLinuxResources: limitsView(overhead) }),
  ...(resources === undefined ? {} : { linuxResources: limitsView(resources) }),
});

const STATES = {
  making: ContainerState.CONTAINER_CREATED,
  created: ContainerState.CONTAINER_CREATED,
  running: ContainerState.CONTAINER_RUNNING,
  exited: ContainerState.CONTAINER_STOPPED,
} as const;

/** A container as plugins are shown it; `spec` is what it is made from. */
export const containerView = (record: ContainerRecord, spec: OciSpec | undefined): Container => {
  const { config, exit } = record;
  return create(ContainerSchema, {
    id: record.id,
    podSandboxId: record.podId,
    name: config.metadata?.name ?? '',
    state: STATES[stateOf(record)],
    labels: config.labels,
    annotations: { ...spec?.annotations, ...config.annotations },
    pid: record.pid ?? 0,
    createdAt: record.createdAtNs ?? 0n,
    startedAt: record.startedAtNs ?? 0n,
    finishedAt: BigInt(exit?.finishedAtNs ?? 0),
    exitCode: exit?.exitCode ?? 0,
    statusReason: exit?.reason ?? '',
    statusMessage: record.failure ?? '',
    CDIDevices: config.CDIDevices.map(({ name }) => ({ name })),
    image: { name: record.imageName, configDigest: record.imageId },
    ...(spec === undefined ? {} : specView(spec, record)),
  });
};

type ContainerInit = Exclude<MessageInitShape<typeof ContainerSchema>, { $typeName: string }>;

const specView = ({ process, mounts, hooks, linux }: OciSpec, record: ContainerRecord): ContainerInit => ({
  args: process.args,
  env: process.env,
  mounts: mounts.map(({ destination, type = '', source = '', options = [] }) => ({
    destination,
    type,
    source,
    options,
  })),
  ...(hooks === undefined ? {} : { hooks: hooksView(hooks) }),
  rlimits: (process.rlimits ?? []).map(({ type, soft, hard }) => ({
    type,
    soft: BigInt(soft),
    hard: BigInt(hard),
  })),
  user: {
    uid: process.user.uid,
    gid: process.user.gid,
    additionalGids: process.user.additionalGids ?? [],
  },
  linux: linuxView(linux, process, record),
});

const hooksView = (hooks: Readonly<Record<string, OciHook[]>>) =>
  Object.fromEntries(
    Object.entries(hooks).map(([kind, list]) => [
      kind,
      list.map(({ path, args = [], env = [], timeout }) => ({
        path,
        args,
        env,
        ...(timeout === undefined ? {} : { timeout: { value: BigInt(timeout) } }),
      })),
    ]),
  );

const linuxView = (
  linux: OciLinux,
  process: OciProcess,
  { config }: ContainerRecord,
): MessageInitShape<typeof LinuxContainerSchema> => {
  const seccomp = config.linux?.securityContext?.seccomp;
  return {
    namespaces: linux.namespaces.map(({ type, path = '' }) => ({ type, path })),
    devices: (linux.devices ?? []).map(({ path, type, major, minor, fileMode, uid, gid }) => ({
      path,
      type,
      major: BigInt(major),
      minor: BigInt(minor),
      ...(fileMode === undefined ? {} : { fileMode: { value: fileMode } }),
      ...(uid === undefined ? {} : { uid: { value: uid } }),
      ...(gid === undefined ? {} : { gid: { value: gid } }),
    })),
    resources: resourcesView(linux.resources ?? {}),
    ...(process.oomScoreAdj === undefined ? {} : { oomScoreAdj: { value: BigInt(process.oomScoreAdj) } }),
    cgroupsPath: linux.cgroupsPath ?? '',
    sysctl: linux.sysctl ?? {},
    // The numbers of CRI's SecurityProfile are those of NRI's.
    ...(seccomp === undefined
      ? {}
      : {
          seccompProfile: {
            profileType: seccomp.profileType as number,
            localhostRef: seccomp.localhostRef,
          },
        }),
    ...(linux.seccomp === undefined ? {} : { seccompPolicy: seccompView(linux.seccomp) }),
  };
};

type ResourcesInit = MessageInitShape<typeof LinuxResourcesSchema>;

/** `-1`, no limit, is kept; what is not set stays so. */
const resourcesView = ({
  memory = {},
  cpu = {},
  pids,
  hugepageLimits = [],
  unified = {},
}: NonNullable<OciLinux['resources']>): ResourcesInit => ({
  memory: {
    ...optional('limit', memory.limit),
    ...optional('swap', memory.swap),
    ...optional('reservation', memory.reservation),
  },
  cpu: {
    ...optional('shares', cpu.shares),
    ...optional('quota', cpu.quota),
    ...optional('period', cpu.period),
    cpus: cpu.cpus ?? '',
    mems: cpu.mems ?? '',
  },
  hugepageLimits: hugepageLimits.map(({ pageSize, limit }) => ({ pageSize, limit: BigInt(limit) })),
  unified,
  ...(pids === undefined ? {} : { pids: { limit: BigInt(pids.limit) } }),
});

const optional = <K extends string>(name: K, value: number | undefined) =>
  value === undefined ? {} : ({ [name]: { value: BigInt(value) } } as { [key in K]: { value: bigint } });

/** CRI's limits as NRI has them; a zero of CRI is "not set". */
export const limitsView = (limits: LinuxContainerResources): ResourcesInit => ({
  memory: {
    ...unlessZero('limit', limits.memoryLimitInBytes),
    ...unlessZero('swap', limits.memorySwapLimitInBytes),
  },
  cpu: {
    ...unlessZero('shares', limits.cpuShares),
    ...unlessZero('quota', limits.cpuQuota),
    ...unlessZero('period', limits.cpuPeriod),
    cpus: limits.cpusetCpus,
    mems: limits.cpusetMems,
  },
  hugepageLimits: limits.hugepageLimits.map(({ pageSize, limit }) => ({ pageSize, limit })),
  unified: limits.unified,
});

const unlessZero = <K extends string>(name: K, value: bigint) =>
  value === 0n ? {} : ({ [name]: { value } } as { [key in K]: { value: bigint } });
