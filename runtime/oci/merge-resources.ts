import { create } from '@bufbuild/protobuf';
import { type LinuxContainerResources, LinuxContainerResourcesSchema } from '../spec/cri/api_pb.js';

/** The resources before, with what an update asks for in their place: a zero or nothing of CRI is "as it was". */
export const mergeResources = (
  before: LinuxContainerResources | undefined,
  asked: LinuxContainerResources,
): LinuxContainerResources => {
  const was = before ?? create(LinuxContainerResourcesSchema);
  const askedSizes = new Set(asked.hugepageLimits.map(({ pageSize }) => pageSize));
  return create(LinuxContainerResourcesSchema, {
    cpuPeriod: asked.cpuPeriod || was.cpuPeriod,
    cpuQuota: asked.cpuQuota || was.cpuQuota,
    cpuShares: asked.cpuShares || was.cpuShares,
    cpusetCpus: asked.cpusetCpus || was.cpusetCpus,
    cpusetMems: asked.cpusetMems || was.cpusetMems,
    memoryLimitInBytes: asked.memoryLimitInBytes || was.memoryLimitInBytes,
    memorySwapLimitInBytes: swapLimit(was, asked),
    oomScoreAdj: asked.oomScoreAdj || was.oomScoreAdj,
    hugepageLimits: [
      ...was.hugepageLimits.filter(({ pageSize }) => !askedSizes.has(pageSize)),
      ...asked.hugepageLimits,
    ],
    unified: { ...was.unified, ...asked.unified },
  });
};

/** A limit of memory and swap together that was made for another memory limit is none for the new one. */
const swapLimit = (was: LinuxContainerResources, asked: LinuxContainerResources): bigint => {
  if (asked.memorySwapLimitInBytes !== 0n) return asked.memorySwapLimitInBytes;
  const { memoryLimitInBytes } = asked;
  return memoryLimitInBytes === 0n || memoryLimitInBytes === was.memoryLimitInBytes
    ? was.memorySwapLimitInBytes
    : 0n;
};
