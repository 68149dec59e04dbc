import { dirname, resolve } from 'node:path';
import semver from 'semver';
import { parseHop } from './jump-host.ts';
import type {
  GceInstance,
  HostAddress,
  HostEntry,
  KubernetesJoin,
  KubernetesSpec,
  Profile,
  ProxyAddress,
  RegistryLogin,
  SecretSource,
  Spec,
  SshEntry,
} from './profile.ts';
import { hasLogin, secretAddress } from './proxy-address.ts';
import type { ResolvedHost, ResolvedProfile } from './resolve-hosts.ts';
import type { HostForm, SecretForm, SpecForm } from './schema.ts';
import { type Path, type Tree, treeAt } from './tree.ts';
import { declarationKey } from './variables.ts';

type SshForm = NonNullable<HostForm['ssh']>;

/** Every node needs these, whatever else a profile lists. */
const neededModules = ['overlay', 'br_netfilter'];
const neededSysctls = {
  'net.ipv4.ip_forward': '1',
  'net.bridge.bridge-nf-call-iptables': '1',
  'net.bridge.bridge-nf-call-ip6tables': '1',
};

/** `file` is where it is mentioned. */
const secretSource = (form: SecretForm, file: string): SecretSource => {
  if (form.env !== undefined) return { kind: 'env', name: form.env };
  if (form.file !== undefined) return { kind: 'file', path: form.file };
  if (form.command !== undefined)
    return { kind: 'command', argv: form.command, folder: dirname(resolve(file)) };
  if (form.age !== undefined) return { kind: 'age', path: form.age, identity: form.identity ?? '' };
  if (form.sops !== undefined) return { kind: 'sops', path: form.sops.file, key: form.sops.key };
  return { kind: 'prompt' };
};

/** Answers the source of the secret that stands at a path of a host's tree. */
type SecretAt = (form: SecretForm | undefined, path: Path) => SecretSource | undefined;

/**
 * Makes one source of each mention in the files: hosts that share `defaults` share the object, so that a password is
 * asked for once and not once per host.
 */
const secretsIn =
  (made: Map<string, SecretSource>, tree: Tree): SecretAt =>
  (form, path) => {
    if (form === undefined) return undefined;
    const place = treeAt(tree, path);
    const key = place === undefined ? path.join('.') : declarationKey(place);
    const source = made.get(key) ?? secretSource(form, place?.place.source.file ?? '');
    made.set(key, source);
    return source;
  };

/** Keys that the form does not have are left out, so that the entry says what the profile says. */
const said = <Key extends string, Value>(key: Key, value: Value | undefined): { [_ in Key]?: Value } =>
  value === undefined ? {} : ({ [key]: value } as { [_ in Key]?: Value });

type SshKeys = Omit<SshForm, 'host' | 'hostKeyAlias' | 'jump'>;

const sshKeys = (form: SshKeys, secret: SecretAt, path: Path) => ({
  port: form.port,
  user: form.user,
  identityFiles: form.identityFiles ?? [],
  password: secret(form.password, [...path, 'password']),
  knownHostsFiles: form.knownHostsFiles ?? [],
  ...said('certificateFiles', form.certificateFiles),
  ...said('transport', form.transport),
  ...said('connectTimeoutSeconds', form.connectTimeout),
  ...said('configFile', form.configFile),
  ...said('useConfig', form.useConfig),
});

type JumpForm = NonNullable<SshForm['jump']>[number];

/** A jump host shares where ssh_config lies with the host behind it, and nothing else. */
const jumpHost = (
  form: JumpForm,
  way: Pick<SshForm, 'configFile' | 'useConfig'>,
  secret: SecretAt,
  path: Path,
): SshEntry => {
  const hop = typeof form === 'string' ? parseHop(form) : form;
  // The schema let no other text pass.
  if (typeof hop === 'string') throw new Error(hop);
  const keys: SshKeys & { hostKeyAlias?: string | undefined } = { ...way, ...hop };
  return { host: hop.host, ...said('hostKeyAlias', keys.hostKeyAlias), ...sshKeys(keys, secret, path) };
};

const sshEntry = (form: SshForm, secret: SecretAt): SshEntry => {
  const jump = form.jump?.map((hop, index) => jumpHost(hop, form, secret, ['ssh', 'jump', index]));
  return {
    host: form.host,
    ...said('hostKeyAlias', form.hostKeyAlias),
    ...said('jump', jump),
    ...sshKeys(form, secret, ['ssh']),
  };
};

type GceForm = NonNullable<HostForm['gce']>;

const gceInstance = (form: GceForm, host: string, secret: SecretAt): GceInstance => ({
  project: form.project,
  zone: form.zone,
  instance: form.instance ?? host.toLowerCase(),
  machineType: form.machineType ?? 'e2-standard-2',
  image: {
    ...(form.image === undefined
      ? { kind: 'family', name: form.imageFamily ?? 'debian-12' }
      : { kind: 'image', name: form.image }),
    project: form.imageProject ?? 'debian-cloud',
  },
  disk: { sizeGb: form.disk?.sizeGb, type: form.disk?.type ?? 'pd-balanced' },
  network: {
    name: form.network?.name ?? 'default',
    subnetwork: form.network?.subnetwork,
    externalAddress: form.network?.externalAddress ?? true,
    tags: form.network?.tags ?? [],
  },
  spot: form.spot ?? false,
  labels: form.labels ?? {},
  serviceAccount: form.serviceAccount,
  user: form.user ?? 'berth',
  identityFile: form.identityFile,
  osLogin: form.osLogin ?? false,
  jump: form.jump?.map((hop, index) => jumpHost(hop, {}, secret, ['gce', 'jump', index])),
});

