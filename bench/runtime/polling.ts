import { setTimeout as pause } from 'node:timers/promises';
import type { Pod } from './life.ts';
import type { Peer } from './peer.ts';
import { cpuSeconds } from './processes.ts';

/**
 * What a kubelet asks of a node that does nothing: every second both lists, with which it finds out what has changed
 * (its generic PLEG), and the status of some pods, each once a minute; every five seconds whether the runtime is ready;
 * every ten, without cAdvisor, the statistics. Resolves with the CPU that the runtime took, in percent of one core.
 */
export const pollLikeKubelet = async (peer: Peer, pods: readonly Pod[], seconds: number): Promise<number> => {
  const processes = peer.processes();
  const [began, before] = [performance.now(), cpuSeconds(processes)];
  const perSecond = Math.max(1, Math.round(pods.length / 60));
  for (let second = 0; second < seconds; second += 1) {
    await pollOnce(peer, second, pods.slice(second * perSecond).slice(0, perSecond));
    await pause(Math.max(0, began + (second + 1) * 1000 - performance.now()));
  }
  return (100 * (cpuSeconds(processes) - before)) / ((performance.now() - began) / 1000);
};

const pollOnce = async (
  { runtime, images, samples }: Peer,
  second: number,
  pods: readonly Pod[],
): Promise<void> => {
  await samples.time('ListPodSandbox', () => runtime.listPodSandbox({}));
  await samples.time('ListContainers', () => runtime.listContainers({}));
  for (const { podSandboxId, containerId } of pods) {
    await samples.time('PodSandboxStatus', () => runtime.podSandboxStatus({ podSandboxId }));
    await samples.time('ContainerStatus', () => runtime.containerStatus({ containerId }));
  }
  if (second % 5 === 0) await samples.time('Status', () => runtime.status({}));
  if (second % 10 !== 0) return;
  await samples.time('ListPodSandboxStats', () => runtime.listPodSandboxStats({}));
  await samples.time('ListContainerStats', () => runtime.listContainerStats({}));
  await samples.time('ImageFsInfo', () => images.imageFsInfo({}));
};
