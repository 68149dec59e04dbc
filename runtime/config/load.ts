import { Fail } from '../core/fail.ts';
import { cipherSuites } from './cipher-suites.ts';
import type { Config } from './config.ts';
import { readNri } from './nri.ts';
import { readPolicy } from './policy.ts';
import { absolutePath, assignment, duration, flag, integer, listOf, oneOf, text, ulimit } from './readers.ts';
import { readRegistries } from './registries.ts';
import { readRegistriesD } from './registries-d.ts';
import { emptyOr, readRuntimes } from './runtimes.ts';
import { NotAsExpected, type Reader, Settings } from './settings.ts';
import { socketPath } from './socket-path.ts';
import { readStats } from './stats.ts';
import { listDropIns, readToml, type TomlFile } from './toml-file.ts';

/** Where the configuration is read from; every default is the path that the man pages name. */
export interface ConfigSources {
  /** /etc/crio/crio.conf; may be missing. */
  readonly file?: string;
  /** /etc/crio/crio.conf.d; files in byte order, later ones win per key. */
  readonly dropInDir?: string;
  /** /etc/containers/registries.conf; may be missing. */
  readonly registriesFile?: string;
  /** /etc/containers/registries.conf.d */
  readonly registriesDir?: string;
  /** /etc/containers/registries.d: where signatures lie. */
  readonly signaturesDir?: string;
  /** /etc/containers/policy.json, unless crio.conf's signature_policy names another. */
  readonly policyFile?: string;
  /** For PATH, where runtimes are looked up. */
  readonly env?: NodeJS.ProcessEnv;
}

/** Reads everything, fills in defaults. Fails `InvalidArgument` naming file:line and the remedy. */
export const loadConfig = async ({
  file = '/etc/crio/crio.conf',
  dropInDir = '/etc/crio/crio.conf.d',
  registriesFile = '/etc/containers/registries.conf',
  registriesDir = '/etc/containers/registries.conf.d',
  signaturesDir = '/etc/containers/registries.d',
  policyFile = '/etc/containers/policy.json',
  env = process.env,
}: ConfigSources = {}): Promise<Config> => {
  const own = await readLayers(file, dropInDir);
  const registryFiles = await readLayers(registriesFile, registriesDir);
  const settings = new Settings(own.files);
  const registries = readRegistries(registryFiles.files);

  const roots = readRoots(settings);
  const { unusable, ...runtimes } = await readRuntimes(settings, roots.runRoot, env);
  const shortNameMode = settings.take(
    'crio.image.short_name_mode',
    emptyOr(oneOf('enforcing', 'permissive', 'disabled')),
  );
  const policyPath = settings.take('crio.image.signature_policy', emptyOr(absolutePath)) ?? policyFile;
  const config = {
    ...roots,
    ...readApi(settings),
    ...readRuntime(settings),
    ...runtimes,
    stats: readStats(settings),
    nri: readNri(settings),
    pauseImage: settings.take('crio.image.pause_image', emptyOr(text)) ?? 'registry.k8s.io/pause:3.10.1',
    cni: readNetwork(settings),
    registries: {
      ...registries.config,
      shortNameMode: shortNameMode ?? registries.config.shortNameMode,
      signatures: await readRegistriesD(signaturesDir),
    },
    globalAuthFile: settings.take('crio.image.global_auth_file', emptyOr(absolutePath)),
    policy: await readPolicy(policyPath),
  };
  return {
    ...config,
    files: [...[...own.files, ...registryFiles.files].map(({ path }) => path), policyPath],
    ignored: [
      ...settings.leftOver().map(withoutEffect),
      ...registries.ignored,
      ...unusable,
      ...own.unread,
      ...registryFiles.unread,
    ],
  };
};

/** A file and its drop-ins, lowest precedence first, and what lies among the drop-ins without being one. */
const readLayers = async (
  file: string,
  dropInDir: string,
): Promise<{ readonly files: readonly TomlFile[]; readonly unread: readonly string[] }> => {
  const dropIns = await listDropIns(dropInDir);
  const files = await Promise.all([file, ...dropIns.files].map(readToml));
  return {
    files: files.filter((each) => each !== undefined),
    unread: dropIns.others.map((path) => `${path}: not read, its name does not end in .conf`),
  };
};

