import type { Config } from '../config/config.ts';
import type { CgroupHost } from '../resources/cgroup-host.ts';
import type { ContainerConfig, PodSandboxConfig } from '../spec/cri/api_pb.js';
import type { OciImageConfig } from '../spec/oci/image.ts';
import type { OciSpec } from '../spec/oci/runtime.ts';
import type { AppArmor } from './apparmor.ts';
import type { SelinuxLabels } from './selinux.ts';
import type { IdMappings } from './user-namespace.ts';

/** All that decides a container's config.json. Nothing else does: `buildSpec` is pure. */
export interface SpecInput {
  readonly containerId: string;
  readonly podId: string;
  readonly pod: PodSandboxConfig;
  readonly container: ContainerConfig;
  readonly image: {
    /** For the annotations, as the request names it. */
    readonly reference: string;
    readonly config: OciImageConfig;
  };
  readonly user: ResolvedUser;
  /** Absolute path of the mounted root file system. */
  readonly rootfs: string;
  readonly namespaces: NamespacePaths;
  /** Of the pod's user namespace; absent: the pod has the host's users. */
  readonly mappings?: IdMappings;
  readonly files: PodFiles;
  /** From `prepareSources`. */
  readonly sources: Sources;
  /** From `containerCgroup(…).ociPath`. */
  readonly cgroupsPath: string;
  readonly host: HostFacts;
  /** Absent: the host has no AppArmor. */
  readonly apparmor?: AppArmor;
  /** Absent: the container has the OCI runtime's. */
  readonly selinux?: SelinuxLabels;
  /** See `RuntimeQuirks`. */
  readonly ownKernel: boolean;
  readonly defaults: SpecDefaults;
}

export type SpecDefaults = Pick<
  Config,
  | 'defaultCapabilities'
  | 'addInheritableCapabilities'
  | 'defaultEnv'
  | 'defaultUlimits'
  | 'pidsLimit'
  | 'deviceOwnershipFromUser'
>;

/**
 * Paths of namespaces to join. What NamespaceOption demands must be there (`Internal` otherwise):
 * network and ipc for POD mode, pid for POD (the pause process's) and TARGET mode.
 * `uts` is joined when given; without it a host-network pod has the host's. `user` goes with `SpecInput.mappings`.
 */
export interface NamespacePaths {
  readonly network?: string;
  readonly ipc?: string;
  readonly uts?: string;
  readonly pid?: string;
  readonly user?: string;
}

/** Files of the pod on the host, bound into each of its containers unless the request mounts its own there. */
export interface PodFiles {
  readonly hosts?: string;
  readonly resolvConf?: string;
  readonly hostname?: string;
  /** The pod's tmpfs for /dev/shm; undefined: the host's /dev/shm (host IPC). */
  readonly shm?: string;
}

/** The user a container runs as: numbers only, and what its environment needs. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  /** `/` when the user is in no passwd file. */
  readonly home: string;
}

/** A device node of the host. */
export interface HostDevice {
  readonly path: string;
  readonly type: 'b' | 'c' | 'p';
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

/** What the container's request refers to on the host, looked at. */
export interface Sources {
  /** For each of ContainerConfig.mounts, in order: the host path with its links resolved. */
  readonly mounts: readonly { readonly source: string; readonly folder: boolean }[];
  /** Device nodes found for ContainerConfig.devices: `path` is the path in the container. */
  readonly devices: readonly { readonly device: HostDevice; readonly access: string }[];
  /** All the host's device nodes, when the container is privileged. */
  readonly hostDevices: readonly HostDevice[];
  /** The profile that a Localhost seccomp reference names, parsed. */
  readonly seccompProfile: Readonly<Record<string, unknown>> | undefined;
}

/** What this machine can do; read once at start. */
export interface HostFacts {
  /** Capabilities that the runtime's processes hold (permitted and bounding), as `CAP_NAME`. */
  readonly capabilities: ReadonlySet<string>;
  readonly kernel: { readonly major: number; readonly minor: number };
  /** As `process.arch` names it. */
  readonly architecture: string;
  readonly cgroups: CgroupHost;
  readonly seccomp: boolean;
  readonly apparmor: boolean;
  readonly selinux: boolean;
  /** Page sizes as cgroup files name them: `2MB`, `1GB`. */
  readonly hugePageSizes: readonly string[];
  /** The memory controller accounts swap. */
  readonly swapAccounting: boolean;
  /** oom_score_adj of this process: without CAP_SYS_RESOURCE a container cannot have a lower one. */
  readonly oomScoreAdj: number;
}

export interface BuiltSpec {
  readonly spec: OciSpec;
  /** What was asked for and could not be granted in full, for the log. */
  readonly notes: readonly string[];
}
