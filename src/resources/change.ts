import type { Work } from '../host/script/step.ts';

export type { Content, Origin, Step } from '../host/script/step.ts';

/**
 * What differs between a host and the profile, as plain data: printed, saved, replayed.
 * A change knows the steps that make it true; a step is carried out by `host/script` and by nothing else.
 */
export interface Change extends Work {
  /** Stable and unique within a host, e.g. `file:/etc/crictl.yaml`, `unit:berthd.service`. */
  readonly id: string;
  readonly action:
    | 'create'
    | 'update'
    | 'delete'
    | 'install'
    | 'remove'
    | 'load'
    | 'set'
    | 'enable'
    | 'start'
    | 'restart'
    | 'upload';
  /** One line, e.g. `install runc 1.1.5+ds1-1+deb12u1`. */
  readonly summary: string;
  /** Unified diff for files that hold text. */
  readonly diff?: string;
  /** Why, when the summary does not say it: `the unit file changed`. */
  readonly reason?: string;
  /** What becomes of packages. */
  readonly packages?: readonly PackageChange[];
  /** The concern of the node that it belongs to, e.g. `kernel`: what `--tags` selects by. */
  readonly tag?: string;
  /** It is tried, and may have no effect yet, as when others use by now what it would take away: no failure. */
  readonly mayStay?: true;
}

/** Tag of what is done about things that the profile no longer wants: no concern knows them any more. */
export const obsoleteTag = 'obsolete';

export interface PackageChange {
  readonly name: string;
  /** Undefined: it is not installed. */
  readonly from?: string;
  /** Null: known after apply. */
  readonly to: string | null;
}

export interface HostPlan {
  readonly host: string;
  readonly changes: readonly Change[];
  /** Conditions worth saying that change nothing, e.g. a degraded capability of the host. */
  readonly notes: readonly string[];
  /** Changes that are pending under other tags than those that were asked for. */
  readonly otherTags?: number;
}

export interface Plan {
  readonly version: 1;
  readonly profile: string;
  readonly hosts: readonly HostPlan[];
}
