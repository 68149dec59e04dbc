import type { SignatureStores } from './registries-d.ts';

/**
 * crio.conf and its drop-ins, registries.conf and policy.json, as berthd uses them: defaults filled in,
 * names narrow. Sources: crio.conf(5), containers-registries.conf(5), containers-policy.json(5).
 */
export interface Config {
  /** Files that were read, lowest precedence first. */
  readonly files: readonly string[];
  /** Keys that were found and mean nothing to berthd, as `file:line: key`. */
  readonly ignored: readonly string[];
  /**
   * Persistent state: images. [crio.berth] root; default /var/lib/berth. Not [crio] root: what is there
   * is in another store's format, and both engines may be on one node during a migration.
   */
  readonly root: string;
  /** State that a reboot ends: records, pinned namespaces. [crio.berth] runroot; default /run/berth. */
  readonly runRoot: string;
  readonly listen: string;
  readonly grpcMaxMessageBytes: number;
  readonly stream: {
    readonly address: string;
    readonly port: number;
    readonly idleTimeoutSeconds: number;
    /** Paths of PEM files, read again whenever they change. Absent: plain HTTP. */
    readonly tls?: {
      readonly cert: string;
      readonly key: string;
      /** Clients must show a certificate that one of these signed. */
      readonly ca: string | undefined;
      readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
      /** Cipher suites by OpenSSL's names. Absent: Node's choice. */
      readonly ciphers?: string;
    };
  };
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';
  readonly cgroupManager: 'systemd' | 'cgroupfs';
  readonly defaultRuntime: string;
  readonly runtimes: ReadonlyMap<string, RuntimeHandler>;
  readonly defaultCapabilities: readonly string[];
  readonly addInheritableCapabilities: boolean;
  readonly defaultSysctls: Readonly<Record<string, string>>;
  readonly defaultEnv: readonly string[];
  readonly defaultUlimits: readonly { readonly type: string; readonly soft: number; readonly hard: number }[];
  readonly pidsLimit: number;
  /** Where files of the Container Device Interface are; those in a later folder go before those in an earlier. */
  readonly cdiSpecDirs: readonly string[];
  /** Label containers that ask for no SELinux label too. */
  readonly selinux: boolean;
  /** The AppArmor profile behind RuntimeDefault; absent: berth's own. */
  readonly apparmorProfile: string | undefined;
  /** Host paths of mounts that are an error when they are missing; others are made as folders. */
  readonly absentMountSourcesToReject: readonly string[];
  /** Device nodes that a container asks for belong to its user rather than to whom they belong on the host. */
  readonly deviceOwnershipFromUser: boolean;
  /** Bytes beyond which a container's log starts anew; undefined: the kubelet alone rotates logs. */
  readonly logSizeMax: number | undefined;
  /** Serve GetContainerEvents. Costs nothing while nobody listens, hence on unless switched off. */
  readonly enablePodEvents: boolean;
  /** What ContainerStats, PodSandboxStats and the metrics do: see `readStats`. */
  readonly stats: {
    /** Figures of the last so many seconds are told again; 0: each question reads. */
    readonly collectionPeriodSeconds: number;
    readonly includedPodMetrics: readonly MetricGroup[];
  };
  /** The Node Resource Interface: plugins that have a say in what containers get. */
  readonly nri: {
    readonly enabled: boolean;
    /** Socket to which plugins connect. */
    readonly listen: string;
    /** Whether they may. */
    readonly connections: boolean;
    /** Plugins in this folder are started by the daemon; their configuration is in the other. */
    readonly pluginDir: string;
    readonly pluginConfigDir: string;
    readonly registrationTimeoutMs: number;
    /** A plugin that takes longer to answer is dropped. */
    readonly requestTimeoutMs: number;
    /** What no plugin may adjust, and which must be there. Absent: nothing of that. */
    readonly validator?: {
      readonly rejectHooks: boolean;
      readonly rejectRuntimeDefaultSeccomp: boolean;
      readonly rejectUnconfinedSeccomp: boolean;
      readonly rejectCustomSeccomp: boolean;
      readonly rejectNamespaces: boolean;
      readonly rejectSysctls: boolean;
      /** By `name` or `10-name`. */
      readonly requiredPlugins: readonly string[];
      /** An annotation by which a pod does without them. */
      readonly tolerateMissingAnnotation?: string;
    };
  };
  readonly pauseImage: string;
  readonly cni: {
    readonly defaultNetwork: string | undefined;
    readonly networkDir: string;
    readonly pluginDirs: readonly string[];
  };
  readonly registries: RegistriesConfig;
  /** Logins at registries for requests that bring none; containers-auth.json(5). Read at each pull. */
  readonly globalAuthFile: string | undefined;
  readonly policy: SignaturePolicy;
}

/** Which images may be pulled: containers-policy.json(5), parsed; the images room gives it meaning. */
export interface SignaturePolicy {
  /** Where it was read, for those who are to change it. */
  readonly file: string;
  readonly content: unknown;
}

/** What `included_pod_metrics` can name: crio.conf(5), CRIO.STATS TABLE. */
export type MetricGroup =
  | 'cpu'
  | 'disk'
  | 'diskIO'
  | 'hugetlb'
  | 'memory'
  | 'network'
  | 'oom'
  | 'pressure'
  | 'process'
  | 'spec';

/** An OCI runtime by the name that a pod asks for (RuntimeClass handler). */
export interface RuntimeHandler {
  readonly name: string;
  readonly path: string;
  readonly root: string;
  /** Further words of its command line, before the verb. [crio.berth.runtimes.NAME] args. */
  readonly args: readonly string[];
  /**
   * `path` is a shim of containerd's API, version 2, such as Kata's, and no OCI runtime: runtime_type "vm". With the file
   * that configures it, if it is told of one.
   */
  readonly vm?: { readonly configPath?: string };
  /** Privileged containers get no devices but those that they ask for. */
  readonly privilegedWithoutHostDevices: boolean;
  /** Annotations of pods that change something, by their names or how these begin; others are inert. */
  readonly allowedAnnotations: readonly string[];
}

export interface RegistriesConfig {
  readonly unqualifiedSearch: readonly string[];
  readonly shortNameMode: 'enforcing' | 'permissive' | 'disabled';
  readonly aliases: Readonly<Record<string, string>>;
  readonly registries: readonly {
    readonly prefix: string;
    readonly location: string;
    readonly insecure: boolean;
    readonly blocked: boolean;
    readonly mirrors: readonly {
      readonly location: string;
      readonly insecure: boolean;
      /** Absent: the mirror serves every reference. */
      readonly pullFrom?: 'digest-only' | 'tag-only';
    }[];
  }[];
  /** registries.d; absent: nobody has asked for it. */
  readonly signatures?: SignatureStores;
}
