import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { $ } from 'zx/core';
import { Fail } from '../../../core/fail.ts';
import { readIfThere } from '../../../core/read-if-there.ts';
import type { SshAddress } from '../../../profile/profile.ts';
import { Askpass } from './askpass.ts';
import { openSshConfig } from './config.ts';

export interface MasterOptions {
  /** For messages. */
  readonly label: string;
  readonly ssh: SshAddress;
  /** Files of the person that ssh reads after ours. */
  readonly include: readonly string[];
  readonly answer: Parameters<typeof Askpass.open>[1];
  readonly signal: AbortSignal;
}

/** A socket address has room for about 100 bytes, and ssh adds 17 while it makes one. */
const longestFolder = 60;

/** The exit code of a shell that does not find a program (POSIX, 2.8.2). */
const notFound = 127;

/**
 * Starts ssh, and ends it when our end of its standard input closes: it must not outlive a berth that was killed. A
 * background command of sh has no standard input of its own.
 */
const watched = `command -v ssh > /dev/null || exit ${notFound}
exec 3<&0 < /dev/null
ssh "$@" 3<&- & ssh=$!
{ read -r end <&3; kill $ssh; } 2> /dev/null & watch=$!
wait $ssh; code=$?
kill $watch
exit $code`;

/**
 * An ssh that holds the one connection to a host (ControlMaster) in a folder of its own. Commands run through its
 * socket, each by an ssh that cannot connect by itself.
 */
export class Master {
  readonly folder: string;
  /** What its configuration calls the hosts of the way, in order. */
  readonly names: readonly string[];
  /** Settles with its exit code when it ends, whoever wanted it. */
  readonly ended: Promise<number | undefined>;
  readonly #askpass: Askpass;
  readonly #stop: () => void;
  readonly #ready: Promise<void>;
  #stderr = '';
  #clients = 0;

  private constructor(
    folder: string,
    names: readonly string[],
    askpass: Askpass,
    process: ReturnType<typeof startSsh>,
  ) {
    this.folder = folder;
    this.names = names;
    this.#askpass = askpass;
    this.ended = process.then((output) => output.exitCode ?? undefined);
    this.#ready = new Promise((resolve) => process.stdout.once('data', () => resolve()));
    process.stderr.on('data', (chunk: Buffer) => {
      if (this.#stderr.length < 1024 * 1024) this.#stderr += chunk.toString('utf8');
    });
    process.stdin.on('error', () => {});
    this.#stop = () => {
      process.stdin.end();
      // ssh loses a signal that comes while it looks elsewhere, and notices at its next question to the host.
      for (const [afterMs, signal] of insistence) {
        const timer = setTimeout(() => signalGroup(process.pid, signal), afterMs);
        void this.ended.then(() => clearTimeout(timer));
      }
    };
  }

  static async start({ label, ssh, include, answer, signal }: MasterOptions): Promise<Master> {
    const folder = await mkdtemp(join(tmpdir().length > longestFolder ? '/tmp' : tmpdir(), 'berth-ssh-'));
    try {
      const { names, text } = openSshConfig(ssh, include);
      await writeFile(join(folder, 'config'), text, { mode: 0o600 });
      const askpass = await Askpass.open(folder, answer, signal);
      const process = startSsh(folder, names.at(-1) ?? ssh.host, askpass.environment());
      return new Master(folder, names, askpass, process);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error instanceof Fail ? error : new Fail('Internal', `${label}: ${error}`, { cause: error });
    }
  }

  /** True once the connection stands; false when ssh ended before. */
  async connected(): Promise<boolean> {
    return await Promise.race([this.#ready.then(() => true), this.ended.then(() => false)]);
  }

  /** What it logged of the host itself. */
  async log(): Promise<string> {
    return (await readIfThere(this.#path('log')))?.toString('utf8') ?? '';
  }

  /** What the jump hosts' own ssh, or a ProxyCommand, printed. */
  stderr(): string {
    return this.#stderr;
  }

  /** The argv of an ssh that runs `command` through this connection, and where it logs. */
  client(command: string, options: readonly string[] = ['-T']): { argv: string[]; log: string } {
    this.#clients += 1;
    const log = this.#path(`client-${this.#clients}`);
    return {
      argv: ['ssh', ...this.#through(), '-v', '-E', log, ...options, '--', this.#name(), command],
      log,
    };
  }

  /** The argv that has the connection itself do something (ssh's -O). */
  control(command: string, options: readonly string[] = []): string[] {
    return ['ssh', ...this.#through(), '-O', command, ...options, '--', this.#name()];
  }

  /** Only for what ssh prints: the socket decides where it goes. */
  #name(): string {
    return this.names.at(-1) ?? 'host';
  }

  /** Without the socket it has no way to anywhere: it must not make a connection of its own. */
  #through(): string[] {
    return ['-F', 'none', '-S', this.#path('socket'), '-o', 'ControlMaster=no', '-o', 'ProxyCommand=false'];
  }

  #path(name: string): string {
    return join(this.folder, name);
  }

  async close(): Promise<void> {
    this.#stop();
    // What a ProxyCommand left in the background holds its standard error open, and is the person's.
    await Promise.race([this.ended, pause(leftoverMs, undefined, { ref: false })]);
    await this.#askpass[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** After the last insistence. */
const leftoverMs = 3000;

const insistence = [
  [200, 'SIGTERM'],
  [500, 'SIGTERM'],
  [1500, 'SIGKILL'],
] as const;

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch (error) {
    // ESRCH: it ended by itself, which is what was wanted.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** LocalCommand runs when the connection stands and its socket takes clients: that is how we learn of it. */
function startSsh(folder: string, destination: string, environment: Record<string, string>) {
  const options = [
    ...['-v', '-E', join(folder, 'log'), '-F', join(folder, 'config')],
    ...['-M', '-S', join(folder, 'socket'), '-N', '-T', '-o', 'ControlPersist=no'],
    ...['-o', 'PermitLocalCommand=yes', '-o', 'LocalCommand=echo connected', '-o', 'ClearAllForwardings=yes'],
  ];
  const argv = ['/bin/sh', '-c', watched, 'berth-ssh', ...options, '--', destination];
  return $({
    nothrow: true,
    quiet: true,
    verbose: false,
    prefix: '',
    postfix: '',
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, SHELL: '/bin/sh', ...environment },
  })`${argv}`;
}
