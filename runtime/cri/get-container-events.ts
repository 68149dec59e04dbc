import { Fail } from '../core/fail.ts';
import type { GetEventsRequest } from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';
import type { Call } from './transport.ts';

/** What becomes of pods and containers from now on. The kubelet lists first, and again whenever this breaks off. */
export async function* getContainerEvents(
  { config, events }: Daemon,
  _request: GetEventsRequest,
  call: Call,
) {
  if (!config.enablePodEvents)
    throw new Fail('Unimplemented', 'container events are switched off on this node', {
      hint: 'set enable_pod_events = true in [crio.runtime] and restart berthd',
    });
  yield* events.follow(call.signal);
}
