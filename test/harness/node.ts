import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { MountFlag, mount, setPropagation } from '../../runtime/linux/mounts.ts';
import {
  type ContainerConfigSchema,
  ImageService,
  NamespaceMode,
  type PodSandboxConfigSchema,
  RuntimeService,
} from '../../runtime/spec/cri/api_pb.js';
import { type Client, connectTo } from './cri-client.ts';
import { unmountBelow } from './unmount-below.ts';

const run = promisify(execFile);
const PROGRAMS = resolve(import.meta.dirname, '../../runtime');

/** A program of the node: started, killed and started again at will. */
export interface Program {
  /** Resolves when it answers at its socket. */
  start(): Promise<void>;
  /** Resolves when it has ended. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  readonly pid: number | undefined;
  /** Its command line after `node`. */
  readonly argv: readonly string[];
  /** All that it has written to its standard error. */
  log(): string;
}

/**
 * A container host of its own on this machine: shim and daemon with their own folders, bridge, subnet and cgroup.
 * Everything goes at the end of the test, whatever became of it.
 */
export interface TestNode {
  /** Of letters and digits, unique. */
  readonly name: string;
  readonly folder: string;
  readonly root: string;
  readonly runRoot: string;
  readonly networkDir: string;
  readonly socket: string;
  readonly daemon: Program;
  readonly shim: Program;
  readonly runtime: Client<typeof RuntimeService>;
  readonly images: Client<typeof ImageService>;
  /** Arguments that make crictl speak to this node. */
  readonly crictlArgs: readonly string[];
  /** The real crictl. Rejects when it fails; see `crictlFailing`. */
  crictl(...args: string[]): Promise<string>;
  /** What crictl says when it fails. */
  crictlFailing(...args: string[]): Promise<string>;
  podConfig(name: string, changes?: PodConfig): PodConfig;
  /** Writes a JSON file for crictl and gives its path. */
  file(name: string, content: unknown): string;
}

export type PodConfig = Exclude<MessageInitShape<typeof PodSandboxConfigSchema>, { $typeName: string }>;
export type ContainerConfig = Exclude<MessageInitShape<typeof ContainerConfigSchema>, { $typeName: string }>;

export interface NodeOptions {
  /** Lines of registries.conf: a registry on loopback speaks plain HTTP. */
  readonly registries?: string;
  /** Default: debug. */
  readonly logLevel?: string;
  /** A drop-in of crio.conf. */
  readonly dropIn?: (folder: string) => string;
  /** Run a built release as a node does, in a process group of its own. Default: the sources. */
  readonly release?: {
    readonly folder: string;
    /** Flags of Node for both programs. */
    readonly flags: readonly string[];
    /** Of both programs, beside this process's own. */
    readonly env: Readonly<Record<string, string>>;
  };
  /** Publish ports of the host, by portmap, which leaves chains in the firewall: for a test in a network of its own. */
  readonly hostPorts?: boolean;
}

/** A test, or whoever else sees to it that what was started ends. */
export interface Lifetime {
  after(release: () => Promise<void>): void;
}

