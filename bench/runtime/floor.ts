import { closeSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { containerFolders } from '../../runtime/containers/folders.ts';
import { mount, mountOverlay, unmount } from '../../runtime/linux/mounts.ts';
import { pinNamespaces, unpinNamespace } from '../../runtime/linux/namespaces.ts';
import { watch } from '../../runtime/linux/poll.ts';
import { openPidfd, signalNumber, signalPidfd } from '../../runtime/linux/processes.ts';
import { runOciRuntime } from '../../runtime/shim/server/processes/oci-runtime.ts';
import { run } from '../../runtime/shim/server/processes/run.ts';
import type { OciSpec } from '../../runtime/spec/oci/runtime.ts';
import type { Lifetime } from '../../test/harness/node.ts';
import type { Berth } from './berth.ts';
import type { Pod } from './life.ts';
import { Samples } from './samples.ts';

const PLUGINS = '/usr/lib/cni';
const TIMEOUT_MS = 60_000;

/**
 * What a pod costs when nobody is asked and nothing is remembered: the calls of runc, of the CNI plugins and of mount
 * that berth makes, one after the other, with no CRI, records, logs and stdio. A runtime cannot be faster than that by
 * being clever, only by making fewer calls.
 */
export class Floor {
  readonly samples = new Samples();
  readonly #folder: string;
  readonly #runc: readonly string[];
  readonly #spec: OciSpec;
  readonly #lower: readonly string[];
  readonly #network: Record<string, unknown>;
  readonly #living = new Set<Alive>();
  #count = 0;

  /** The same bundle, network and image as those of a running container of berth's. */
  constructor(lifetime: Lifetime, { node }: Berth, { containerId }: Pod) {
    this.#folder = join(node.folder, 'floor');
    const folders = containerFolders(node, containerId);
    const record = JSON.parse(readFileSync(join(node.runRoot, 'containers', `${containerId}.json`), 'utf8'));
    this.#runc = record.runtime;
    this.#spec = JSON.parse(readFileSync(join(folders.bundle, 'config.json'), 'utf8'));
    this.#lower = lowerFolders(folders.merged);
    this.#network = networkOf(node.networkDir);
    mkdirSync(this.#folder);
    lifetime.after(async () => {
      for (const alive of this.#living) await this.down(alive);
    });
  }

  async up(): Promise<Alive> {
    const began = performance.now();
    const id = `floor${++this.#count}`;
    const [folder, bundle] = [join(this.#folder, id), join(this.#folder, id, 'bundle')];
    mkdirSync(bundle, { recursive: true });
    const { samples } = this;
    const alive: Alive = { id, folder, netns: join(folder, 'ns/net'), pidfd: -1 };
    await samples.time('RunPodSandbox', async () => {
      pinNamespaces({ dir: join(folder, 'ns'), kinds: ['net', 'ipc', 'uts'], hostname: id });
      await this.#plugin('ADD', alive);
      mkdirSync(join(folder, 'shm'));
      mount({ source: 'shm', target: join(folder, 'shm'), type: 'tmpfs', data: 'mode=1777,size=65536k' });
    });
    this.#living.add(alive);
    await samples.time('CreateContainer', async () => {
      const [upper, work, target] = ['upper', 'work', 'merged'].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      for (const path of [upper, work, target]) mkdirSync(path);
      mountOverlay({ lower: this.#lower, upper, work, target });
      writeFileSync(join(bundle, 'config.json'), JSON.stringify(this.#specOf(alive, target)));
      await this.#runcCall('create', '--bundle', bundle, '--pid-file', join(folder, 'pid'), id);
      alive.pidfd = openPidfd(Number(readFileSync(join(folder, 'pid'), 'utf8')));
    });
    await samples.time('StartContainer', () => this.#runcCall('start', id));
    samples.add('pod up', performance.now() - began);
    return alive;
  }

  async down(alive: Alive): Promise<void> {
    const began = performance.now();
    const { id, folder, pidfd } = alive;
    await this.samples.time('StopPodSandbox', async () => {
      const ended = readable(pidfd);
      signalPidfd(pidfd, signalNumber('SIGKILL'));
      await ended;
      await Promise.all([this.#runcCall('delete', id), this.#plugin('DEL', alive)]);
      closeSync(pidfd);
      unmount(join(folder, 'shm'));
      for (const kind of ['net', 'ipc', 'uts']) unpinNamespace(join(folder, 'ns', kind));
    });
    await this.samples.time('RemovePodSandbox', async () => {
      unmount(join(folder, 'merged'));
      await rm(folder, { recursive: true });
    });
    this.#living.delete(alive);
    this.samples.add('pod down', performance.now() - began);
  }

  async exec({ id }: Alive, argv: readonly string[]): Promise<void> {
    await this.samples.time('ExecSync', () => this.#runcCall('exec', id, ...argv));
  }

  #specOf({ id, folder }: Alive, root: string): OciSpec {
    const own = (type: string) => ({ ipc: 'ipc', uts: 'uts', network: 'net' })[type];
    const namespaces = this.#spec.linux?.namespaces?.map((namespace) => {
      const file = own(namespace.type);
      return file === undefined ? namespace : { ...namespace, path: join(folder, 'ns', file) };
    });
    const cgroupsPath = `${this.#spec.linux?.cgroupsPath}-${id}`;
    return {
      ...this.#spec,
      root: { ...this.#spec.root, path: root },
      linux: { ...this.#spec.linux, ...(namespaces === undefined ? {} : { namespaces }), cgroupsPath },
    };
  }

  async #runcCall(verb: string, ...args: readonly string[]): Promise<void> {
    await runOciRuntime({ runtime: this.#runc, verb, args, folder: this.#folder, timeoutMs: TIMEOUT_MS });
  }

  async #plugin(command: 'ADD' | 'DEL', { id, netns }: Alive): Promise<void> {
    const { exitCode, stdout, stderr } = await run({
      argv: [join(PLUGINS, String(this.#network['type']))],
      env: {
        PATH: process.env['PATH'] ?? '',
        CNI_COMMAND: command,
        CNI_CONTAINERID: id,
        CNI_NETNS: netns,
        CNI_IFNAME: 'eth0',
        CNI_PATH: PLUGINS,
      },
      stdin: JSON.stringify(this.#network),
      timeoutMs: TIMEOUT_MS,
    });
    if (exitCode !== 0) throw new Error(`CNI ${command} failed: ${stdout}${stderr}`);
  }
}

/** A container that the floor made. */
interface Alive {
  readonly id: string;
  readonly folder: string;
  readonly netns: string;
  pidfd: number;
}

/** The lower folders of an overlay that is mounted, top first. */
const lowerFolders = (mountPoint: string): readonly string[] => {
  const line = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((each) => each.split(' ')[4] === mountPoint);
  const [, lower] = /lowerdir=([^, ]+)/.exec(line ?? '') ?? [];
  if (lower === undefined) throw new Error(`no overlay is mounted at ${mountPoint}`);
  return lower.split(':');
};

/** The one plugin of the node's network, as CNI hands it its configuration. */
const networkOf = (folder: string): Record<string, unknown> => {
  const [file] = readdirSync(folder);
  const { cniVersion, name, plugins } = JSON.parse(readFileSync(join(folder, file ?? ''), 'utf8'));
  return { cniVersion, name, ...plugins[0] };
};

/** Of a pidfd: its process has ended. */
const readable = (fd: number): Promise<void> =>
  new Promise((resolve) => {
    const waiting = watch(fd, 'readable', () => {
      waiting.close();
      resolve();
    });
  });
