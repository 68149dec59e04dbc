import type { ArtifactSources } from '../artifacts/sources.ts';
import type { Secret } from '../core/secret.ts';

/**
 * The profile, parsed: every default filled in, every value in its narrow type.
 * docs/profile.md describes each key; `schema.ts` is the one place that knows the YAML form.
 */
export interface Profile {
  /** Path of the YAML file, for messages. */
  readonly file: string;
  /** The texts that it was made of: what `setInProfile` edits. */
  readonly sources: ProfileSources;
  readonly hosts: readonly HostEntry[];
}

/** How a host is reached, and how berth becomes root there. */
export interface HostAccess {
  readonly name: string;
  readonly address: HostAddress;
  /** Run as root through sudo when the login user is not root. */
  readonly sudo: boolean;
  /** Where the sudo password comes from; undefined: passwordless. */
  readonly sudoPassword: SecretSource | undefined;
}

/** Everything that a profile is made of; the same sources make the same profile. */
export interface ProfileSources {
  /** The profile, its includes and overlays; those of lower precedence first. */
  readonly files: readonly SourceText[];
  /** Values of variables from the command line, as NAME=VALUE. */
  readonly set: readonly string[];
  /** Values of variables that are no secrets and come from outside, by where they are declared. */
  readonly external: ReadonlyMap<string, string>;
}

export interface SourceText {
  /** Path of the file, for messages and for the paths that stand in it. */
  readonly file: string;
  readonly text: string;
  readonly role: 'profile' | 'include' | 'overlay';
}

export interface HostEntry extends HostAccess {
  /** Groups that the host is in, in the order in which they are laid over the profile. */
  readonly groups: readonly string[];
  /** What this host should be: the profile's spec, with what its groups and the host itself say otherwise. */
  readonly spec: Spec;
}

export type HostAddress =
  | { readonly kind: 'ssh'; readonly ssh: SshEntry }
  | { readonly kind: 'local' }
  | { readonly kind: 'embedded'; readonly embedded: EmbeddedAddress }
  | { readonly kind: 'vagrant'; readonly vagrant: VagrantMachine }
  | { readonly kind: 'gce'; readonly gce: GceInstance };

/** What the profile says of a host over SSH. What it leaves open comes from ssh_config(5), then from defaults. */
export interface SshEntry {
  /** A name, an address, or an alias of ssh_config. */
  readonly host: string;
  readonly port: number | undefined;
  readonly user: string | undefined;
  readonly identityFiles: readonly string[];
  readonly password: SecretSource | undefined;
  readonly knownHostsFiles: readonly string[];
  /** User certificates that belong to the identities. */
  readonly certificateFiles?: readonly string[];
  readonly hostKeyAlias?: string;
  /** Hosts to pass on the way, the nearest first. Empty: none, whatever ssh_config says. */
  readonly jump?: readonly SshEntry[];
  readonly transport?: SshTransport;
  readonly connectTimeoutSeconds?: number;
  /** The one ssh_config file to read; without it those that ssh reads. */
  readonly configFile?: string;
  /** False: no ssh_config is read. */
  readonly useConfig?: boolean;
}

/** `auto`: ssh2, and OpenSSH for what ssh2 cannot do. */
export type SshTransport = 'auto' | 'ssh2' | 'openssh';

/** How a host is reached over SSH, with everything that ssh_config adds to the profile. */
export interface SshAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Private key files; empty: the agent, then the usual files in ~/.ssh. */
  readonly identityFiles: readonly string[];
  readonly password: SecretSource | undefined;
  /** known_hosts files; empty: ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts. */
  readonly knownHostsFiles: readonly string[];
  /** Offer `identityFiles` and nothing else. Without a word: exactly when there are some. */
  readonly identitiesOnly?: boolean;
  /** Socket of the agent; `none`: use no agent. Without it $SSH_AUTH_SOCK says. */
  readonly agent?: string;
  readonly certificateFiles?: readonly string[];
  /** The name that known_hosts has for the host. */
  readonly hostKeyAlias?: string;
  /** Signature algorithms of host keys, best first, as ssh_config names them. */
  readonly hostKeyAlgorithms?: readonly string[];
  readonly jump?: readonly SshAddress[];
  readonly connectTimeoutSeconds?: number;
  /** Seconds between two questions to a silent host, and how many may stay unanswered. */
  readonly aliveIntervalSeconds?: number;
  readonly aliveCountMax?: number;
  readonly transport?: SshTransport;
  /** What ssh_config asks for and ssh2 cannot do, in its words, e.g. `ProxyCommand`. */
  readonly beyondSsh2?: readonly string[];
  /** What the profile says itself: OpenSSH reads the rest on its own. */
  readonly written?: SshEntry;
  /** What the person should know about how this was found out. */
  readonly remarks?: readonly string[];
}

