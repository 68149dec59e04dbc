import { homedir, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import semver from 'semver';
import type { HostAddress, HostEntry, Profile, SecretSource, Spec, SshAddress } from './profile.ts';
import type { ProfileForm, SecretForm } from './schema.ts';

type HostForm = ProfileForm['hosts'][number];
type SshForm = NonNullable<HostForm['ssh']>;

/** Every node needs these, whatever else a profile lists. */
const neededModules = ['overlay', 'br_netfilter'];
const neededSysctls = {
  'net.ipv4.ip_forward': '1',
  'net.bridge.bridge-nf-call-iptables': '1',
  'net.bridge.bridge-nf-call-ip6tables': '1',
};

/** Turns a path of the profile into an absolute one: `~/` is the home folder, others start where the profile is. */
type PathOf = (path: string) => string;

const pathIn =
  (folder: string): PathOf =>
  (path) =>
    path.startsWith('~/') ? join(homedir(), path.slice(2)) : resolve(folder, path);

const secretSource = (form: SecretForm, pathOf: PathOf): SecretSource => {
  if (form.env !== undefined) return { kind: 'env', name: form.env };
  return form.file !== undefined ? { kind: 'file', path: pathOf(form.file) } : { kind: 'prompt' };
};

/**
 * Makes one source of each mention in the file: hosts that share `defaults` share the object, so that a password is
 * asked for once and not once per host.
 */
const secretReader = (pathOf: PathOf): ((form: SecretForm | undefined) => SecretSource | undefined) => {
  const made = new Map<SecretForm, SecretSource>();
  return (form) => {
    if (form === undefined) return undefined;
    const source = made.get(form) ?? secretSource(form, pathOf);
    made.set(form, source);
    return source;
  };
};

interface Merge {
  readonly defaults: ProfileForm['defaults'];
  readonly pathOf: PathOf;
  readonly secret: (form: SecretForm | undefined) => SecretSource | undefined;
}

const sshAddress = (form: SshForm, { defaults, pathOf, secret }: Merge): SshAddress => ({
  host: form.host,
  port: form.port ?? defaults.ssh?.port ?? 22,
  user: form.user ?? defaults.ssh?.user ?? userInfo().username,
  identityFiles: (form.identityFiles ?? defaults.ssh?.identityFiles ?? []).map(pathOf),
  password: secret(form.password ?? defaults.ssh?.password),
  knownHostsFiles: (form.knownHostsFiles ?? defaults.ssh?.knownHostsFiles ?? []).map(pathOf),
});

const hostAddress = (form: HostForm, merge: Merge): HostAddress => {
  if (form.ssh) return { kind: 'ssh', ssh: sshAddress(form.ssh, merge) };
  return form.embedded ? { kind: 'embedded', embedded: form.embedded } : { kind: 'local' };
};

const hostEntry = (form: HostForm, spec: Spec, merge: Merge): HostEntry => ({
  name: form.name,
  address: hostAddress(form, merge),
  sudo: form.sudo ?? merge.defaults.sudo ?? true,
  sudoPassword: merge.secret(form.sudoPassword ?? merge.defaults.sudoPassword),
  spec,
});

/** sysctl writes true and false as 1 and 0; so do we. */
const sysctlText = (value: string | number | boolean): string =>
  typeof value === 'boolean' ? String(Number(value)) : String(value);

const specOf = (form: ProfileForm['spec'], pathOf: PathOf): Spec => ({
  ...form,
  crictl: { version: semver.clean(form.crictl.version) ?? form.crictl.version },
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
    folder: form.artifacts.folder === undefined ? undefined : pathOf(form.artifacts.folder),
  },
});

/** The profile of a valid form: defaults merged into the hosts, paths absolute. */
export const buildProfile = (file: string, form: ProfileForm): Profile => {
  const pathOf = pathIn(dirname(resolve(file)));
  const merge: Merge = { defaults: form.defaults, pathOf, secret: secretReader(pathOf) };
  const spec = specOf(form.spec, pathOf);
  return { file, hosts: form.hosts.map((host) => hostEntry(host, spec, merge)) };
};
