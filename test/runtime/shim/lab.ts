import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectShim } from '../../../runtime/shim/client/connect.ts';
import type { Shim } from '../../../runtime/shim/client/shim.ts';
import type { ContainerExit, CreateParams } from '../../../runtime/shim/protocol/messages.ts';
import type { OciProcess } from '../../../runtime/spec/oci/runtime.ts';

const PROGRAM = new URL('../../../runtime/berth-shim.ts', import.meta.url).pathname;
const CGROUPS = '/sys/fs/cgroup';

export const anySignal = (): AbortSignal => AbortSignal.timeout(30_000);

export interface ContainerWish {
  /** For `sh -c`. */
  readonly script: string;
  readonly terminal?: boolean;
  readonly stdin?: boolean;
  readonly stdinOnce?: boolean;
  readonly memoryLimit?: number;
  readonly uid?: number;
  /** Started through runc's FIFO, not by `runc start`. */
  readonly byFifo?: boolean;
  /** Instead of the script. */
  readonly args?: readonly string[];
}

/** A berth-shim of its own with real runc and a busybox root file system; `dispose` leaves nothing of it. */
export class Lab {
  readonly runRoot = mkdtempSync('/dev/shm/berth-lab-');
  readonly disk = mkdtempSync(join(tmpdir(), 'berth-lab-'));
  readonly name = `berth-lab-${randomBytes(4).toString('hex')}`;
  readonly exits = new Map<string, ContainerExit>();
  #process: ChildProcess | undefined;
  #shim: Shim | undefined;
  #stderr = '';

  constructor() {
    const rootfs = join(this.disk, 'rootfs');
    for (const folder of ['bin', 'proc', 'dev', 'sys', 'tmp', 'etc'])
      mkdirSync(join(rootfs, folder), { recursive: true });
    chmodSync(join(rootfs, 'tmp'), 0o1777);
    copyFileSync('/bin/busybox', join(rootfs, 'bin/busybox'));
    const applets = [
      'sh',
      'cat',
      'echo',
      'sleep',
      'seq',
      'yes',
      'head',
      'kill',
      'true',
      'tty',
      'stty',
      'dd',
      'tail',
      'printf',
      'id',
      'ps',
      'usleep',
      'wc',
      'ls',
      'env',
    ];
    for (const applet of applets) symlinkSync('busybox', join(rootfs, 'bin', applet));
  }

