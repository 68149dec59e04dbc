import { connect as connectTcp, type Socket } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Client, type ClientChannel } from 'ssh2';
import { Fail } from '../../core/fail.ts';
import type { SshAddress } from '../../profile/profile.ts';
import { Authenticator } from './authenticate.ts';
import { collect } from './collect.ts';
import type { Connection, ConnectionStats, ExecResult, RemoteProcess } from './connection.ts';
import { dial } from './dial.ts';
import { judgeHostKey, preferredAlgorithms } from './host-key.ts';
import { expandHome, type ReadSecret, readIfThere } from './identities.ts';
import { untilAborted } from './interrupted.ts';
import { findKnownKeys, type KnownKey } from './known-hosts.ts';
import { Meter } from './meter.ts';
import { type Become, type RawProcess, RootShell } from './root-shell.ts';

/** Longer than sshd's LoginGraceTime of two minutes: a person may have to type a passphrase. */
const loginDeadlineMs = 150_000;

/** A dead peer is noticed after three unanswered questions. */
const keepalive = { intervalMs: 10_000, unanswered: 3 };

interface Login {
  readonly hostName: string;
  readonly ssh: SshAddress;
  readonly readSecret: ReadSecret;
  readonly become: Become;
  readonly signal: AbortSignal;
}

/** Connects, checks the host key, proves who we are. Costs about 6 round trips. */
export async function connectSsh(login: Login): Promise<Connection> {
  const { hostName, ssh, signal } = login;
  const meter = new Meter();
  const files = ssh.knownHostsFiles.length > 0 ? ssh.knownHostsFiles.map(expandHome) : defaultKnownHosts();
  const known = await readKnownKeys(files, ssh);
  const authenticator = new Authenticator(hostName, ssh, login.readSecret);
  await authenticator.prepare();
  const socket = await dial(hostName, ssh.host, ssh.port, signal);
  meter.wait();
  const client = new Client();
  const ready = handshake({ login, client, socket, known, file: files[0] ?? '', authenticator, meter });
  const deadline = AbortSignal.timeout(loginDeadlineMs);
  try {
    await untilAborted(ready, AbortSignal.any([signal, deadline]), `${hostName}: logging in`);
  } catch (error) {
    client.destroy();
    socket.destroy();
    throw error;
  }
  return new SshConnection(login, client, socket, meter);
}

const defaultKnownHosts = (): string[] => [
  join(homedir(), '.ssh', 'known_hosts'),
  '/etc/ssh/ssh_known_hosts',
];

async function readKnownKeys(files: readonly string[], ssh: SshAddress): Promise<KnownKey[]> {
  const keys: KnownKey[] = [];
  for (const file of files) {
    const text = await readIfThere(file);
    if (text !== undefined) keys.push(...findKnownKeys(file, text.toString('utf8'), ssh.host, ssh.port));
  }
  return keys;
}

interface Handshake {
  readonly login: Login;
  readonly client: Client;
  readonly socket: Socket;
  readonly known: readonly KnownKey[];
  readonly file: string;
  readonly authenticator: Authenticator;
  readonly meter: Meter;
}

/** Settles when the connection is ready or it is certain that it will not be. */
function handshake({ login, client, socket, known, file, authenticator, meter }: Handshake): Promise<void> {
  const { hostName, ssh } = login;
  let handshaken = false;
  return new Promise((resolve, reject) => {
    client.once('ready', () => {
      meter.wait(authenticator.lastMethodWaits);
      resolve();
    });
    client.once('handshake', () => {
      handshaken = true;
      // Key exchange, and the request for the authentication service.
      meter.wait(2);
    });
    const failed = (cause?: unknown) =>
      reject(handshaken ? authenticator.failure(cause) : noHandshake(login, cause));
    client.on('error', (error: Error & { level?: string }) => {
      // An agent that does not answer is one refused method among others.
      if (error.level !== 'agent') failed(error);
    });
    client.once('close', () => failed());
    client.connect({
      sock: socket,
      username: ssh.user,
      algorithms: { serverHostKey: preferredAlgorithms(known) as never },
      keepaliveInterval: keepalive.intervalMs,
      keepaliveCountMax: keepalive.unanswered,
      readyTimeout: 0,
      hostVerifier: (offered: Buffer, verify: (ok: boolean) => void) => {
        // Versions and key exchange proposals crossed before the key could come.
        meter.wait();
        const fail = judgeHostKey({ hostName, host: ssh.host, port: ssh.port, file, known, offered });
        if (fail !== undefined) reject(fail);
        verify(fail === undefined);
      },
      authHandler: (left, partial, answer) => {
        // A refused attempt cost one wait.
        if (left !== null) meter.wait();
        authenticator.next(left, partial, answer).catch(reject);
      },
    });
  });
}