/** A throw-away host of systemd-nspawn on this machine. */
export interface EmbeddedAddress {
  /** Names the bridge, network namespace and cgroups: at most 9 characters of a-z and 0-9. */
  readonly name: string;
  /** First three octets of the /24 between this machine and the host. */
  readonly network: string;
}

/** A machine of a Vagrantfile. */
export interface VagrantMachine {
  readonly machine: string;
  /** Absolute: where the Vagrantfile lies. */
  readonly directory: string;
}

/** An instance of Google Compute Engine: how it is found, and what it is made as where there is none. */
export interface GceInstance {
  readonly project: string;
  readonly zone: string;
  readonly instance: string;
  readonly machineType: string;
  readonly image: { readonly kind: 'image' | 'family'; readonly name: string; readonly project: string };
  /** `sizeGb` undefined: as the image asks. */
  readonly disk: { readonly sizeGb: number | undefined; readonly type: string };
  readonly network: {
    readonly name: string;
    readonly subnetwork: string | undefined;
    readonly externalAddress: boolean;
    readonly tags: readonly string[];
  };
  readonly spot: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string | undefined;
  readonly user: string;
  /** Undefined: a key that is made for the instance. */
  readonly identityFile: string | undefined;
  readonly osLogin: boolean;
  readonly jump: readonly SshEntry[] | undefined;
}

/** Where a secret is read from when it is needed; the value itself never enters the profile, a plan or a log. */
export type SecretSource =
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'prompt' }
  /** It stands in the profile itself. */
  | { readonly kind: 'profile'; readonly value: Secret }
  /** Standard output of a program of this machine, which runs in `folder`. */
  | { readonly kind: 'command'; readonly argv: readonly string[]; readonly folder: string }
  | { readonly kind: 'age'; readonly path: string; readonly identity: string }
  /** `key`: the keys on the way to the value, with dots between them. */
  | { readonly kind: 'sops'; readonly path: string; readonly key: string };

/** Reads a secret where it comes from, each source once. `what` says what it is for, for questions and messages. */
export type SecretOf = (source: SecretSource, what: string) => Promise<Secret>;

export interface Spec {
  /** Folder of templates of the user: they take the place of berth's, or add files. */
  readonly templates?: string | undefined;
  readonly engine: EngineSpec;
  readonly ociRuntimes: readonly OciRuntime[];
  readonly crictl: { readonly version: string; readonly source: 'pinned' | 'package' };
  readonly cni: {
    /** `other`: a CNI that is not berth's brings its own configuration, and there are no networks here. */
    readonly provider: 'berth' | 'other';
    readonly plugins: {
      readonly source: ProgramSource;
      readonly version?: string | undefined;
      readonly sha256?: ReleaseChecksums | undefined;
    };
    readonly networks: readonly CniNetwork[];
    readonly pluginDirs: readonly string[];
  };
  readonly registries: Registries;
  readonly policy: { readonly default: 'accept' | 'reject'; readonly rules: readonly PolicyRule[] };
  readonly kernel: {
    readonly modules: readonly string[];
    readonly sysctls: Readonly<Record<string, string>>;
  };
  readonly swap: 'keep' | 'off';
  readonly timeSync: 'keep' | 'timesyncd' | 'chrony';
  readonly proxy: ProxySpec;
  readonly packages: {
    readonly extra: readonly string[];
    /** What becomes of packages that an image-based host lacks. */
    readonly ostree: 'refuse' | 'layer';
  };
  readonly artifacts: ArtifactSources;
  /** Undefined: the host is no node of Kubernetes as far as berth is concerned. */
  readonly kubernetes?: KubernetesSpec | undefined;
  /** How many applies a host remembers the way back of. */
  readonly generations: { readonly keep: number };
  readonly verify: VerifySpec;
}

/** What makes the host a node of a cluster. */
export interface KubernetesSpec {
  /** Of kubelet, kubeadm and kubectl alike; without a leading v. */
  readonly version: string;
  /** `standalone`: a kubelet without a cluster. `none`: prepared, and left to others. */
  readonly role: 'control-plane' | 'worker' | 'standalone' | 'none';
  readonly source: 'artifacts' | 'packages';
  /** Of the packages; undefined: the project's own. */
  readonly repository?: string | undefined;
  readonly keySha256?: string | undefined;
  readonly kubelet: {
    readonly maxPods: number;
    readonly labels: Readonly<Record<string, string>>;
    readonly ignorePreflightErrors: readonly string[];
  };
  readonly init: KubernetesInit;
  /** Undefined: the first control plane of the profile is the cluster to join. */
  readonly join?: KubernetesJoin | undefined;
  readonly drain: {
    readonly enabled: boolean;
    readonly timeoutSeconds: number;
    readonly deleteEmptyDirData: boolean;
  };
}