export const startNode = async (t: Lifetime, options: NodeOptions = {}): Promise<TestNode> => {
  const name = `bt${randomBytes(4).toString('hex')}`;
  const folder = mkdtempSync(join(tmpdir(), `berth-${name}-`));
  chmodSync(folder, 0o711); // a user namespace's root must find its files by name
  // As / is wherever systemd runs: what is mounted or unmounted in one place is so in all its copies.
  mount({ source: folder, target: folder, type: null, flags: MountFlag.bind });
  setPropagation(folder, 'shared');
  const paths = {
    root: join(folder, 'lib'),
    runRoot: join(folder, 'run'),
    networkDir: join(folder, 'net.d'),
    socket: join(folder, 'cri.sock'),
  };
  writeConfiguration(folder, name, paths, options);
  const { command, env, detached, entry } = sourcesOr(options.release);
  const shim = program({
    command,
    detached,
    argv: [entry('berth-shim'), '--run-root', paths.runRoot],
    socket: join(paths.runRoot, 'shim.sock'),
    logFile: join(folder, 'shim.log'),
    env,
  });
  const daemon = program({
    command,
    detached,
    argv: [entry('berthd'), '--config', join(folder, 'crio.conf'), '--config-dir', join(folder, 'conf.d')],
    socket: paths.socket,
    logFile: join(folder, 'daemon.log'),
    env: { ...env, CONTAINERS_REGISTRIES_CONF: join(folder, 'registries.conf') },
  });
  const runtime = connectTo(RuntimeService, paths.socket);
  const images = connectTo(ImageService, paths.socket);
  t.after(async () => {
    if (daemon.pid !== undefined) await removeAllPods(runtime).catch(() => {});
    runtime.close();
    images.close();
    await daemon.kill('SIGTERM');
    await shim.kill('SIGTERM');
    await cleanUp(folder, name);
    if (process.env['BERTH_TEST_KEEP'] === undefined) await rm(folder, { recursive: true, force: true });
  });
  await shim.start();
  await daemon.start();
  return { name, folder, ...paths, daemon, shim, runtime, images, ...tools(folder, name, paths.socket) };
};

/** How the programs of a node are run. */
const sourcesOr = (release: NodeOptions['release']) =>
  release === undefined
    ? {
        command: [process.execPath, '--disable-warning=ExperimentalWarning'],
        env: { NODE_COMPILE_CACHE: COMPILE_CACHE },
        detached: false,
        entry: (name: string) => join(PROGRAMS, `${name}.ts`),
      }
    : {
        command: [join(release.folder, 'node'), ...release.flags],
        env: release.env,
        detached: true,
        entry: (name: string) => join(release.folder, `${name}.mjs`),
      };

interface ProgramOptions {
  /** Node and its flags. */
  readonly command: readonly string[];
  readonly detached: boolean;
  readonly argv: readonly string[];
  readonly socket: string;
  readonly logFile: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Stripping the types of all modules takes longer than the rest of a start: tests of restarts do it often. */
const COMPILE_CACHE = resolve(import.meta.dirname, '../../node_modules/.cache/berth-tests');

/** Some time more than it takes in an emulated machine. */
const START_TIMEOUT_MS = 60_000;
/** A program that does not heed SIGTERM must not hold up the clean-up. */
const KILL_AFTER_MS = 10_000;

const program = ({ command, detached, argv, socket, logFile, env }: ProgramOptions): Program => {
  let child: ChildProcess | undefined;
  const log = () => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '');
  return {
    start: async () => {
      const output = openSync(logFile, 'a');
      const [node = '', ...flags] = command;
      const started = spawn(node, [...flags, ...argv], {
        stdio: ['ignore', output, output],
        detached,
        env: {
          ...process.env,
          ...env,
          NOTIFY_SOCKET: undefined,
          JOURNAL_STREAM: undefined,
        },
      });
      closeSync(output);
      child = started;
      for (const deadline = Date.now() + START_TIMEOUT_MS; !(await answers(socket)); await pause(20)) {
        const ended = started.exitCode ?? started.signalCode;
        if (ended !== null || Date.now() > deadline)
          throw new Error(`${argv[0]} did not come up (${ended ?? 'it runs'}):\n${log()}`);
      }
    },
    kill: async (signal) => {
      const ending = child;
      child = undefined;
      if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
      const ended = new Promise((resolveEnd) => ending.once('exit', resolveEnd));
      ending.kill(signal);
      const impatience = setTimeout(() => ending.kill('SIGKILL'), KILL_AFTER_MS);
      await ended;
      clearTimeout(impatience);
    },
    get pid() {
      return child?.pid;
    },
    argv,
    log,
  };
};

const answers = (path: string): Promise<boolean> =>
  new Promise((resolveAnswer) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolveAnswer(true);
    });
    socket.once('error', () => resolveAnswer(false));
  });