/** `file` is where the host is mentioned. */
const hostAddress = (form: HostForm, file: string, secret: SecretAt): HostAddress => {
  if (form.ssh) return { kind: 'ssh', ssh: sshEntry(form.ssh, secret) };
  if (form.gce) return { kind: 'gce', gce: gceInstance(form.gce, form.name, secret) };
  if (form.vagrant) {
    const { machine, directory = dirname(resolve(file)) } = form.vagrant;
    return { kind: 'vagrant', vagrant: { machine, directory } };
  }
  return form.embedded ? { kind: 'embedded', embedded: form.embedded } : { kind: 'local' };
};

/** A host whose form is known to be right. */
export interface HostParts {
  readonly host: ResolvedHost;
  readonly access: HostForm;
  readonly spec: SpecForm;
}

const hostEntry = ({ host, access }: HostParts, spec: Spec, secret: SecretAt): HostEntry => ({
  name: access.name,
  groups: host.groups,
  address: hostAddress(access, host.tree.place.source.file, secret),
  sudo: access.sudo ?? true,
  sudoPassword: secret(access.sudoPassword, ['sudoPassword']),
  spec,
});

/** sysctl writes true and false as 1 and 0; so do we. */
const sysctlText = (value: string | number | boolean): string =>
  typeof value === 'boolean' ? String(Number(value)) : String(value);

const specOf = ({ kubernetes, ...form }: SpecForm, secret: SecretAt): Spec => ({
  ...form,
  registries: {
    ...form.registries,
    auth: form.registries.auth.map((login, index) => loginOf(login, secret, index)),
  },
  proxy: {
    no: form.proxy.no,
    ...said('http', proxyAddress(form.proxy.http, secret, 'http')),
    ...said('https', proxyAddress(form.proxy.https, secret, 'https')),
  },
  crictl: { ...form.crictl, version: semver.clean(form.crictl.version) ?? form.crictl.version },
  // Networks that are written beside another CNI are nobody's: the default ones always are.
  cni: { ...form.cni, networks: form.cni.provider === 'other' ? [] : form.cni.networks },
  ...said('kubernetes', kubernetes && kubernetesOf(kubernetes, secret)),
  kernel: {
    modules: [...new Set([...neededModules, ...form.kernel.modules])],
    sysctls: {
      ...neededSysctls,
      ...Object.fromEntries(
        Object.entries(form.kernel.sysctls).map(([name, value]) => [name, sysctlText(value)]),
      ),
    },
  },
  artifacts: {
    source: form.artifacts.source,
    mirror: form.artifacts.mirror,
    folder: form.artifacts.folder,
  },
});

const proxyAddress = (
  form: SpecForm['proxy']['http'],
  secret: SecretAt,
  key: 'http' | 'https',
): ProxyAddress | undefined => {
  if (typeof form !== 'string') return secret(form, ['spec', 'proxy', key]);
  return hasLogin(form) ? { kind: 'profile', value: secretAddress(form) } : form;
};

type LoginForm = SpecForm['registries']['auth'][number];

const loginOf = (form: LoginForm, secret: SecretAt, index: number): RegistryLogin => {
  const password = secret(form.password, ['spec', 'registries', 'auth', index, 'password']);
  if (password === undefined) throw new Error('a login has a password');
  return { registry: form.registry, username: form.username, password };
};

type KubernetesForm = NonNullable<SpecForm['kubernetes']>;

const kubernetesOf = ({ join, ...form }: KubernetesForm, secret: SecretAt): KubernetesSpec => ({
  ...form,
  version: semver.clean(form.version) ?? form.version,
  ...said('join', join && joinOf(join, secret)),
});

const joinOf = (form: NonNullable<KubernetesForm['join']>, secret: SecretAt): KubernetesJoin => {
  const at = (key: string): Path => ['spec', 'kubernetes', 'join', key];
  const token = secret(form.token, at('token'));
  if (token === undefined) throw new Error('a cluster is joined with a token');
  const { endpoint, caCertHashes } = form;
  return {
    endpoint,
    token,
    caCertHashes,
    ...said('certificateKey', secret(form.certificateKey, at('certificateKey'))),
  };
};

/** The profile of valid forms. Hosts of which the same is said share their spec. */
export const buildProfile = (resolved: ResolvedProfile, parts: readonly HostParts[]): Profile => {
  const made = new Map<string, SecretSource>();
  const specs = new Map<SpecForm, Spec>();
  const hosts = parts.map((part) => {
    const secret = secretsIn(made, part.host.tree);
    const spec = specs.get(part.spec) ?? specOf(part.spec, secret);
    specs.set(part.spec, spec);
    return hostEntry(part, spec, secret);
  });
  return { file: resolved.file, sources: resolved.sources, hosts };
};
