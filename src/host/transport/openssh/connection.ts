import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { runCommand } from '../../../core/command.ts';
import { Fail } from '../../../core/fail.ts';
import { readIfThere } from '../../../core/read-if-there.ts';
import { quote } from '../../quote.ts';
import { collect } from '../collect.ts';
import type {
  Connection,
  ConnectionStats,
  ExecResult,
  Exit,
  RemoteProcess,
  RunOptions,
} from '../connection.ts';
import { addressText } from '../jump-hosts.ts';
import { Lanes } from '../lanes.ts';
import { Meter } from '../meter.ts';
import { onOwnTerminal } from '../own-terminal.ts';
import type { Reach } from '../reach.ts';
import { type Become, type RawProcess, RootShell } from '../root-shell.ts';
import { endOfSession, sessionOf } from './log.ts';
import type { Master } from './master.ts';

/** What ssh says when a command did not end with a code of its own (ssh(1), EXIT STATUS). */
const noExitCode = 255;

/** TCP, versions, key exchange and service (2), a key that is offered and proven: what a connection waits for. */
const waitsToConnect = 6;

/** How long the connection may outlive the commands that its loss has ended. */
const graceMs = 2000;

/** One connection that an ssh of this machine holds; each command runs through another ssh and the first one's socket. */
export class OpenSshConnection implements Connection {
  readonly host: string;
  readonly address: string;
  readonly #become: Become;
  readonly #master: Master;
  readonly #meter = new Meter();
  readonly #lanes = new Lanes();
  readonly #lost: Promise<never>;
  #sent = 0;
  #received = 0;
  #closing = false;

  constructor({ label, ssh }: Pick<Reach, 'label' | 'ssh'>, become: Become, master: Master) {
    this.host = label;
    this.address = [ssh, ...(ssh.jump?.toReversed() ?? [])].map(addressText).join(' through ');
    this.#become = become;
    this.#master = master;
    this.#meter.wait(waitsToConnect);
    this.#lost = master.ended.then(() => {
      throw this.#gone();
    });
    this.#lost.catch(() => {});
  }

  sh(script: string, options: RunOptions): Promise<ExecResult> {
    return collect(this, script, options);
  }

  async spawn(script: string, { signal }: { readonly signal: AbortSignal }): Promise<RemoteProcess> {
    const shell = new RootShell(this.host, this.#become, () => this.#meter.wait());
    const giveBack = await this.#lanes.take(signal, `${this.host}: waiting for a channel`);
    const raw = this.#start(shell.loginCommand());
    raw.ended.then(giveBack, giveBack);
    this.#meter.wait(3);
    this.#meter.channel();
    return await shell.enter(raw, script, signal);
  }

  #start(command: string): RawProcess {
    const { argv, log } = this.#master.client(command);
    const [program = 'ssh', ...args] = argv;
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdout.on('data', (chunk: Buffer) => {
      this.#received += chunk.length;
    });
    child.stdin.on('error', () => {});
    const closed = new Promise<number | undefined>((resolve, reject) => {
      child.once('error', (cause) =>
        reject(new Fail('Internal', `${this.host}: ssh cannot be started`, { cause })),
      );
      child.once('close', (code) => {
        if (child.stdin instanceof Socket) this.#sent += child.stdin.bytesWritten;
        resolve(code ?? undefined);
      });
    });
    const ended = closed.then((code) => this.#endOf(code, log));
    ended.catch(() => {});
    const { stdin, stdout, stderr } = child;
    return { stdin, stdout, stderr, ended, abandon: () => child.kill('SIGTERM') };
  }

  /** 255 is a code that the command may end with, a signal that ended it, or the end of the connection: the logs tell. */
  async #endOf(code: number | undefined, clientLog: string): Promise<Exit> {
    if (code !== noExitCode) return { exitCode: code, signal: undefined };
    const log = (await readIfThere(clientLog))?.toString('utf8') ?? '';
    const session = sessionOf(log);
    const end = session === undefined ? undefined : endOfSession(await this.#master.log(), session);
    if (end === 'exit-status') return { exitCode: code, signal: undefined };
    // ssh does not say which signal it was.
    if (end === 'exit-signal') return { exitCode: undefined, signal: 'unknown' };
    const patience = new Promise<undefined>(
      (resolve) => void setTimeout(resolve, graceMs, undefined).unref(),
    );
    await Promise.race([this.#lost, patience]);
    if (session === undefined) throw this.#refusedChannel(log);
    return { exitCode: undefined, signal: 'unknown' };
  }

  #refusedChannel(log: string): Fail {
    const said = log.trim().split('\n').at(-1) ?? '';
    return new Fail('ConnectionLost', `${this.host}: ${this.address} refused a channel: ${said}`, {
      hint: "Raise MaxSessions in the host's sshd_config if it was lowered.",
    });
  }

  #gone(): Fail {
    const why = this.#closing ? 'it was closed' : this.#lastWords();
    return new Fail('ConnectionLost', `${this.host}: the connection to ${this.address} is gone: ${why}`, {
      hint: 'Run the same command again: it goes on where this one stopped.',
    });
  }

  #lastWords(): string {
    return this.#master.stderr().trim().split('\n').at(-1) || 'ssh ended';
  }

  async interact(command: string, { signal }: { readonly signal: AbortSignal }): Promise<Exit> {
    const giveBack = await this.#lanes.take(signal, `${this.host}: waiting for a channel`);
    this.#meter.wait(3);
    this.#meter.channel();
    try {
      const { argv, log } = this.#master.client(`exec /bin/sh -c ${quote(command)}`, ['-tt']);
      const { exitCode } = await onOwnTerminal(this.host, argv, signal);
      return await this.#endOf(exitCode, log);
    } finally {
      giveBack();
    }
  }

  async forwardToLocal(port: number, localPort: number): Promise<{ close(): Promise<void> }> {
    const forward = ['-R', `127.0.0.1:${port}:127.0.0.1:${localPort}`];
    this.#meter.wait();
    const { exitCode, stderr } = await this.#control('forward', forward);
    if (exitCode !== 0)
      throw new Fail('Unsupported', `${this.host}: sshd does not forward 127.0.0.1:${port} to us`, {
        hint: 'Allow it (AllowTcpForwarding yes or remote in sshd_config), or free the port on the host.',
        cause: new Error(stderr.trim()),
      });
    return {
      // A lost connection ends the forwarding as well.
      close: async () => void (await this.#control('cancel', forward)),
    };
  }

  #control(command: string, options: readonly string[]) {
    return runCommand(this.#master.control(command, options), { signal: new AbortController().signal });
  }

  stats(): ConnectionStats {
    return this.#meter.read({
      sent: this.#sent,
      received: this.#received,
      mostChannels: this.#lanes.most,
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#master.close();
  }
}
