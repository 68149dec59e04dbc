/**
 * What differs between a host and the profile, as plain data: printed, saved, replayed.
 * A change knows the steps that make it true; a step is carried out by `host/script` and by nothing else.
 */
export interface Change {
  /** Stable and unique within a host, e.g. `file:/etc/crictl.yaml`, `package:runc`. */
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
  readonly steps: readonly Step[];
}

/** Where the bytes of a written file come from: inside the plan, or a file on the control machine. */
export type Content =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'local-file'; readonly path: string; readonly sha256: string; readonly bytes: number };

export type Step =
  | { readonly kind: 'write'; readonly path: string; readonly content: Content; readonly mode: number }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | { readonly kind: 'delete'; readonly path: string }
  /** argv is quoted for POSIX sh by host/script alone. */
  | {
      readonly kind: 'run';
      readonly argv: readonly string[];
      readonly deadlineSeconds: number;
      readonly env?: Readonly<Record<string, string>>;
    };

export interface HostPlan {
  readonly host: string;
  readonly changes: readonly Change[];
  /** Conditions worth saying that change nothing, e.g. a degraded capability of the host. */
  readonly notes: readonly string[];
}

export interface Plan {
  readonly version: 1;
  readonly profile: string;
  readonly hosts: readonly HostPlan[];
}