function noHandshake({ hostName, ssh }: Login, cause: unknown): Fail {
  const said = cause instanceof Error ? cause.message : 'the connection was closed';
  return new Fail(
    'Unreachable',
    `${hostName}: ${ssh.host}:${ssh.port} does not complete the SSH handshake: ${said}`,
    {
      hint: 'Check that an SSH server listens there; a server that is overloaded drops connections (MaxStartups).',
      cause,
    },
  );
}

class SshConnection implements Connection {
  readonly host: string;
  readonly address: string;
  readonly #client: Client;
  readonly #socket: Socket;
  readonly #meter: Meter;
  readonly #become: Become;
  readonly #lost: Promise<never>;
  readonly #forwards = new Map<number, number>();
  #closing = false;

  constructor({ hostName, ssh, become }: Login, client: Client, socket: Socket, meter: Meter) {
    this.host = hostName;
    this.address = `${ssh.user}@${ssh.host}:${ssh.port}`;
    this.#client = client;
    this.#socket = socket;
    this.#meter = meter;
    this.#become = become;
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

  async sh(
    script: string,
    options: { readonly signal: AbortSignal; readonly input?: string | Buffer },
  ): Promise<ExecResult> {
    return collect(this.host, await this.spawn(script, options), options.input);
  }

  async spawn(script: string, { signal }: { readonly signal: AbortSignal }): Promise<RemoteProcess> {
    const shell = new RootShell(this.host, this.#become, () => this.#meter.wait());
    const raw = await this.#exec(shell.loginCommand(), signal);
    // Channel opened, command accepted, and the answer to what is written now.
    this.#meter.wait(3);
    this.#meter.channel();
    return shell.enter(raw, script, signal);
  }

  async #exec(command: string, signal: AbortSignal): Promise<RawProcess> {
    const opened = new Promise<RawProcess>((resolve, reject) => {
      // Throws at once, without a callback, when the connection is gone already.
      if (this.#socket.destroyed) return;
      this.#client.exec(command, (error, channel) => {
        if (error) reject(this.#refusedChannel(error));
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

  #refusedChannel(cause: Error): Fail {
    return new Fail('ConnectionLost', `${this.host}: ${this.address} refused a channel: ${cause.message}`, {
      hint: "Raise MaxSessions in the host's sshd_config if it was lowered.",
      cause,
    });
  }

  #lostBecause(cause: Error | undefined): Fail {
    const why = this.#closing ? 'it was closed' : (cause?.message ?? 'the other side closed it');
    return new Fail('ConnectionLost', `${this.host}: the connection to ${this.address} is gone: ${why}`, {
      hint: 'Run the same command again: it goes on where this one stopped.',
      cause,
    });
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
    return this.#meter.read({ sent: this.#socket.bytesWritten, received: this.#socket.bytesRead });
  }

  async close(): Promise<void> {
    this.#closing = true;
    if (this.#socket.destroyed) return;
    const closed = new Promise<void>((resolve) => {
      this.#client.once('close', () => resolve());
    });
    this.#client.end();
    const patience = setTimeout(() => this.#socket.destroy(), 2000);
    await closed;
    clearTimeout(patience);
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
