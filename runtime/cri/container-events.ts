import { create, toBinary } from '@bufbuild/protobuf';
import { type ContainerRecord, type Containers, stateOf as containerStateOf } from '../containers/record.ts';
import { Fail } from '../core/fail.ts';
import { realtimeNs } from '../linux/clock.ts';
import { type PodRecord, type Pods, stateOf as podStateOf } from '../pods/record.ts';
import { ContainerEventResponseSchema, ContainerEventType } from '../spec/cri/api_pb.js';
import { containerStatus } from './container-view.ts';
import { podStatus } from './pod-view.ts';
import { Encoded } from './transport.ts';

/** A subscriber that is so many events behind does not follow any more; it has to list anew. */
const MOST_WAITING = 1000;

/** What became of pods and containers, for whoever follows. A pod is told of under its own id, as the kubelet expects. */
export interface ContainerEvents {
  /**
   * Events from now on, until the signal is aborted or the daemon stops. Fails `ResourceExhausted` for a
   * subscriber that takes them too slowly: what it was to get is not kept.
   */
  follow(signal: AbortSignal): AsyncIterable<Encoded>;
  /** How many follow now. */
  readonly subscribers: number;
  /** Ends all subscriptions. */
  close(): void;
}

/**
 * Derives the events from the records themselves, so that no way to a state can forget to tell of it. Records
 * are immutable: an event that waits refers to what was true when it happened, and is encoded once for all.
 */
export const createContainerEvents = (pods: Pods, containers: Containers): ContainerEvents => {
  const subscribers = new Set<Subscriber>();
  let closed = false;
  const tell = (id: string, types: readonly ContainerEventType[], podId: string, last?: PodRecord): void => {
    if (subscribers.size === 0) return;
    for (const type of types) {
      const seen = containers.list().filter((one) => one.podId === podId && seenContainer(one) !== undefined);
      const event = encodedWhenAsked({ id, type, pod: pods.get(podId) ?? last, containers: seen });
      for (const subscriber of subscribers) if (!subscriber.offer(event)) subscribers.delete(subscriber);
    }
  };
  pods.watch((before, after) => {
    const last = after ?? before;
    if (last !== undefined) tell(last.id, podEvents(before, after), last.id, last);
  });
  containers.watch((before, after) => {
    const last = after ?? before;
    if (last !== undefined) tell(last.id, containerEvents(before, after), last.podId);
  });
  return {
    follow: async function* (signal) {
      if (closed) return;
      const subscriber = new Subscriber(signal);
      subscribers.add(subscriber);
      try {
        yield* subscriber.events();
      } finally {
        subscribers.delete(subscriber);
      }
    },
    get subscribers() {
      return subscribers.size;
    },
    close: () => {
      closed = true;
      for (const subscriber of subscribers) subscriber.end();
      subscribers.clear();
    },
  };
};

const { CONTAINER_CREATED_EVENT, CONTAINER_STARTED_EVENT, CONTAINER_STOPPED_EVENT, CONTAINER_DELETED_EVENT } =
  ContainerEventType;

/** States as CRI sees them: what is being made is not there yet. */
const seenContainer = (record: ContainerRecord | undefined) => {
  const state = record === undefined ? 'making' : containerStateOf(record);
  return state === 'making' ? undefined : state;
};

/** More than one where a state was passed unseen: a container may have ended before its start was answered. */
export const containerEvents = (
  before: ContainerRecord | undefined,
  after: ContainerRecord | undefined,
): readonly ContainerEventType[] => {
  const [was, is] = [seenContainer(before), seenContainer(after)];
  if (was === is) return [];
  if (is === undefined) return [CONTAINER_DELETED_EVENT];
  const started = was !== 'running' && after?.startedAtNs != null;
  return [
    ...(was === undefined ? [CONTAINER_CREATED_EVENT] : []),
    ...(started ? [CONTAINER_STARTED_EVENT] : []),
    ...(is === 'exited' ? [CONTAINER_STOPPED_EVENT] : []),
  ];
};

/** Stopped as soon as it is not ready: the kubelet stops a pod that lost its namespaces when it hears of it. */
export const podEvents = (
  before: PodRecord | undefined,
  after: PodRecord | undefined,
): readonly ContainerEventType[] => {
  const [was, is] = [seenPod(before), seenPod(after)];
  if (was === is) return [];
  if (is === undefined) return [CONTAINER_DELETED_EVENT];
  return is === 'ready' ? [CONTAINER_CREATED_EVENT, CONTAINER_STARTED_EVENT] : [CONTAINER_STOPPED_EVENT];
};

const seenPod = (record: PodRecord | undefined): 'ready' | 'not ready' | undefined => {
  const state = record === undefined ? 'making' : podStateOf(record);
  if (state === 'making') return undefined;
  return state === 'ready' ? 'ready' : 'not ready';
};

interface Happened {
  readonly id: string;
  readonly type: ContainerEventType;
  /** Undefined when there is no such pod any more. */
  readonly pod: PodRecord | undefined;
  readonly containers: readonly ContainerRecord[];
}

type Event = () => Encoded;

const encodedWhenAsked = ({ id, type, pod, containers }: Happened): Event => {
  const createdAt = realtimeNs();
  let encoded: Encoded | undefined;
  return () => {
    encoded ??= new Encoded(
      toBinary(
        ContainerEventResponseSchema,
        create(ContainerEventResponseSchema, {
          containerId: id,
          containerEventType: type,
          createdAt,
          ...(pod === undefined ? {} : { podSandboxStatus: podStatus(pod) }),
          containersStatuses: containers.map(containerStatus),
        }),
      ),
    );
    return encoded;
  };
};

/** One client's events between their happening and its taking them. */
class Subscriber {
  readonly #signal: AbortSignal;
  #waiting: Event[] = [];
  #ended = false;
  #failure: Fail | undefined;
  #wake: () => void = () => {};

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.end(), { once: true });
    if (signal.aborted) this.end();
  }

  /** False: it has fallen too far behind, and gets no more. */
  offer(event: Event): boolean {
    if (this.#waiting.length < MOST_WAITING) {
      this.#waiting.push(event);
      this.#wake();
      return true;
    }
    this.#failure = new Fail(
      'ResourceExhausted',
      `the subscriber is more than ${MOST_WAITING} events behind`,
      {
        hint: 'list pods and containers, and subscribe again',
      },
    );
    this.end();
    return false;
  }

  end(): void {
    this.#ended = true;
    this.#waiting = [];
    this.#wake();
  }

  async *events(): AsyncIterable<Encoded> {
    for (;;) {
      for (let event = this.#waiting.shift(); event !== undefined; event = this.#waiting.shift())
        yield event();
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended || this.#signal.aborted) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
