import { inParallel, type Pod, removePod, startPod } from './life.ts';
import type { Peer } from './peer.ts';
import { pollLikeKubelet } from './polling.ts';
import { pssMebibytes } from './processes.ts';
import { Samples } from './samples.ts';

const WORKERS = 8;
/** So often are the lists asked for their time, beside what polling asks. */
const LISTS = 20;

export interface Density {
  readonly podsPerSecond: number;
  readonly removedPerSecond: number;
  readonly pssMebibytes: number;
  /** Percent of one core. */
  readonly pollingCpu: number;
}

/** Fills a node with pods, looks what it costs to have them, and empties it. */
export const fillNode = async (
  peer: Peer,
  image: string,
  size: { readonly pods: number; readonly pollSeconds: number },
): Promise<Density> => {
  // Times of calls that share the machine with seven others say nothing beside those of calls that do not.
  const quiet = { ...peer, samples: new Samples() };
  const names = Array.from({ length: size.pods }, (_, index) => `d${index}`);
  let began = performance.now();
  const pods = await inParallel(names, WORKERS, (name) => startPod(quiet, name, image));
  const podsPerSecond = pods.length / seconds(began);
  const pollingCpu = await pollLikeKubelet(peer, pods, size.pollSeconds);
  const pss = pssMebibytes(peer.processes());
  await askForLists(peer);
  began = performance.now();
  await inParallel(pods, WORKERS, (pod: Pod) => removePod(quiet, pod));
  return { podsPerSecond, pollingCpu, pssMebibytes: pss, removedPerSecond: pods.length / seconds(began) };
};

const askForLists = async ({ runtime, samples }: Peer): Promise<void> => {
  for (let round = 0; round < LISTS; round += 1) {
    await samples.time('ListPodSandbox', () => runtime.listPodSandbox({}));
    await samples.time('ListContainers', () => runtime.listContainers({}));
    await samples.time('ListContainerStats', () => runtime.listContainerStats({}));
    await samples.time('ListPodSandboxStats', () => runtime.listPodSandboxStats({}));
  }
};

const seconds = (began: number): number => (performance.now() - began) / 1000;
