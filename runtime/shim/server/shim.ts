import type { Container, Surroundings } from './containers/container.ts';

/** What the verbs of the shim work on. */
export interface Shim extends Surroundings {
  /** Every container that has a record and is past its creation. */
  readonly containers: Map<string, Container>;
  /** Has a socket for the events of shims of containerd's API, from the first time on. */
  readonly takeEvents: () => Promise<void>;
  /** Containers in creation: settles when it is over, whatever came of it. */
  readonly creating: Map<string, Promise<void>>;
}
