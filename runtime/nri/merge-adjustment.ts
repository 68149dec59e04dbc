import { clone, create } from '@bufbuild/protobuf';
import { HOOK_NAMES } from '../spec/oci/runtime.ts';
import {
  type Container,
  type ContainerAdjustment,
  ContainerAdjustmentSchema,
  ContainerSchema,
  Field,
  type Hooks,
  HooksSchema,
  type KeyValue,
  type LinuxContainerAdjustment,
  LinuxContainerSchema,
  type LinuxNamespace,
  type LinuxRdt,
  LinuxRdtSchema,
  LinuxResourcesSchema,
} from '../spec/ttrpc/nri/api_pb.js';
import { type Claim, mergeResources } from './merge-resources.ts';
import type { Owners } from './owners.ts';
import { REMOVAL, removed } from './removal.ts';

/** What the plugins want a new container to be, one plugin after the other. */
export interface Merging {
  /** As it is with all that was asked for so far: what the next plugin is shown. */
  readonly container: Container;
  /** All that was asked for. */
  readonly adjust: ContainerAdjustment;
  readonly owners: Owners;
}

export const beginMerging = (container: Container, owners: Owners): Merging => ({
  container: withParts(clone(ContainerSchema, container)),
  adjust: create(ContainerAdjustmentSchema, { hooks: {}, linux: { resources: { memory: {}, cpu: {} } } }),
  owners,
});

const withParts = (container: Container): Container => {
  container.hooks ??= create(HooksSchema);
  container.linux ??= create(LinuxContainerSchema);
  container.linux.resources ??= create(LinuxResourcesSchema);
  return container;
};

interface Step extends Merging {
  readonly claim: Claim;
  readonly clear: Claim;
}

/** Adds what one plugin asks for. Fails `FailedPrecondition` where it contradicts another. */
export const mergeAdjustment = (
  merging: Merging,
  asked: ContainerAdjustment | undefined,
  plugin: string,
): void => {
  if (asked === undefined) return;
  const { container, adjust, owners } = merging;
  const step: Step = {
    ...merging,
    claim: (field, entry) => owners.claim(container.id, plugin, field, entry),
    clear: (field, entry) => owners.clear(container.id, plugin, field, entry),
  };
  mergeMap(step, Field.Annotations, asked.annotations, adjust.annotations, container.annotations, '');
  const mounts = mergeList(step, Field.Mounts, asked.mounts, adjust.mounts, ({ destination }) => destination);
  adjust.mounts = mounts.adjust;
  container.mounts = mounts.shown(container.mounts);
  mergeVariables(step, asked.env);
  mergeArgs(step, asked.args);
  if (mergeHooks(step, asked.hooks)) owners.join(container.id, plugin, Field.OciHooks);
  if (asked.linux !== undefined) mergeLinux(step, asked.linux);
  for (const limit of asked.rlimits) {
    step.claim(Field.Rlimits, limit.type);
    adjust.rlimits.push(limit);
    container.rlimits = [...container.rlimits.filter(({ type }) => type !== limit.type), limit];
  }
  for (const device of asked.CDIDevices) {
    step.claim(Field.CdiDevices, device.name);
    adjust.CDIDevices.push(device);
  }
};

/** Of names to values; a name with the sign of removal takes away, also what another plugin asked for. */
const mergeMap = <T>(
  { claim, clear }: Step,
  field: Field,
  asked: Readonly<Record<string, T>>,
  adjust: Record<string, T>,
  shown: Record<string, T>,
  nothing: T,
): void => {
  for (const name of Object.keys(asked)) {
    const gone = removed(name);
    if (gone === undefined) continue;
    clear(field, gone);
    delete adjust[gone];
    delete shown[gone];
    adjust[name] = nothing;
  }
  for (const [name, value] of Object.entries(asked)) {
    if (removed(name) !== undefined) continue;
    claim(field, name);
    adjust[name] = value;
    shown[name] = value;
  }
};

/** Of things that have a name each. Removals come before what is added, whichever order they are asked for in. */
const mergeList = <T>(
  { claim, clear }: Step,
  field: Field,
  asked: readonly T[],
  adjust: readonly T[],
  nameOf: (one: T) => string,
) => {
  const removals = asked.filter((one) => removed(nameOf(one)) !== undefined);
  const added = asked.filter((one) => removed(nameOf(one)) === undefined);
  const gone = new Set(removals.map((one) => removed(nameOf(one)) ?? ''));
  for (const name of gone) clear(field, name);
  for (const one of added) claim(field, nameOf(one));
  const names = new Set([...gone, ...added.map(nameOf)]);
  return {
    adjust: [...adjust.filter((one) => !gone.has(nameOf(one))), ...removals, ...added],
    shown: (before: readonly T[]): T[] => [...before.filter((one) => !names.has(nameOf(one))), ...added],
  };
};