const writeConfiguration = (
  folder: string,
  name: string,
  { root, runRoot, networkDir, socket }: Pick<TestNode, 'root' | 'runRoot' | 'networkDir' | 'socket'>,
  { registries = '', logLevel = 'debug', hostPorts = false, dropIn }: NodeOptions,
): void => {
  for (const dir of [networkDir, join(folder, 'conf.d'), runRoot]) mkdirSync(dir, { recursive: true });
  // As /run on Debian is, without execution: on a disk, each rename of a record would wait. `cleanUp` unmounts it.
  const flags = MountFlag.nosuid | MountFlag.nodev | MountFlag.noexec;
  mount({ source: 'tmpfs', target: runRoot, type: 'tmpfs', flags, data: 'mode=711' });
  writeFileSync(
    join(folder, 'crio.conf'),
    `[crio.berth]
root = "${root}"
runroot = "${runRoot}"
[crio.api]
listen = "${socket}"
stream_address = "127.0.0.1"
stream_port = "0"
[crio.runtime]
log_level = "${logLevel}"
cgroup_manager = "cgroupfs"
default_runtime = "runc"
[crio.runtime.runtimes.runc]
runtime_path = "/usr/sbin/runc"
runtime_root = "${join(runRoot, 'runc')}"
[crio.image]
signature_policy = "${join(folder, 'policy.json')}"
[crio.nri]
nri_listen = "${join(folder, 'nri.sock')}"
nri_plugin_dir = "${join(folder, 'nri-plugins')}"
nri_plugin_config_dir = "${join(folder, 'nri-conf.d')}"
[crio.network]
network_dir = "${networkDir}"
plugin_dirs = ["/usr/lib/cni"]
`,
  );
  writeFileSync(
    join(folder, 'policy.json'),
    JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }),
  );
  writeFileSync(join(folder, 'registries.conf'), registries);
  if (dropIn !== undefined) writeFileSync(join(folder, 'conf.d/50-test.conf'), dropIn(folder));
  writeFileSync(join(networkDir, '10-test.conflist'), JSON.stringify(networkList(folder, name, hostPorts)));
};

