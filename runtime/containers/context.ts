import type { Log } from '../observe/log.ts';
import type { Shim } from '../shim/client/shim.ts';
import type { Exits } from './exits.ts';
import type { Roots } from './folders.ts';
import type { Queues } from './queue.ts';
import type { ContainerRecord, Containers } from './record.ts';

/** Others who are told of containers, such as plugins of NRI. Undefined: nobody is, and there is nothing to wait for. */
export interface ContainerHooks {
  /** It is gone but for its record and what it was made from. */
  containerRemoved(record: ContainerRecord): Promise<void> | undefined;
}

/** What the verbs of this room work with. */
export interface ContainerContext {
  readonly roots: Roots;
  readonly shim: Shim;
  readonly containers: Containers;
  readonly exits: Exits;
  /** Keyed by pod id: whatever makes or removes parts of a pod comes one after the other. */
  readonly queues: Queues;
  readonly log: Log;
  readonly hooks: ContainerHooks;
}
