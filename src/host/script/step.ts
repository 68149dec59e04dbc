/** Where the bytes of a written file come from: inside the plan, or a file on the control machine. */
export type Content =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'local-file'; readonly path: string; readonly sha256: string; readonly bytes: number };

/** One thing done to a host: plain data, carried out by the apply stream and by nothing else. */
export type Step =
  | { readonly kind: 'write'; readonly path: string; readonly content: Content; readonly mode: number }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | { readonly kind: 'delete'; readonly path: string; readonly recursive?: boolean }
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
  /** argv is quoted for POSIX sh by host/script alone. */
  | {
      readonly kind: 'run';
      readonly argv: readonly string[];
      readonly deadlineSeconds: number;
      readonly env?: Readonly<Record<string, string>>;
      /** Lock files of a package manager: waited for until the deadline while another process holds one. */
      readonly locks?: readonly string[];
    };

/** How something was before berth touched it; kept on the host for reset and rollback. Files are kept by the stream itself. */
export type Origin =
  | { readonly kind: 'unit'; readonly name: string; readonly fileState: string; readonly activeState: string }
  | { readonly kind: 'sysctl'; readonly key: string; readonly value: string }
  | { readonly kind: 'module' | 'interface'; readonly name: string };

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
}