/** Keys of CRI-O that people rely on, and what says the same here. */
const INSTEAD: Readonly<Record<string, string>> = {
  'crio.root': 'the place of images is [crio.berth] root; what is here belongs to another store',
  'crio.runroot': 'the place of records is [crio.berth] runroot',
  'crio.runtime.seccomp_profile':
    'RuntimeDefault is the built-in profile; a pod may name a file with Localhost',
  'crio.runtime.hooks_dir': 'OCI hooks are not run',
  'crio.runtime.read_only': 'a container has a read-only root when its request says so',
};

const withoutEffect = ({ key, where }: { readonly key: string; readonly where: string }): string =>
  INSTEAD[key] === undefined ? `${where}: ${key}` : `${where}: ${key}: ${INSTEAD[key]}`;

const readRoots = (settings: Settings): Pick<Config, 'root' | 'runRoot'> => ({
  root: settings.take('crio.berth.root', absolutePath) ?? '/var/lib/berth',
  runRoot: settings.take('crio.berth.runroot', absolutePath) ?? '/run/berth',
});

const MAX_MESSAGE_BYTES = 80 * 1024 * 1024;
const messageBytes = integer(0, 2 ** 31 - 1);

const readApi = (settings: Settings): Pick<Config, 'listen' | 'grpcMaxMessageBytes' | 'stream'> => {
  const send = settings.take('crio.api.grpc_max_send_msg_size', messageBytes) || MAX_MESSAGE_BYTES;
  const receive = settings.take('crio.api.grpc_max_recv_msg_size', messageBytes) || MAX_MESSAGE_BYTES;
  return {
    listen: settings.take('crio.api.listen', socketPath) ?? '/var/run/crio/crio.sock',
    grpcMaxMessageBytes: Math.max(send, receive),
    stream: {
      address: settings.take('crio.api.stream_address', emptyOr(text)) ?? '127.0.0.1',
      port: settings.take('crio.api.stream_port', port) ?? 0,
      idleTimeoutSeconds: settings.take('crio.api.stream_idle_timeout', emptyOr(duration)) ?? 4 * 3600,
      ...readStreamTls(settings),
    },
  };
};

const readStreamTls = (settings: Settings): Pick<Config['stream'], 'tls'> => {
  const file = (key: string) => settings.take(`crio.api.stream_tls_${key}`, emptyOr(absolutePath));
  const [cert, key, ca] = [file('cert'), file('key'), file('ca')];
  const version = settings.take('crio.api.tls_min_version', emptyOr(oneOf('VersionTLS12', 'VersionTLS13')));
  const ciphers = settings.take('crio.api.tls_cipher_suites', cipherSuites);
  if (settings.take('crio.api.stream_enable_tls', flag) !== true) return {};
  if (cert === undefined || key === undefined) {
    const lacks = cert === undefined ? 'stream_tls_cert' : 'stream_tls_key';
    throw new Fail(
      'InvalidArgument',
      `${settings.where('crio.api.stream_enable_tls')}: TLS for streaming needs ${lacks} as well`,
      { hint: 'name a PEM file there, or leave stream_enable_tls out: then the streams are plain HTTP' },
    );
  }
  const minVersion = version === 'VersionTLS13' ? 'TLSv1.3' : 'TLSv1.2';
  return { tls: { cert, key, ca, minVersion, ...(ciphers === undefined ? {} : { ciphers }) } };
};

/** CRI-O writes it as a string; a number says the same. */
const port: Reader<number> = (value) => {
  if (typeof value === 'string' && /^\d{0,5}$/.test(value)) return integer(0, 65_535)(Number(value));
  return integer(0, 65_535)(value);
};

/** What containers may do without asking: CRI-O's list, which Kubernetes workloads are written for. */
const DEFAULT_CAPABILITIES = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FSETID',
  'FOWNER',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'NET_BIND_SERVICE',
  'KILL',
];