const mergeVariables = (step: Step, asked: readonly KeyValue[]): void => {
  const { adjust, container } = step;
  const { adjust: all, shown } = mergeList(step, Field.Env, asked, adjust.env, ({ key }) => key);
  adjust.env = all;
  const before = container.env.map((line): KeyValue => {
    const at = line.indexOf('=');
    const [key, value] = at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
    return { $typeName: 'nri.pkg.api.v1alpha1.KeyValue', key, value };
  });
  container.env = shown(before).map(({ key, value }) => `${key}=${value}`);
};

/** NRI: an empty first word says that the plugin replaces what another has asked for. */
const mergeArgs = ({ claim, clear, adjust, container }: Step, asked: readonly string[]): void => {
  if (asked.length === 0) return;
  const [first] = asked;
  if (first === '') clear(Field.Args);
  claim(Field.Args);
  adjust.args = first === '' ? asked.slice(1) : [...asked];
  container.args = [...adjust.args];
};

/** Hooks of several plugins are all run. True: there are some. */
const mergeHooks = ({ adjust, container }: Step, asked: Hooks | undefined): boolean => {
  if (asked === undefined) return false;
  for (const kind of HOOK_NAMES) {
    adjust.hooks?.[kind].push(...asked[kind]);
    container.hooks?.[kind].push(...asked[kind]);
  }
  return HOOK_NAMES.some((kind) => asked[kind].length > 0);
};

const mergeLinux = (step: Step, asked: LinuxContainerAdjustment): void => {
  const { claim } = step;
  const { linux: adjust } = step.adjust;
  const { linux: shown } = step.container;
  if (adjust === undefined || shown === undefined) return;
  const devices = mergeList(step, Field.Devices, asked.devices, adjust.devices, ({ path }) => path);
  adjust.devices = devices.adjust;
  shown.devices = devices.shown(shown.devices);
  if (asked.resources !== undefined && adjust.resources !== undefined && shown.resources !== undefined)
    mergeResources(asked.resources, [adjust.resources, shown.resources], claim);
  if (asked.cgroupsPath !== '') {
    claim(Field.CgroupsPath);
    adjust.cgroupsPath = shown.cgroupsPath = asked.cgroupsPath;
  }
  mergeSingles(step, asked);
  mergeNamespaces(step, asked.namespaces);
  mergeMap(step, Field.Sysctl, asked.sysctl, adjust.sysctl, shown.sysctl, '');
  const nothing = { $typeName: 'nri.pkg.api.v1alpha1.LinuxNetDevice', name: '' } as const;
  mergeMap(step, Field.LinuxNetDevices, asked.netDevices, adjust.netDevices, shown.netDevices, nothing);
  if (asked.memoryPolicy !== undefined) {
    claim(Field.MemoryPolicy);
    adjust.memoryPolicy = asked.memoryPolicy;
  }
  mergeRdt(step, asked.rdt);
};

const SINGLES = [
  ['oomScoreAdj', Field.OomScoreAdj],
  ['ioPriority', Field.IoPriority],
  ['seccompPolicy', Field.SeccompPolicy],
  ['scheduler', Field.LinuxSched],
] as const;

/** What a container has one of. */
const mergeSingles = ({ claim, adjust, container }: Step, asked: LinuxContainerAdjustment): void => {
  for (const [name, field] of SINGLES) {
    if (asked[name] === undefined) continue;
    claim(field);
    Object.assign(adjust.linux ?? {}, { [name]: asked[name] });
    Object.assign(container.linux ?? {}, { [name]: asked[name] });
  }
};

const mergeNamespaces = ({ claim, adjust, container }: Step, asked: readonly LinuxNamespace[]): void => {
  const { linux: shown } = container;
  for (const namespace of asked) {
    const type = removed(namespace.type) ?? namespace.type;
    claim(Field.Namespace, type);
    adjust.linux?.namespaces.push(namespace);
    if (shown === undefined) continue;
    shown.namespaces = [
      ...shown.namespaces.filter((one) => one.type !== type),
      ...(namespace.type.startsWith(REMOVAL) ? [] : [namespace]),
    ];
  }
};

const RDT = [
  ['closId', Field.RdtClosID],
  ['schemata', Field.RdtSchemata],
  ['enableMonitoring', Field.RdtEnableMonitoring],
] as const satisfies readonly (readonly [keyof LinuxRdt, Field])[];

const mergeRdt = ({ claim, clear, adjust }: Step, asked: LinuxRdt | undefined): void => {
  if (asked === undefined || adjust.linux === undefined) return;
  if (asked.remove) {
    for (const [, field] of RDT) clear(field);
    adjust.linux.rdt = create(LinuxRdtSchema, { remove: true });
  }
  for (const [name, field] of RDT) {
    if (asked[name] === undefined) continue;
    claim(field);
    adjust.linux.rdt = create(LinuxRdtSchema, { ...adjust.linux.rdt, remove: false, [name]: asked[name] });
  }
};