/** A bridge with a subnet out of 10.64.0.0/10, so that nodes of tests at the same time do not meet. */
const networkList = (folder: string, name: string, hostPorts: boolean) => ({
  cniVersion: '1.0.0',
  name,
  plugins: [
    {
      type: 'bridge',
      bridge: name,
      isGateway: true,
      ipam: {
        type: 'host-local',
        dataDir: join(folder, 'ipam'),
        ranges: [[{ subnet: `10.${randomInt(64, 128)}.${randomInt(0, 256)}.0/24` }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
    ...(hostPorts ? [{ type: 'portmap', capabilities: { portMappings: true } }] : []),
  ],
});

const tools = (folder: string, name: string, socket: string) => {
  const crictlArgs = ['-c', join(folder, 'crictl.yaml')];
  const endpoint = `unix://${socket}`;
  writeFileSync(
    join(folder, 'crictl.yaml'),
    `runtime-endpoint: ${endpoint}\nimage-endpoint: ${endpoint}\ntimeout: 60\n`,
  );
  const crictl = async (...args: string[]): Promise<string> => {
    const { stdout } = await run(crictlPath(), [...crictlArgs, ...args], { maxBuffer: 64 * 1024 * 1024 });
    return stdout.trimEnd();
  };
  return {
    crictlArgs,
    crictl,
    crictlFailing: async (...args: string[]): Promise<string> => {
      const outcome = await crictl(...args).then(
        (stdout) => ({ stdout }),
        (error: Error & { stderr?: string }) => ({ failure: error.stderr ?? error.message }),
      );
      if ('failure' in outcome) return outcome.failure;
      throw new Error(`crictl ${args.join(' ')} did not fail: ${outcome.stdout}`);
    },
    podConfig: (pod: string, changes: PodConfig = {}): PodConfig => ({
      metadata: { name: pod, namespace: 'default', uid: `${name}-${pod}`, attempt: 0 },
      hostname: pod,
      logDirectory: join(folder, 'logs', pod),
      linux: {
        cgroupParent: `/berth-test-${name}`,
        securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } },
      },
      ...changes,
    }),
    file: (file: string, content: unknown): string => {
      const path = join(folder, file);
      writeFileSync(path, JSON.stringify(content));
      return path;
    },
  };
};

/** BERTH_TEST_CRICTL, else the one in PATH. */
export const crictlPath = (): string => {
  const named = process.env['BERTH_TEST_CRICTL'];
  if (named !== undefined) return named;
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = folders.map((folder) => join(folder, 'crictl')).find((path) => existsSync(path));
  if (found === undefined) throw new Error('set BERTH_TEST_CRICTL to a crictl, or put one into PATH');
  return found;
};

const removeAllPods = async (runtime: Client<typeof RuntimeService>): Promise<void> => {
  const { items } = await runtime.listPodSandbox({}, { deadlineMs: 5_000 });
  for (const { id } of items) await runtime.removePodSandbox({ podSandboxId: id }, { deadlineMs: 20_000 });
};

/** What a killed daemon or shim, or a failed test, may have left in the kernel. */
const cleanUp = async (folder: string, name: string): Promise<void> => {
  const cgroups = async () => [...(await cgroupFolders(name)), ...(await cgroupsOfRecords(folder))];
  for (const pid of await cgroupProcesses(await cgroups())) kill(pid);
  await endHolder(join(folder, 'run'));
  for (let round = 0; round < 50 && (await cgroupProcesses(await cgroups())).length > 0; round += 1)
    await pause(20);
  for (const parent of await cgroups()) await removeCgroups(parent);
  // The parent of pods that name none stays as long as others have pods there.
  for (const parent of await inEveryHierarchy('berth')) await run('rmdir', [parent]).catch(() => {});
  unmountBelow(folder);
  await run('ip', ['link', 'delete', name]).catch(() => {}); // no pod ran
};

/** Removes `/berth-test-<name>` from every hierarchy; the OCI runtimes remove only what they made below it. */
export const removeTestCgroups = async (name: string): Promise<void> => {
  for (const parent of await cgroupFolders(name)) await removeCgroups(parent);
};

const cgroupFolders = (name: string): Promise<string[]> => inEveryHierarchy(`berth-test-${name}`);

/** Of containers, and of pods with a process of their own, that name no cgroup; as long as they have records. */
const cgroupsOfRecords = async (folder: string): Promise<string[]> => {
  const records = ['pods', 'containers'].map((kind) => readdir(join(folder, 'run', kind)).catch(() => [])); // no daemon ran
  const ids = (await Promise.all(records)).flat().map((record) => record.replace(/\.json$/, ''));
  const paths = ids.flatMap((id) => [`berth/berth-${id}`, `system.slice/berth-${id}.scope`]);
  return (await Promise.all(paths.map(inEveryHierarchy))).flat();
};

const inEveryHierarchy = async (path: string): Promise<string[]> => {
  const hierarchies = await readdir('/sys/fs/cgroup');
  return ['', ...hierarchies]
    .map((hierarchy) => join('/sys/fs/cgroup', hierarchy, path))
    .filter((folder) => existsSync(folder));
};

const cgroupProcesses = async (parents: readonly string[]): Promise<number[]> => {
  const files = parents.map(async (parent) => {
    const names = await readdir(parent, { recursive: true });
    const lists = names.filter((file) => file.endsWith('cgroup.procs'));
    return Promise.all(lists.map((file) => readFile(join(parent, file), 'utf8').catch(() => '')));
  });
  const pids = (await Promise.all(files))
    .flat()
    .join('\n')
    .split('\n')
    .filter((line) => line !== '');
  return [...new Set(pids)].map(Number);
};

const kill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {} // it has ended meanwhile
};

/** The process that holds descriptors for the shim outlives it on purpose. */
const endHolder = async (runRoot: string): Promise<void> => {
  const text = await readFile(join(runRoot, 'shim', 'holder.json'), 'utf8').catch(() => '{}');
  const { pid } = JSON.parse(text);
  if (typeof pid === 'number') kill(pid);
};

const removeCgroups = async (parent: string): Promise<void> => {
  const entries = await readdir(parent, { recursive: true, withFileTypes: true });
  const folders = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const path of [...folders.sort().reverse(), parent]) await run('rmdir', [path]).catch(() => {});
};
