/**
 * A seccomp profile as container engines write them in JSON: the OCI runtime specification's linux.seccomp, and
 * rules that hold only with (`includes`) or without (`excludes`) certain capabilities, architectures or kernels.
 */
export interface SeccompProfile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  /** Alternative to `architectures`: what to add for the architecture of the host. */
  readonly archMap?: readonly {
    readonly architecture: string;
    readonly subArchitectures?: readonly string[] | null;
  }[];
  readonly architectures?: readonly string[];
  readonly flags?: readonly string[];
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly syscalls?: readonly SeccompRule[];
}

export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly SeccompArgument[] | null;
  readonly includes?: SeccompCondition;
  readonly excludes?: SeccompCondition;
}

/** `op` as libseccomp names them; SCMP_CMP_MASKED_EQ compares `argument & value` with `valueTwo`. */
export interface SeccompArgument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: string;
}

export interface SeccompCondition {
  readonly caps?: readonly string[];
  /** Go's names: amd64, arm64, … */
  readonly arches?: readonly string[];
  /** `major.minor` */
  readonly minKernel?: string;
}
