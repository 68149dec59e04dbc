import type { Log } from '../observe/log.ts';
import type { Shim } from '../shim/client/shim.ts';
import type { Exits } from './exits.ts';
import type { Roots } from './folders.ts';
import type { Queues } from './queue.ts';
import type { Containers } from './record.ts';

/** What the verbs of this room work with. */
export interface ContainerContext {
  readonly roots: Roots;
  readonly shim: Shim;
  readonly containers: Containers;
  readonly exits: Exits;
  /** Keyed by pod id: whatever makes or removes parts of a pod comes one after the other. */
  readonly queues: Queues;
  readonly log: Log;
}
