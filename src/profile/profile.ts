import type { ArtifactSources } from '../artifacts/sources.ts';

/**
 * The profile, parsed: every default filled in, every value in its narrow type.
 * docs/profile.md describes each key; `schema.ts` is the one place that knows the YAML form.
 */
export interface Profile {
  /** Path of the YAML file, for messages. */
  readonly file: string;
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

export interface HostEntry extends HostAccess {
  /** What this host should be: the profile's spec, with what its groups and the host itself say otherwise. */
  readonly spec: Spec;
}

export type HostAddress =
  | { readonly kind: 'ssh'; readonly ssh: SshAddress }
  | { readonly kind: 'local' }
  | { readonly kind: 'embedded'; readonly embedded: EmbeddedAddress };

export interface SshAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Private key files; empty: the agent, then the usual files in ~/.ssh. */
  readonly identityFiles: readonly string[];
  readonly password: SecretSource | undefined;
  /** known_hosts files; empty: ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts. */
  readonly knownHostsFiles: readonly string[];
}

/** A throw-away host of systemd-nspawn on this machine. */
export interface EmbeddedAddress {
  /** Names the bridge, network namespace and cgroups: at most 9 characters of a-z and 0-9. */
  readonly name: string;
  /** First three octets of the /24 between this machine and the host. */
  readonly network: string;
}

/** Where a secret is read from when it is needed; the value itself never enters the profile, a plan or a log. */
export type SecretSource =
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'prompt' };

export interface Spec {
  readonly engine: { readonly name: 'berth' };
  readonly ociRuntimes: readonly OciRuntime[];
  readonly crictl: { readonly version: string };
  readonly cni: { readonly networks: readonly CniNetwork[]; readonly pluginDirs: readonly string[] };
  readonly registries: Registries;
  readonly policy: { readonly default: 'accept' | 'reject' };
  readonly kernel: {
    readonly modules: readonly string[];
    readonly sysctls: Readonly<Record<string, string>>;
  };
  readonly packages: { readonly extra: readonly string[] };
  readonly artifacts: ArtifactSources;
  readonly verify: VerifySpec;
}

export interface OciRuntime {
  /** Handler name; the first entry is the default. */
  readonly name: 'runc' | 'crun';
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

export interface Registries {
  readonly unqualifiedSearch: readonly string[];
  readonly insecure: readonly string[];
  readonly blocked: readonly string[];
  readonly mirrors: readonly { readonly registry: string; readonly mirrors: readonly string[] }[];
}

export interface VerifySpec {
  readonly level: 'smoke' | 'node';
  /** The image of the redis walk-through. */
  readonly image: string;
  /**
   * `registry`: the host pulls `image` from where it names. `embedded`: berth builds the image from
   * Debian's redis package and serves it on the host's loopback, at the port that `image` names.
   */
  readonly imageSource: 'registry' | 'embedded';
}
