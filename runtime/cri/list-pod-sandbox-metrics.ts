import { type PodRecord, stateOf } from '../pods/record.ts';
import type { ListPodSandboxMetricsRequest, StreamPodSandboxMetricsRequest } from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';
import { Encoded } from './transport.ts';

export const listPodSandboxMetrics = async (daemon: Daemon, _request: ListPodSandboxMetricsRequest) =>
  new Encoded(Buffer.concat(await daemon.metrics.pods(readyPods(daemon))));

/** The same list in messages of bounded size: a pod's metrics take some ten kilobytes for each container. */
export async function* streamPodSandboxMetrics(daemon: Daemon, _request: StreamPodSandboxMetricsRequest) {
  const pods = readyPods(daemon);
  for (let from = 0; from < pods.length; from += PODS_PER_MESSAGE)
    yield new Encoded(Buffer.concat(await daemon.metrics.pods(pods.slice(from, from + PODS_PER_MESSAGE))));
}

const PODS_PER_MESSAGE = 25;

const readyPods = ({ pods }: Daemon): readonly PodRecord[] =>
  pods.list().filter((record) => stateOf(record) === 'ready');