/** The cluster that the first control plane makes. */
export interface KubernetesInit {
  readonly controlPlaneEndpoint?: string | undefined;
  readonly serviceSubnet: string;
  readonly podSubnet?: string | undefined;
  readonly dnsDomain: string;
  readonly imageRepository: string;
  readonly certSans: readonly string[];
  readonly schedulable: boolean;
  readonly skipPhases: readonly string[];
}

/** A cluster beyond the profile. */
export interface KubernetesJoin {
  readonly endpoint: string;
  readonly token: SecretSource;
  readonly caCertHashes: readonly string[];
  readonly certificateKey?: SecretSource | undefined;
}

/** An address without a login as text; any other is a secret. */
export type ProxyAddress = string | SecretSource;

export interface ProxySpec {
  readonly http?: ProxyAddress | undefined;
  readonly https?: ProxyAddress | undefined;
  /** Besides the host itself and its pod ranges. */
  readonly no: readonly string[];
}

/** `cri-o` alone has the other keys. */
export interface EngineSpec {
  readonly name: 'berth' | 'cri-o';
  /** `1.35.2`, or where packages decide about the patch `1.35`. */
  readonly version?: string | undefined;
  readonly source?: 'packages' | 'upstream' | 'static' | 'source' | undefined;
  readonly sha256?: ReleaseChecksums | undefined;
  readonly buildTags?: readonly ('seccomp' | 'apparmor' | 'selinux')[] | undefined;
  readonly repository?: string | undefined;
  readonly keySha256?: string | undefined;
}

export type ProgramSource = 'package' | 'release' | 'source';

/** sha256 of a release's file, by architecture. */
export interface ReleaseChecksums {
  readonly x64?: string | undefined;
  readonly arm64?: string | undefined;
}

export interface OciRuntime {
  /** Handler name; the first entry is the default. */
  readonly name: 'runc' | 'crun' | 'runsc' | 'kata' | 'bwrap-oci';
  readonly source: ProgramSource;
  readonly version?: string | undefined;
  readonly sha256?: ReleaseChecksums | undefined;
  /** Words of its command line before the verb. */
  readonly args: readonly string[];
}

export interface CniNetwork {
  readonly name: string;
  readonly type: 'bridge';
  readonly bridge: string;
  /** CIDRs, IPv4 or IPv6. */
  readonly subnets: readonly string[];
  /** `node`: one nftables/iptables rule set owned by berth. `plugin`: ipMasq, dearer per pod. `none`. */
  readonly masquerade: 'node' | 'plugin' | 'none';
}

/** Whose images may run, by where they are: containers-policy.json(5). */
export interface PolicyRule {
  readonly images: string;
  readonly type: 'accept' | 'reject' | 'signedBy' | 'sigstoreSigned';
  /** OpenPGP keys in armour, or a public key in PEM. */
  readonly key?: string | undefined;
  readonly identity: 'matchRepoDigestOrExact' | 'matchExact' | 'matchRepository';
  /** Server, or folder of the host, with OpenPGP signatures. */
  readonly lookaside?: string | undefined;
}

export interface Registries {
  readonly unqualifiedSearch: readonly string[];
  readonly insecure: readonly string[];
  readonly blocked: readonly string[];
  readonly mirrors: readonly { readonly registry: string; readonly mirrors: readonly string[] }[];
  readonly auth: readonly RegistryLogin[];
}

/** The node's own login at a registry, for images whose pod brings none. */
export interface RegistryLogin {
  /** A registry, or a prefix of image names. */
  readonly registry: string;
  readonly username: string;
  readonly password: SecretSource;
}

export interface VerifySpec {
  readonly level: VerifyLevel;
  /** The image of the redis walk-through. */
  readonly image: string;
  /**
   * `registry`: the host pulls `image` from where it names. `embedded`: berth builds the image from
   * Debian's redis package and serves it on the host's loopback, at the port that `image` names.
   */
  readonly imageSource: 'registry' | 'embedded';
  /** A pod takes this port of the host for a moment. */
  readonly hostPort: number;
  /** critest's images that are not its own; without a default image it takes `image`. */
  readonly critestImages: {
    readonly defaultTestContainerImage?: string | undefined;
    readonly webServerTestImage?: string | undefined;
  };
}

/** Each has all checks of the ones before it. */
export type VerifyLevel = 'smoke' | 'node' | 'full';
