import type { Emit } from '../core/events.ts';
import type { Connection } from '../host/transport/connection.ts';
import type { HostEntry, Profile } from '../profile/profile.ts';

/** What every flow gets from the command that runs it. */
export interface FlowContext {
  readonly profile: Profile;
  /** The hosts of this run: all of the profile's, or those that `--hosts` names. */
  readonly hosts: readonly HostEntry[];
  /** The connection to a host, made once and kept for the whole command. */
  readonly connect: (host: HostEntry) => Promise<Connection>;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Hosts worked on at the same time. */
  readonly parallel: number;
}
