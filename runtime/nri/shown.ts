import { readSpec } from '../containers/bundle.ts';
import type { Roots } from '../containers/folders.ts';
import { type ContainerRecord, type Containers, isAlive } from '../containers/record.ts';
import { absent } from '../core/absent.ts';
import { type PodRecord, type Pods, stateOf } from '../pods/record.ts';
import type { OciSpec } from '../spec/oci/runtime.ts';
import type { Container, PodSandbox } from '../spec/ttrpc/nri/api_pb.js';
import { containerView, podView } from './views.ts';

/** A container that has no process yet, and what it will be made from. */
export interface Made {
  readonly record: ContainerRecord;
  readonly spec: OciSpec;
}

/** What plugins are shown of pods and containers, as these are at the moment. */
export class Shown {
  readonly #pods: Pods;
  readonly #containers: Containers;
  readonly #roots: Roots;

  constructor({ pods, containers, roots }: { pods: Pods; containers: Containers; roots: Roots }) {
    this.#pods = pods;
    this.#containers = containers;
    this.#roots = roots;
  }

  /** A container in its pod; `spec` where it is not in its bundle yet. */
  about(
    record: ContainerRecord,
    spec = this.#specOf(record.id),
  ): { readonly pod?: PodSandbox; readonly container: Container } {
    const pod = this.#pods.get(record.podId);
    return {
      ...(pod === undefined ? {} : { pod: podView(pod) }),
      container: containerView(record, spec),
    };
  }

  /** All that are there, and those that soon will be. */
  present(pods: Iterable<PodRecord>, containers: Iterable<Made>) {
    const there = this.#pods.list().filter((pod) => stateOf(pod) !== 'making');
    const alive = this.#containers.list().filter(isAlive);
    return {
      pods: [...there, ...pods].map(podView),
      containers: [
        ...alive.map((one) => containerView(one, this.#specOf(one.id))),
        ...[...containers].map(({ record, spec }) => containerView(record, spec)),
      ],
    };
  }

  #specOf(id: string): OciSpec | undefined {
    try {
      return readSpec(this.#roots, id);
    } catch (error) {
      return absent(error);
    }
  }
}
