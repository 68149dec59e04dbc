import type { FailCode } from '../../core/fail.ts';
import { Secret } from '../../core/secret.ts';

/** Where the bytes of a written file come from: inside the plan, or a file on the control machine. */
export type Content =
  | { readonly kind: 'text'; readonly text: string }
  /** It holds a secret: never shown, logged or saved. */
  | { readonly kind: 'secret'; readonly text: Secret }
  | { readonly kind: 'local-file'; readonly path: string; readonly sha256: string; readonly bytes: number };

/** `text` in place of what was there: as secret as that was. */
export const contentLike = (was: { readonly sealed?: unknown }, text: string): Content =>
  was.sealed === undefined ? { kind: 'text', text } : { kind: 'secret', text: new Secret(text) };

/** One thing done to a host: plain data, carried out by the apply stream and by nothing else. */
export type Step =
  | { readonly kind: 'write'; readonly path: string; readonly content: Content; readonly mode: number }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  /** `kept`: the contents of a recursive deletion are kept for a rollback. */
  | { readonly kind: 'delete'; readonly path: string; readonly recursive?: boolean | 'kept' }
  /** The bytes are on the host already: in another release folder, or kept when they were replaced. */
  | {
      readonly kind: 'copy';
      readonly from: string;
      readonly path: string;
      readonly sha256: string;
      readonly mode: number;
      /** `uid:gid`; root's when undefined. */
      readonly owner?: string;
    }
  /** Bytes for the steps after it, below `stagingFolder`: gone when the apply ends, however it ends. */
  | { readonly kind: 'stage'; readonly path: string; readonly content: Content }
  /** argv is quoted for POSIX sh by host/script alone. */
  | {
      readonly kind: 'run';
      readonly argv: readonly string[];
      readonly deadlineSeconds: number;
      /** Secret ones are not in the process list either. */
      readonly env?: Readonly<Record<string, string | Secret>>;
      /** Lock files of a package manager: waited for until the deadline while another process holds one. */
      readonly locks?: readonly string[];
      /** Exit codes by which argv tells a failure of another kind than `CommandFailed`; its last line of output says which. */
      readonly meanings?: Readonly<Record<number, FailCode>>;
      /** What a person can do about exit codes. */
      readonly hints?: Readonly<Record<number, string>>;
    };

/** How something was before berth touched it; kept on the host for reset and rollback. Files are kept by the stream itself. */
export type Origin =
  | { readonly kind: 'unit'; readonly name: string; readonly fileState: string; readonly activeState: string }
  | { readonly kind: 'sysctl'; readonly key: string; readonly value: string }
  | { readonly kind: 'module' | 'interface'; readonly name: string }
  /** `fix`: what the doctor did to this file or unit outlasts later applies. `lines`: of this file only lines were set aside. */
  | { readonly kind: 'fix' | 'lines'; readonly name: string }
  /** A module that is loaded, and will not be. */
  | { readonly kind: 'loaded'; readonly name: string }
  /** For steps whose effect is none of the above: what undoes them, safe to run more than once. */
  | { readonly kind: 'undo'; readonly name: string; readonly argv: readonly string[] };

/** Steps that belong together: journalled as one. */
export interface Work {
  /** Unique within the host. */
  readonly id: string;
  readonly summary: string;
  readonly steps: readonly Step[];
  readonly origins?: readonly Origin[];
  /** Units that run with what was there before, from the moment these steps begin. */
  readonly makesStale?: readonly string[];
  /** Units that run with what is there now, once these steps are done. */
  readonly refreshes?: readonly string[];
  /** Packages that these steps bring, dependencies included, are noted as berth's. */
  readonly bringsPackages?: boolean;
  /**
   * It can cut the connection (network, sshd, firewall): a timer on the host undoes what its origins and files say, unless
   * a new connection confirms in time. Guarded works that follow each other are confirmed together.
   */
  readonly guarded?: boolean;
}