/** CRI-O's own profile is in CRI-O; ours takes its place. */
const ownAppArmor: Reader<string | undefined> = (value) =>
  value === 'crio-default' ? undefined : text(value);

/** Where the CDI specification puts them: what is installed, and over it what is made while the node runs. */
const CDI_SPEC_DIRS = ['/etc/cdi', '/var/run/cdi'];

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;

const readRuntime = (
  settings: Settings,
): Pick<
  Config,
  | 'logLevel'
  | 'cgroupManager'
  | 'defaultCapabilities'
  | 'addInheritableCapabilities'
  | 'defaultSysctls'
  | 'defaultEnv'
  | 'defaultUlimits'
  | 'pidsLimit'
  | 'cdiSpecDirs'
  | 'deviceOwnershipFromUser'
  | 'apparmorProfile'
  | 'selinux'
  | 'absentMountSourcesToReject'
  | 'enablePodEvents'
  | 'logSizeMax'
> => {
  const key = (last: string): string => `crio.runtime.${last}`;
  const logLevel = settings.take(key('log_level'), emptyOr(oneOf('panic', ...LOG_LEVELS))) ?? 'info';
  return {
    logLevel: logLevel === 'panic' ? 'fatal' : logLevel,
    cgroupManager: settings.take(key('cgroup_manager'), emptyOr(oneOf('systemd', 'cgroupfs'))) ?? 'systemd',
    defaultCapabilities: settings.take(key('default_capabilities'), listOf(text)) ?? DEFAULT_CAPABILITIES,
    addInheritableCapabilities: settings.take(key('add_inheritable_capabilities'), flag) ?? false,
    defaultSysctls: Object.fromEntries(settings.take(key('default_sysctls'), listOf(assignment)) ?? []),
    defaultEnv: (settings.take(key('default_env'), listOf(assignment)) ?? []).map((pair) => pair.join('=')),
    defaultUlimits: settings.take(key('default_ulimits'), listOf(ulimit)) ?? [],
    cdiSpecDirs: settings.take(key('cdi_spec_dirs'), listOf(absolutePath)) ?? CDI_SPEC_DIRS,
    selinux: settings.take(key('selinux'), flag) ?? false,
    apparmorProfile: settings.take(key('apparmor_profile'), emptyOr(ownAppArmor)),
    absentMountSourcesToReject:
      settings.take(key('absent_mount_sources_to_reject'), listOf(absolutePath)) ?? [],
    deviceOwnershipFromUser: settings.take(key('device_ownership_from_security_context'), flag) ?? false,
    pidsLimit: settings.take(key('pids_limit'), integer(-1, 2 ** 22)) ?? -1,
    logSizeMax: settings.take(key('log_size_max'), logSize),
    enablePodEvents: settings.take(key('enable_pod_events'), flag) ?? true,
  };
};

/** As conmon has it: one entry and some more must have room. */
const MIN_LOG_BYTES = 8192;

const logSize: Reader<number | undefined> = (value) => {
  const bytes = integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)(value);
  if (bytes < 0) return undefined;
  if (bytes >= MIN_LOG_BYTES) return bytes;
  throw new NotAsExpected(`is neither negative, for no limit, nor ${MIN_LOG_BYTES} at least: ${bytes}`);
};

/** Where the plugins' own release, Debian and Fedora put them. */
const PLUGIN_DIRS = ['/opt/cni/bin', '/usr/lib/cni', '/usr/libexec/cni'];

const readNetwork = (settings: Settings): Config['cni'] => {
  const pluginDirs = settings.take('crio.network.plugin_dirs', listOf(absolutePath)) ?? [];
  return {
    defaultNetwork: settings.take('crio.network.cni_default_network', emptyOr(text)),
    networkDir: settings.take('crio.network.network_dir', emptyOr(absolutePath)) ?? '/etc/cni/net.d',
    pluginDirs: pluginDirs.length === 0 ? PLUGIN_DIRS : pluginDirs,
  };
};
