import type { Log } from '../../observe/log.ts';
import type { ContainerExit } from '../protocol/messages.ts';
import type { Container } from './containers/container.ts';
import type { Folders } from './containers/folders.ts';
import type { Holder } from './holder/holder.ts';

/** What the verbs of the shim work on. */
export interface Shim {
  readonly folders: Folders;
  readonly holder: Holder;
  readonly log: Log;
  /** Every container that has a record and is past its creation. */
  readonly containers: Map<string, Container>;
  /** Containers in creation: settles when it is over, whatever came of it. */
  readonly creating: Map<string, Promise<void>>;
  /** Tells the daemon. */
  readonly onExit: (id: string, exit: ContainerExit) => void;
}
