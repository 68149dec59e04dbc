import { containerConfig, type Peer, podConfig } from './peer.ts';

export interface Pod {
  readonly podSandboxId: string;
  readonly containerId: string;
}

/** The calls of a pod's life in their order, and what they make together. */
export const LIFE = [
  'RunPodSandbox',
  'CreateContainer',
  'StartContainer',
  'pod up',
  'StopPodSandbox',
  'RemovePodSandbox',
  'pod down',
] as const;

export const startPod = async (peer: Peer, name: string, image: string): Promise<Pod> => {
  const { runtime, samples } = peer;
  const began = performance.now();
  const config = podConfig(peer, name);
  const { podSandboxId } = await samples.time('RunPodSandbox', () => runtime.runPodSandbox({ config }));
  const request = { podSandboxId, config: containerConfig(image), sandboxConfig: config };
  const { containerId } = await samples.time('CreateContainer', () => runtime.createContainer(request));
  await samples.time('StartContainer', () => runtime.startContainer({ containerId }));
  samples.add('pod up', performance.now() - began);
  return { podSandboxId, containerId };
};

export const removePod = async ({ runtime, samples }: Peer, { podSandboxId }: Pod): Promise<void> => {
  const began = performance.now();
  await samples.time('StopPodSandbox', () => runtime.stopPodSandbox({ podSandboxId }));
  await samples.time('RemovePodSandbox', () => runtime.removePodSandbox({ podSandboxId }));
  samples.add('pod down', performance.now() - began);
};

/** Does the work for every item, with so many at a time. */
export const inParallel = async <Item, Result>(
  items: readonly Item[],
  workers: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> => {
  const results: Result[] = [];
  const queue = items.entries();
  const lane = async () => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: workers }, lane));
  return results;
};
