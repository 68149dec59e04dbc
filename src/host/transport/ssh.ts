import { connect as connectTcp } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Client, ClientChannel } from 'ssh2';
import { Fail } from '../../core/fail.ts';
import { quote } from '../quote.ts';
import { collect } from './collect.ts';
import type {
  Connection,
  ConnectionStats,
  ExecResult,
  Exit,
  RemoteProcess,
  RunOptions,
} from './connection.ts';
import { interrupted, untilAborted } from './interrupted.ts';
import { addressText } from './jump-hosts.ts';
import { Lanes } from './lanes.ts';
import { Meter } from './meter.ts';
import { type Reach, reach } from './reach.ts';
import { type Become, type RawProcess, RootShell } from './root-shell.ts';
import { windowSize, withOwnTerminal } from './terminal.ts';
import type { Wire } from './wire.ts';

/** Between two tries to get the only channel of a host. */
const firstPauseMs = 50;
const lastPauseMs = 800;

/** Connects, checks the host key, proves who we are. Costs about 6 round trips, more through jump hosts. */
export async function connectSsh(
  to: Omit<Reach, 'meter'>,
  become: Become,
  release: () => Promise<void>,
): Promise<Connection> {
  const meter = new Meter();
  const { client, wire } = await reach({ ...to, meter });
  return new SshConnection(to, { become, client, wire, meter, release });
}

interface Parts {
  readonly become: Become;
  readonly client: Client;
  readonly wire: Wire;
  readonly meter: Meter;
  /** Lets go of what this connection alone needed, such as its jump hosts. */
  readonly release: () => Promise<void>;
}

class SshConnection implements Connection {
  readonly host: string;
  readonly address: string;
  readonly #client: Client;
  readonly #wire: Wire;
  readonly #meter: Meter;
  readonly #become: Become;
  readonly #release: () => Promise<void>;
  readonly #lost: Promise<never>;
  readonly #lanes = new Lanes();
  readonly #forwards = new Map<number, number>();
  #closing = false;

