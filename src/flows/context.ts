import type { LockInUse } from '../artifacts/lock/in-use.ts';
import type { Emit } from '../core/events.ts';
import type { Connection } from '../host/transport/connection.ts';
import type { HostEntry, Profile, SecretOf } from '../profile/profile.ts';

/**
 * `never`: a host that is not well stays as it is, for study. `when-red`: it goes back when the verification after a change
 * is red, or a guarded change was not confirmed. `when-failed`: also when a step of the apply fails.
 */
export type RollbackPolicy = 'never' | 'when-red' | 'when-failed';

/** What every flow gets from the command that runs it. */
export interface FlowContext {
  readonly profile: Profile;
  /** The hosts of this run: all of the profile's, or those that `--hosts` names. */
  readonly hosts: readonly HostEntry[];
  /** The connection to a host, made once and kept for the whole command. */
  readonly connect: (host: HostEntry) => Promise<Connection>;
  /** A new connection to the host, the caller's own, until it or `signal` ends it. */
  readonly reconnect: (host: HostEntry, signal: AbortSignal) => Promise<Connection>;
  /** Reads secrets that the hosts themselves keep, such as their logins at registries. */
  readonly secret?: SecretOf;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Hosts worked on at the same time. */
  readonly parallel: number;
  /** After so many hosts that failed no other is begun; undefined: all are. */
  readonly maxFailures?: number | undefined;
  /** Seconds to wait for a host on which somebody else is at work; undefined: none. */
  readonly lockTimeoutSeconds?: number | undefined;
  /** When a host goes back to how it was before the apply; undefined: `when-red`. */
  readonly rollback?: RollbackPolicy | undefined;
  /** Only the changes of these concerns; undefined: of all. */
  readonly tags?: readonly string[] | undefined;
  /** The lock that decides about artifacts and packages, read when it is first asked for; undefined: there is none. */
  readonly lock?: () => Promise<LockInUse | undefined>;
}