  get shim(): Shim {
    if (this.#shim === undefined) throw new Error('the lab is not started');
    return this.#shim;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  async start(): Promise<this> {
    this.startProcess();
    this.#shim = await connectShim({ socketPath: join(this.runRoot, 'shim.sock'), reconnectMs: 20_000 });
    this.#shim.on('exit', ({ id, ...exit }) => this.exits.set(id, exit));
    return this;
  }

  startProcess(program = process.env['BERTH_SHIM_PROGRAM'] ?? PROGRAM): void {
    const environment: NodeJS.ProcessEnv = { PATH: process.env['PATH'] };
    this.#process = spawn(
      process.execPath,
      ['--max-semi-space-size=1', program, '--run-root', this.runRoot, '--log-level', 'debug'],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: environment,
      },
    );
    this.#process.stderr?.on('data', (text) => {
      this.#stderr += text;
    });
  }

  /** kill -9, and wait until it is gone. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  async restart(): Promise<void> {
    await this.kill();
    this.startProcess();
  }

  /** A bundle for runc; the params make the shim create it. */
  bundle(wish: ContainerWish): CreateParams {
    const id = randomBytes(32).toString('hex');
    const bundle = join(this.disk, id.slice(0, 12));
    mkdirSync(bundle);
    writeFileSync(join(bundle, 'config.json'), JSON.stringify(this.#config(id, wish)));
    return {
      id,
      runtime: ['/usr/sbin/runc', '--root', join(this.runRoot, 'runc')],
      bundle,
      terminal: wish.terminal ?? false,
      stdin: wish.stdin ?? false,
      stdinOnce: wish.stdinOnce ?? false,
      logPath: join(bundle, '0.log'),
      timeoutMs: 20_000,
      ...(wish.byFifo === true ? { execFifo: join(this.runRoot, 'runc', id, 'exec.fifo') } : {}),
    };
  }

  /** Creates and starts. */
  async run(wish: ContainerWish): Promise<CreateParams> {
    const params = this.bundle(wish);
    await this.shim.call('create', params, anySignal());
    await this.shim.call('start', { id: params.id }, anySignal());
    return params;
  }

  async untilExit(id: string, milliseconds = 20_000): Promise<ContainerExit> {
    const deadline = Date.now() + milliseconds;
    for (;;) {
      const exit = this.exits.get(id);
      if (exit !== undefined) return exit;
      if (Date.now() > deadline)
        throw new Error(`no exit of ${id.slice(0, 12)}; shim said:\n${this.#stderr}`);
      await pause(5);
    }
  }

  process(args: readonly string[], terminal = false): OciProcess {
    return {
      terminal,
      user: { uid: 0, gid: 0 },
      args: [...args],
      env: ['PATH=/bin'],
      cwd: '/',
    };
  }

  #config(id: string, { script, terminal = false, memoryLimit, uid = 0, args }: ContainerWish): unknown {
    const limits = memoryLimit === undefined ? {} : { memory: { limit: memoryLimit, swap: memoryLimit } };
    return {
      ociVersion: '1.0.2',
      process: { ...this.process(args ?? ['/bin/sh', '-c', script], terminal), user: { uid, gid: uid } },
      root: { path: join(this.disk, 'rootfs') },
      mounts: [
        { destination: '/proc', type: 'proc', source: 'proc' },
        { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
        {
          destination: '/dev/pts',
          type: 'devpts',
          source: 'devpts',
          options: ['newinstance', 'ptmxmode=0666', 'mode=0620'],
        },
      ],
      linux: {
        namespaces: [{ type: 'pid' }, { type: 'mount' }, { type: 'ipc' }, { type: 'uts' }],
        cgroupsPath: `/${this.name}/${id.slice(0, 12)}`,
        resources: limits,
      },
    };
  }

  /** Removes every container, ends the shim, and removes what it had. */
  async dispose(): Promise<void> {
    const steps = [
      () => this.#removeContainers(),
      () => this.#shim?.close(),
      () => this.#terminate(),
      () => this.#endStrays(),
      () => this.#removeCgroups(),
      () => rmSync(this.runRoot, { recursive: true, force: true }),
      () => rmSync(this.disk, { recursive: true, force: true }),
    ];
    const failures: unknown[] = [];
    for (const step of steps)
      await Promise.resolve()
        .then(step)
        .catch((error) => failures.push(error));
    if (failures.length > 0)
      throw new AggregateError(failures, `the lab left something behind\n${this.#stderr}`);
  }

  async #removeContainers(): Promise<void> {
    if (this.#shim === undefined) return;
    const { containers } = await this.#shim.call('list', {}, anySignal());
    await Promise.all(containers.map(({ id }) => this.shim.call('delete', { id }, anySignal())));
  }

  async #terminate(): Promise<void> {
    const child = this.#process;
    const holder = holderPid(this.runRoot);
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await gone;
    }
    if (holder !== undefined) await this.#assertGone(holder);
  }

  /** The shim ends its holder when nothing is kept; the kernel takes a moment. */
  async #assertGone(holder: number): Promise<void> {
    for (let waited = 0; isAlive(holder); waited += 1) {
      if (waited > 100) {
        process.kill(holder, 'SIGKILL');
        throw new Error(`the holder ${holder} outlived a shim without containers`);
      }
      await pause(10);
    }
  }

  /** What a shim under test has failed to end must not outlive the test. */
  #endStrays(): void {
    const states = join(this.runRoot, 'runc');
    if (!existsSync(states)) return;
    for (const id of readdirSync(states)) spawnSync('runc', ['--root', states, 'delete', '--force', id]);
  }

  #removeCgroups(): void {
    for (const hierarchy of readdirSync(CGROUPS)) {
      const folder = join(CGROUPS, hierarchy, this.name);
      if (existsSync(folder)) rmdirSync(folder);
    }
  }
}

const holderPid = (runRoot: string): number | undefined => {
  const path = join(runRoot, 'shim/holder.json');
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).pid : undefined;
};

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

export interface Entry {
  readonly time: string;
  readonly stream: string;
  readonly tag: string;
  readonly text: string;
}

/** The entries of CRI log files, read in this order. Throws on a line that is none. */
export function readEntries(...paths: readonly string[]): readonly Entry[] {
  const lines = paths.flatMap((path) => readFileSync(path, 'utf8').split('\n').slice(0, -1));
  return lines.map((line) => {
    const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (stdout|stderr) ([FP]) ([^\n]*)$/.exec(line);
    if (parts === null) throw new Error(`not a log entry: ${line.slice(0, 200)}`);
    const [, time = '', stream = '', tag = '', text = ''] = parts;
    return { time, stream, tag, text };
  });
}

/** The texts of one stream with partial entries joined. */
export function linesOf(entries: readonly Entry[], stream: string): readonly string[] {
  const lines: string[] = [];
  let open = '';
  for (const { tag, text } of entries.filter((entry) => entry.stream === stream)) {
    open += text;
    if (tag === 'P') continue;
    lines.push(open);
    open = '';
  }
  return open === '' ? lines : [...lines, open];
}
