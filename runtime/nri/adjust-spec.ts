import { Fail } from '../core/fail.ts';
import type { OciHook, OciLinux, OciProcess, OciSpec } from '../spec/oci/runtime.ts';
import {
  type ContainerAdjustment,
  type Hooks,
  IOPrioClass,
  type LinuxContainerAdjustment,
  type LinuxDevice,
  type LinuxNamespace,
  LinuxSchedulerFlag,
  LinuxSchedulerPolicy,
  MpolFlag,
  MpolMode,
  type POSIXRlimit,
} from '../spec/ttrpc/nri/api_pb.js';
import { furtherLimits, joinLimits, type Limits } from './limits.ts';
import { removed } from './removal.ts';
import { ociSeccomp } from './seccomp.ts';

export interface Adjusting {
  readonly adjust: ContainerAdjustment;
  /** Those of the limits that CRI has a name for, checked, as config.json has them. */
  readonly limits: Limits;
  /** Brings a score within what this host allows. */
  readonly oomScore: (asked: bigint) => number;
}

/** config.json with what the plugins want. Pure; devices of the CDI come beside. Fails `InvalidArgument`. */
export const adjustSpec = (spec: OciSpec, { adjust, limits, oomScore }: Adjusting): OciSpec => ({
  ...spec,
  annotations: withEntries(spec.annotations ?? {}, adjust.annotations),
  mounts: withList(
    spec.mounts,
    adjust.mounts,
    ({ destination }) => destination,
    ({ destination, type, source, options }) => ({
      destination,
      ...(type === '' ? {} : { type }),
      source,
      options,
    }),
  ),
  ...withHooks(spec, adjust.hooks),
  process: adjustProcess(spec.process, adjust, oomScore),
  linux: adjustLinux(spec.linux, adjust.linux, limits),
});

/** Names to values, with those that begin with the sign of removal taken away. */
const withEntries = <T>(
  before: Readonly<Record<string, T>>,
  asked: Readonly<Record<string, T>>,
): Record<string, T> => {
  const gone = new Set(Object.keys(asked).map(removed));
  const kept = Object.entries(before).filter(([name]) => !gone.has(name));
  const added = Object.entries(asked).filter(([name]) => removed(name) === undefined);
  return Object.fromEntries([...kept, ...added]);
};

const withList = <T, A>(
  before: readonly T[],
  asked: readonly A[],
  nameOf: (one: T | A) => string,
  convert: (one: A) => T,
): T[] => {
  const names = new Set(asked.map((one) => removed(nameOf(one)) ?? nameOf(one)));
  return [
    ...before.filter((one) => !names.has(nameOf(one))),
    ...asked.filter((one) => removed(nameOf(one)) === undefined).map(convert),
  ];
};

const withHooks = (spec: OciSpec, asked: Hooks | undefined): Pick<OciSpec, 'hooks'> => {
  if (asked === undefined) return {};
  const { $typeName: _, $unknown: __, ...kinds } = asked;
  const hooks: Record<string, OciHook[]> = { ...spec.hooks };
  for (const [kind, list] of Object.entries(kinds)) {
    const more = list.map(({ path, args, env, timeout }) => ({
      path,
      args,
      env,
      ...(timeout === undefined ? {} : { timeout: Number(timeout.value) }),
    }));
    if (more.length > 0) hooks[kind] = [...(hooks[kind] ?? []), ...more];
  }
  return Object.keys(hooks).length === 0 ? {} : { hooks };
};

const adjustProcess = (
  process: OciProcess,
  { args, env, rlimits, linux }: ContainerAdjustment,
  oomScore: Adjusting['oomScore'],
): OciProcess => ({
  ...process,
  ...(args.length === 0 ? {} : { args }),
  env: withVariables(process.env, env),
  rlimits: withList(process.rlimits ?? [], rlimits, ({ type }) => type, ociRlimit),
  ...(linux?.oomScoreAdj === undefined ? {} : { oomScoreAdj: oomScore(linux.oomScoreAdj.value) }),
  ...ioPriority(linux),
  ...scheduler(linux),
});

const withVariables = (before: readonly string[], asked: ContainerAdjustment['env']): string[] => {
  const lines = before.map((line) => ({ key: line.split('=', 1)[0] ?? '', line }));
  const all = withList(
    lines,
    asked,
    ({ key }) => key,
    ({ key, value }) => ({ key, line: `${key}=${value}` }),
  );
  return all.map(({ line }) => line);
};

/** A JSON number holds 2^64 - 1, "no limit", not exactly; the largest that it does is as good as that. */
const LARGEST_LIMIT = 2 ** 64 - 2048;

const ociRlimit = ({ type, soft, hard }: POSIXRlimit) => ({
  type,
  soft: Math.min(Number(soft), LARGEST_LIMIT),
  hard: Math.min(Number(hard), LARGEST_LIMIT),
});

const ioPriority = (linux: LinuxContainerAdjustment | undefined): Pick<OciProcess, 'ioPriority'> => {
  const asked = linux?.ioPriority;
  if (asked === undefined || asked.class === IOPrioClass.IOPRIO_CLASS_NONE) return {};
  return {
    ioPriority: { class: nameOf('io_priority.class', IOPrioClass, asked.class), priority: asked.priority },
  };
};

const scheduler = (linux: LinuxContainerAdjustment | undefined): Pick<OciProcess, 'scheduler'> => {
  const asked = linux?.scheduler;
  if (asked === undefined || asked.policy === LinuxSchedulerPolicy.SCHED_NONE) return {};
  return {
    scheduler: {
      policy: nameOf('scheduler.policy', LinuxSchedulerPolicy, asked.policy),
      nice: asked.nice,
      priority: asked.priority,
      flags: asked.flags.map((flag) => nameOf('scheduler.flags', LinuxSchedulerFlag, flag)),
      runtime: Number(asked.runtime),
      deadline: Number(asked.deadline),
      period: Number(asked.period),
    },
  };
};

