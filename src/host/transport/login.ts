import { Client } from 'ssh2';
import { Fail } from '../../core/fail.ts';
import { withPort } from '../../core/text.ts';
import type { SshAddress } from '../../profile/profile.ts';
import { Authenticator } from './authenticate.ts';
import { judgeHostKey, preferredAlgorithms } from './host-key.ts';
import type { Keyring, ReadSecret } from './identities.ts';
import { untilAborted } from './interrupted.ts';
import type { KnownKey } from './known-hosts.ts';
import { fileForNewKey, nameInKnownHosts, readKnownKeys } from './known-keys.ts';
import type { Meter } from './meter.ts';
import { soundsFull } from './retry.ts';
import { Silence } from './silence.ts';
import type { Wire } from './wire.ts';

/** In which a host must accept a connection and complete the handshake, unless ssh_config or the profile says otherwise. */
const defaultConnectSeconds = 15;

export const connectDeadlineMs = ({ connectTimeoutSeconds }: SshAddress): number =>
  (connectTimeoutSeconds ?? defaultConnectSeconds) * 1000;

/** For each answer of a host to a try to log in: it may have to ask a directory first. */
const answerMs = 30_000;

/** A dead peer is noticed after three unanswered questions. */
const keepalive = { intervalSeconds: 10, unanswered: 3 };

/** What sshd may send before it drops a connection that is one too many (MaxStartups): less than a line. */
const dropNotice = 64;

export interface Login {
  /** Who is logged in to, for messages: the host of the profile, or a jump host. */
  readonly label: string;
  readonly ssh: SshAddress;
  readonly readSecret: ReadSecret;
  readonly keyring: Keyring;
  readonly meter: Meter;
  readonly signal: AbortSignal;
}

export interface LoggedIn {
  readonly client: Client;
  readonly wire: Wire;
}

/** Checks the host key and proves who we are over a wire that was just connected. Costs about 5 round trips. */
export async function logIn(login: Login, wire: Wire): Promise<LoggedIn> {
  const { label, ssh, signal } = login;
  const client = new Client();
  const silence = new Silence((awaited, milliseconds) => {
    client.emit('error', tooSilent(login, awaited, milliseconds));
  });
  const readSecret: ReadSecret = (source, what) => silence.whileAsking(() => login.readSecret(source, what));
  const authenticator = new Authenticator(label, ssh, readSecret, login.keyring);
  try {
    await authenticator.prepare();
    const known = await readKnownKeys(ssh);
    silence.expect('the SSH handshake', connectDeadlineMs(ssh));
    const ready = begin({ ...login, client, wire, known, authenticator, silence });
    await untilAborted(ready, signal, `${label}: logging in`);
  } catch (error) {
    client.destroy();
    wire.destroy();
    throw error;
  } finally {
    silence.over();
  }
  return { client, wire };
}

interface Beginning extends Login, LoggedIn {
  readonly known: readonly KnownKey[];
  readonly authenticator: Authenticator;
  readonly silence: Silence;
}

/** Settles when we are in or it is certain that we will not be. */
function begin(login: Beginning): Promise<void> {
  const { label, ssh, meter, client, wire, known, authenticator, silence } = login;
  const file = fileForNewKey(ssh);
  const name = nameInKnownHosts(ssh);
  let handshaken = false;
  let greeting = '';
  return new Promise((resolve, reject) => {
    client.once('ready', () => {
      meter.wait(authenticator.lastMethodWaits);
      resolve();
    });
    client.once('handshake', () => {
      handshaken = true;
      silence.expect('an answer to the login', answerMs);
      // Key exchange, and the request for the authentication service.
      meter.wait(2);
    });
    const failed = (cause?: unknown) => {
      if (cause instanceof Fail) reject(cause);
      else reject(handshaken ? authenticator.failure(cause) : noHandshake(login, greeting, cause));
    };
    client.on('error', (error: Error & { level?: string }) => {
      // An agent that does not answer is one refused method among others.
      if (error.level !== 'agent') failed(error);
    });
    client.once('close', () => failed());
    // It went away while keys and known hosts were read: nobody would tell.
    if (wire.destroyed) return failed();
    // After connect(), which listens first: a wire flows as soon as anybody does.
    process.nextTick(() => wire.once('data', (chunk: Buffer) => (greeting = chunk.toString('latin1'))));
    client.connect({
      sock: wire,
      username: ssh.user,
      algorithms: { serverHostKey: preferredAlgorithms(known, ssh.hostKeyAlgorithms) as never },
      keepaliveInterval: (ssh.aliveIntervalSeconds ?? keepalive.intervalSeconds) * 1000,
      keepaliveCountMax: ssh.aliveCountMax ?? keepalive.unanswered,
      readyTimeout: 0,
      hostVerifier: (offered: Buffer, verify: (ok: boolean) => void) => {
        // Versions and key exchange proposals crossed before the key could come.
        meter.wait();
        const fail = judgeHostKey({ hostName: label, name, file, known, offered });
        if (fail !== undefined) reject(fail);
        verify(fail === undefined);
      },
      authHandler: (left, partial, answer) => {
        // A refused attempt cost one wait.
        if (left !== null) meter.wait();
        silence.expect('an answer to the login', answerMs);
        authenticator.next(left, partial, answer).catch(reject);
      },
    });
  });
}

function noHandshake({ label, ssh, wire }: Beginning, greeting: string, cause: unknown): Fail {
  const said = cause instanceof Error ? cause.message : 'the connection was closed';
  return new Fail(
    'Unreachable',
    `${label}: ${withPort(ssh.host, ssh.port)} does not complete the SSH handshake: ${said}`,
    {
      hint: 'Check that an SSH server listens there; a server that is overloaded drops connections (MaxStartups).',
      context: {
        ...{ host: ssh.host, port: ssh.port },
        ...{ mayPass: wire.bytesRead <= dropNotice, full: soundsFull(greeting) },
      },
      cause,
    },
  );
}

const tooSilent = ({ label, ssh }: Login, awaited: string, milliseconds: number): Fail =>
  new Fail(
    'Unreachable',
    `${label}: ${withPort(ssh.host, ssh.port)} stalls: ${awaited} did not come within ${milliseconds / 1000} s`,
    {
      hint: 'Look at the load of the host, and at the firewalls between; ssh.connectTimeout gives it more time.',
    },
  );