  constructor({ label, ssh }: Pick<Reach, 'label' | 'ssh'>, { become, client, wire, meter, release }: Parts) {
    this.host = label;
    this.address = [ssh, ...(ssh.jump?.toReversed() ?? [])].map(addressText).join(' through ');
    this.#client = client;
    this.#wire = wire;
    this.#meter = meter;
    this.#become = become;
    this.#release = release;
    const { promise, reject } = Promise.withResolvers<never>();
    this.#lost = promise;
    promise.catch(() => {});
    let reason: Error | undefined;
    client.on('error', (error) => {
      reason ??= error;
    });
    client.once('close', () => reject(this.#lostBecause(reason)));
    client.on('tcp connection', (info, accept, refuse) => {
      const localPort = this.#forwards.get(info.destPort);
      if (localPort === undefined) refuse();
      else joinLocal(accept(), localPort);
    });
  }

  sh(script: string, options: RunOptions): Promise<ExecResult> {
    return collect(this, script, options);
  }

  async spawn(script: string, { signal }: { readonly signal: AbortSignal }): Promise<RemoteProcess> {
    const shell = new RootShell(this.host, this.#become, () => this.#meter.wait());
    const raw = await this.#exec(shell.loginCommand(), signal);
    // Channel opened, command accepted, and the answer to what is written now.
    this.#meter.wait(3);
    this.#meter.channel();
    return shell.enter(raw, script, signal);
  }

  /** Waits for its turn; a host that allows fewer channels than we want gets as many as it allows. */
  async #exec(command: string, signal: AbortSignal): Promise<RawProcess> {
    for (let pauseMs = firstPauseMs; ; ) {
      const giveBack = await this.#lanes.take(signal, `${this.host}: waiting for a channel`);
      try {
        const raw = await this.#open(command, signal);
        raw.ended.then(giveBack, giveBack);
        return raw;
      } catch (error) {
        const others = error instanceof ChannelRefused && this.#lanes.shrink();
        giveBack();
        if (!(error instanceof ChannelRefused) || (!others && pauseMs > lastPauseMs)) throw error;
        if (others) continue;
      }
      // No other is open, but sshd may not have put away the one before.
      await pause(pauseMs, undefined, { signal }).catch(() => {
        throw interrupted(signal, `${this.host}: opening a channel`);
      });
      pauseMs *= 2;
    }
  }

  async #open(command: string, signal: AbortSignal): Promise<RawProcess> {
    const opened = new Promise<RawProcess>((resolve, reject) => {
      // Throws at once, without a callback, when the connection is gone, or going, already: `#lost` tells.
      if (!this.#wire.writable) return;
      this.#client.exec(command, (error, channel) => {
        if (error) reject(new ChannelRefused(this, error));
        else if (signal.aborted) channel.close();
        // Listened to at once: the exit of a short command may come in the same packet as the answer.
        else resolve(this.#rawProcess(channel));
      });
    });
    return untilAborted(Promise.race([opened, this.#lost]), signal, `${this.host}: opening a channel`);
  }

  #rawProcess(channel: ClientChannel): RawProcess {
    const ended = new Promise<Awaited<RawProcess['ended']>>((resolve) => {
      let exit: Awaited<RawProcess['ended']> | undefined;
      channel.once('exit', (code: number | null, signal?: string) => {
        exit = { exitCode: code ?? undefined, signal };
      });
      // Without an exit the connection went away below the channel: `#lost` tells.
      channel.once('close', () => {
        if (exit !== undefined) resolve(exit);
      });
    });
    channel.on('error', () => {});
    const outcome = Promise.race([ended, this.#lost]);
    outcome.catch(() => {});
    return {
      stdin: channel.stdin,
      stdout: channel.stdout,
      stderr: channel.stderr,
      ended: outcome,
      abandon: () => channel.close(),
    };
  }

  #lostBecause(cause: Error | undefined): Fail {
    const why = this.#closing ? 'it was closed' : (cause?.message ?? 'the other side closed it');
    return new Fail('ConnectionLost', `${this.host}: the connection to ${this.address} is gone: ${why}`, {
      hint: 'Run the same command again: it goes on where this one stopped.',
      cause,
    });
  }

  async interact(command: string, { signal }: { readonly signal: AbortSignal }): Promise<Exit> {
    const giveBack = await this.#lanes.take(signal, `${this.host}: waiting for a channel`);
    this.#meter.wait(3);
    this.#meter.channel();
    try {
      const channel = await this.#terminal(`exec /bin/sh -c ${quote(command)}`, signal);
      const { ended } = this.#rawProcess(channel);
      return await withOwnTerminal(channel, untilAborted(ended, signal, `${this.host}: the terminal`));
    } finally {
      giveBack();
    }
  }

  #terminal(command: string, signal: AbortSignal): Promise<ClientChannel> {
    const pty = { term: process.env['TERM'] ?? 'dumb', ...windowSize(), width: 0, height: 0 };
    const opened = new Promise<ClientChannel>((resolve, reject) => {
      if (!this.#wire.writable) return;
      this.#client.exec(command, { pty }, (error, channel) => {
        if (error) reject(new ChannelRefused(this, error));
        else resolve(channel);
      });
    });
    return untilAborted(Promise.race([opened, this.#lost]), signal, `${this.host}: opening a terminal`);
  }

  async forwardToLocal(port: number, localPort: number): Promise<{ close(): Promise<void> }> {
    const asked = new Promise<void>((resolve, reject) => {
      this.#client.forwardIn('127.0.0.1', port, (error) => {
        if (error === undefined) resolve();
        else reject(this.#refusedForward(port, error));
      });
    });
    this.#meter.wait();
    this.#forwards.set(port, localPort);
    await Promise.race([asked, this.#lost]);
    return { close: () => this.#stopForward(port) };
  }

  async #stopForward(port: number): Promise<void> {
    const done = new Promise<void>((resolve) => {
      this.#client.unforwardIn('127.0.0.1', port, () => resolve());
    });
    // A lost connection ends the forwarding as well.
    await Promise.race([done, this.#lost]).catch(() => {});
    this.#forwards.delete(port);
  }

  #refusedForward(port: number, cause: Error): Fail {
    return new Fail('Unsupported', `${this.host}: sshd does not forward 127.0.0.1:${port} to us`, {
      hint: 'Allow it (AllowTcpForwarding yes or remote in sshd_config), or free the port on the host.',
      cause,
    });
  }

  stats(): ConnectionStats {
    const { bytesWritten: sent, bytesRead: received } = this.#wire;
    return this.#meter.read({ sent, received, mostChannels: this.#lanes.most });
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#end();
    await this.#release();
  }

  async #end(): Promise<void> {
    if (!this.#wire.writable) return;
    const closed = new Promise<void>((resolve) => {
      this.#client.once('close', () => resolve());
    });
    this.#client.end();
    const patience = setTimeout(() => this.#wire.destroy(), 2000);
    await closed;
    clearTimeout(patience);
  }
}

export class ChannelRefused extends Fail {
  constructor({ host, address }: Connection, cause: Error) {
    super('ConnectionLost', `${host}: ${address} refused a channel: ${cause.message}`, {
      hint: "Raise MaxSessions in the host's sshd_config if it was lowered.",
      cause,
    });
  }
}

/** Joins a forwarded stream with a port of this machine; either end closing closes the other. */
export function joinLocal(remote: NodeJS.ReadWriteStream & { destroy(): unknown }, localPort: number): void {
  const local = connectTcp({ host: '127.0.0.1', port: localPort });
  remote.pipe(local);
  local.pipe(remote);
  local.on('error', () => remote.destroy());
  remote.on('error', () => local.destroy());
  local.once('close', () => remote.destroy());
  remote.once('close', () => local.destroy());
}