/** OCI has the names of the enumeration where protobuf has numbers. */
const nameOf = (field: string, names: Readonly<Record<number, string>>, value: number): string => {
  const name = names[value];
  if (name !== undefined) return name;
  throw new Fail('InvalidArgument', `an NRI plugin asks for ${field} ${value}, which there is not`);
};

const adjustLinux = (
  linux: OciLinux,
  asked: LinuxContainerAdjustment | undefined,
  limits: Limits,
): OciLinux => {
  if (asked === undefined) return linux;
  requireClasses(asked);
  const { devices, resources } = asked;
  const device = (one: LinuxDevice) => ({ allow: true, ...numbers(one), access: 'rwm' });
  const rules = (resources?.devices ?? []).map(({ allow, type, major, minor, access }) => ({
    allow,
    ...(type === '' ? {} : { type }),
    ...(major === undefined ? {} : { major: Number(major.value) }),
    ...(minor === undefined ? {} : { minor: Number(minor.value) }),
    access,
  }));
  const added = devices.filter(({ path }) => removed(path) === undefined);
  const before = linux.resources ?? {};
  const further = resources === undefined ? {} : furtherLimits(resources);
  return {
    ...linux,
    devices: withList(linux.devices ?? [], devices, ({ path }) => path, ociDevice),
    resources: {
      ...joinLimits(joinLimits(before, limits), further),
      devices: [...(before.devices ?? []), ...added.map(device), ...rules],
    },
    namespaces: withList(linux.namespaces, asked.namespaces, ({ type }) => type, ociNamespace),
    sysctl: withEntries(linux.sysctl ?? {}, asked.sysctl),
    ...(asked.cgroupsPath === '' ? {} : { cgroupsPath: asked.cgroupsPath }),
    ...(asked.seccompPolicy === undefined ? {} : { seccomp: ociSeccomp(asked.seccompPolicy) }),
    ...netDevices(linux, asked),
    ...memoryPolicy(asked),
    ...rdt(linux, asked),
  };
};

/** Names for sets of limits that an administrator gives. There is no place where berth would read them. */
const requireClasses = ({ resources }: LinuxContainerAdjustment): void => {
  if ((resources?.blockioClass?.value ?? '') === '') return;
  throw new Fail(
    'FailedPrecondition',
    `an NRI plugin asks for the block I/O class ${JSON.stringify(resources?.blockioClass?.value)}, and berth has no such classes`,
    { hint: 'have it set the files of the io controller through unified' },
  );
};

const TYPES = ['b', 'c', 'p', 'u'];

const numbers = ({ path, type, major, minor }: LinuxDevice) => {
  if (!TYPES.includes(type))
    throw new Fail(
      'InvalidArgument',
      `an NRI plugin asks for device ${path} of type ${JSON.stringify(type)}`,
    );
  return { type, major: Number(major), minor: Number(minor) };
};

const ociDevice = (device: LinuxDevice): NonNullable<OciLinux['devices']>[number] => ({
  path: device.path,
  ...numbers(device),
  ...(device.fileMode === undefined ? {} : { fileMode: device.fileMode.value }),
  ...(device.uid === undefined ? {} : { uid: device.uid.value }),
  ...(device.gid === undefined ? {} : { gid: device.gid.value }),
});

const NAMESPACES = ['pid', 'network', 'mount', 'ipc', 'uts', 'user', 'cgroup'] as const;

const ociNamespace = ({ type, path }: LinuxNamespace): OciLinux['namespaces'][number] => {
  const known = NAMESPACES.find((name) => name === type);
  if (known === undefined)
    throw new Fail('InvalidArgument', `an NRI plugin asks for a namespace of type ${JSON.stringify(type)}`);
  return { type: known, ...(path === '' ? {} : { path }) };
};

const netDevices = (
  linux: OciLinux,
  { netDevices }: LinuxContainerAdjustment,
): Pick<OciLinux, 'netDevices'> => {
  if (Object.keys(netDevices).length === 0) return {};
  const all = withEntries<{ readonly name?: string }>(linux.netDevices ?? {}, netDevices);
  return {
    netDevices: Object.fromEntries(
      Object.entries(all).map(([device, { name = '' }]) => [device, name === '' ? {} : { name }]),
    ),
  };
};

const memoryPolicy = ({ memoryPolicy: asked }: LinuxContainerAdjustment): Pick<OciLinux, 'memoryPolicy'> =>
  asked === undefined
    ? {}
    : {
        memoryPolicy: {
          mode: nameOf('memory_policy.mode', MpolMode, asked.mode),
          nodes: asked.nodes,
          flags: asked.flags.map((flag) => nameOf('memory_policy.flags', MpolFlag, flag)),
        },
      };

/** A class of resctrl(8) is a group by that name. */
const rdt = (
  { intelRdt }: OciLinux,
  { rdt: asked, resources }: LinuxContainerAdjustment,
): Pick<OciLinux, 'intelRdt'> => {
  const closID = asked?.closId?.value ?? resources?.rdtClass?.value ?? '';
  const changed = {
    ...(asked?.remove === true ? {} : intelRdt),
    ...(closID === '' ? {} : { closID }),
    ...(asked?.schemata === undefined ? {} : { schemata: asked.schemata.value }),
    ...(asked?.enableMonitoring === undefined ? {} : { enableMonitoring: asked.enableMonitoring.value }),
  };
  return Object.keys(changed).length === 0 ? {} : { intelRdt: changed };
};
