import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { Fail } from '../../core/fail.ts';
import { collect } from './collect.ts';
import type {
  Connection,
  ConnectionStats,
  ExecResult,
  Exit,
  RemoteProcess,
  RunOptions,
} from './connection.ts';
import { Meter } from './meter.ts';
import { onOwnTerminal } from './own-terminal.ts';
import { type Become, type RawProcess, RootShell } from './root-shell.ts';
import { joinLocal } from './ssh.ts';

/** This machine, through the same shell protocol as any other. It has no network to wait for. */
export function connectLocal(hostName: string, become: Become): Connection {
  return new LocalConnection(hostName, become);
}

class LocalConnection implements Connection {
  readonly host: string;
  readonly address = 'this machine';
  readonly #become: Become;
  readonly #meter = new Meter();
  readonly #running = new Set<RawProcess>();
  #most = 0;

  constructor(host: string, become: Become) {
    this.host = host;
    this.#become = become;
  }

  sh(script: string, options: RunOptions): Promise<ExecResult> {
    return collect(this, script, options);
  }

  async spawn(script: string, { signal }: { readonly signal: AbortSignal }): Promise<RemoteProcess> {
    const shell = new RootShell(this.host, this.#become, () => {});
    const raw = start(this.host, shell.loginCommand());
    this.#running.add(raw);
    this.#most = Math.max(this.#most, this.#running.size);
    raw.ended.then(
      () => this.#running.delete(raw),
      () => this.#running.delete(raw),
    );
    this.#meter.channel();
    return shell.enter(raw, script, signal);
  }

  async interact(command: string, { signal }: { readonly signal: AbortSignal }): Promise<Exit> {
    this.#meter.channel();
    return await onOwnTerminal(this.host, ['/bin/sh', '-c', command], signal);
  }

  async forwardToLocal(port: number, localPort: number): Promise<{ close(): Promise<void> }> {
    // The host is this machine: a port that leads to itself is there already.
    if (port === localPort) return { close: async () => {} };
    const server = createServer((socket) => joinLocal(socket, localPort));
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) =>
        reject(new Fail('Unsupported', `${this.host}: port ${port} of 127.0.0.1 is taken`, { cause })),
      );
      server.listen(port, '127.0.0.1', resolve);
    });
    return { close: () => new Promise((resolve) => server.close(() => resolve())) };
  }

  stats(): ConnectionStats {
    return this.#meter.read({ sent: 0, received: 0, mostChannels: this.#most });
  }

  async close(): Promise<void> {
    for (const raw of this.#running) raw.abandon();
  }
}

function start(host: string, command: string): RawProcess {
  const child = spawn('/bin/sh', ['-c', command], { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = new Promise<Awaited<RawProcess['ended']>>((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new Fail('Unsupported', `${host}: /bin/sh of this machine cannot be started`, { cause })),
    );
    child.once('close', (code, signal) =>
      resolve({ exitCode: code ?? undefined, signal: signal ?? undefined }),
    );
  });
  child.stdin.on('error', () => {});
  const abandon = () => {
    // As sshd does when a channel closes: the command keeps running but nobody listens any more.
    child.stdin.destroy();
    child.stdout.destroy();
    child.stderr.destroy();
  };
  return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, ended, abandon };
}
