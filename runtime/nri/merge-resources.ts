import { create } from '@bufbuild/protobuf';
import {
  Field,
  type LinuxCPU,
  LinuxCPUSchema,
  type LinuxMemory,
  LinuxMemorySchema,
  type LinuxResources,
} from '../spec/ttrpc/nri/api_pb.js';

const MEMORY = [
  ['limit', Field.MemLimit],
  ['reservation', Field.MemReservation],
  ['swap', Field.MemSwapLimit],
  ['kernel', Field.MemKernelLimit],
  ['kernelTcp', Field.MemTCPLimit],
  ['swappiness', Field.MemSwappiness],
  ['disableOomKiller', Field.MemDisableOomKiller],
  ['useHierarchy', Field.MemUseHierarchy],
] as const satisfies readonly (readonly [keyof LinuxMemory, Field])[];

const CPU = [
  ['shares', Field.CPUShares],
  ['quota', Field.CPUQuota],
  ['period', Field.CPUPeriod],
  ['realtimeRuntime', Field.CPURealtimeRuntime],
  ['realtimePeriod', Field.CPURealtimePeriod],
  ['cpus', Field.CPUSetCPUs],
  ['mems', Field.CPUSetMems],
] as const satisfies readonly (readonly [keyof LinuxCPU, Field])[];

export type Claim = (field: Field, entry?: string) => void;

/** Puts what a plugin asks for into each of `targets`, after it has claimed the field. */
export const mergeResources = (
  asked: LinuxResources,
  targets: readonly LinuxResources[],
  claim: Claim,
): void => {
  for (const [name, field] of MEMORY) {
    if (asked.memory?.[name] === undefined) continue;
    claim(field);
    for (const target of targets) {
      target.memory ??= create(LinuxMemorySchema);
      copy(asked.memory, target.memory, name);
    }
  }
  for (const [name, field] of CPU) {
    if (asked.cpu?.[name] === undefined || asked.cpu[name] === '') continue;
    claim(field);
    for (const target of targets) {
      target.cpu ??= create(LinuxCPUSchema);
      copy(asked.cpu, target.cpu, name);
    }
  }
  for (const limit of asked.hugepageLimits) {
    claim(Field.HugepageLimits, limit.pageSize);
    for (const target of targets)
      target.hugepageLimits = [
        ...target.hugepageLimits.filter(({ pageSize }) => pageSize !== limit.pageSize),
        limit,
      ];
  }
  for (const [file, value] of Object.entries(asked.unified)) {
    claim(Field.CgroupsUnified, file);
    for (const target of targets) target.unified[file] = value;
  }
  for (const target of targets) target.devices.push(...asked.devices);
  mergeClasses(asked, targets, claim);
};

const CLASSES = [
  ['blockioClass', Field.BlockioClass],
  ['rdtClass', Field.RdtClass],
  ['pids', Field.PidsLimit],
] as const satisfies readonly (readonly [keyof LinuxResources, Field])[];

const mergeClasses = (asked: LinuxResources, targets: readonly LinuxResources[], claim: Claim): void => {
  for (const [name, field] of CLASSES) {
    if (asked[name] === undefined) continue;
    claim(field);
    for (const target of targets) copy(asked, target, name);
  }
};

const copy = <T, K extends keyof T>(from: T, to: T, key: K): void => {
  to[key] = from[key];
};
