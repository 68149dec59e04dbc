import type { Client, ClientChannel } from 'ssh2';
import { Fail } from '../../core/fail.ts';
import { withPort } from '../../core/text.ts';
import type { SshAddress } from '../../profile/profile.ts';
import type { Dialled } from './dial.ts';
import { untilAborted } from './interrupted.ts';
import { Lanes } from './lanes.ts';
import type { LoggedIn } from './login.ts';
import { Meter } from './meter.ts';
import { type Jumps, type Reach, reach } from './reach.ts';
import { ChannelWire, type Wire } from './wire.ts';

/** Channels that one jump host is asked for at the same time; others wait. Those that are open stay and do not count. */
const openingsAtOnce = 10;

/** Reasons of SSH_MSG_CHANNEL_OPEN_FAILURE (RFC 4254, 5.1). */
const prohibited = 1;
const connectFailed = 2;
const resourceShortage = 4;

export const addressText = ({ user, host, port }: SshAddress): string => `${user}@${withPort(host, port)}`;

/**
 * The jump hosts of one command. Each is logged in to once, however many hosts lie behind it, and its failure is told
 * by each of them. A jump host that gives a connection no more channels gets another connection.
 */
export class JumpHosts implements Jumps {
  readonly #opened = new Map<string, JumpHost>();

  /** A connection from the last host of the chain to the target. */
  async dial(chain: readonly SshAddress[], target: Dialled, to: Reach): Promise<Wire> {
    // Also by which keys it is known: who trusts other files must not ride on what somebody else has let in.
    const key = JSON.stringify(chain);
    const jump = this.#opened.get(key) ?? new JumpHost(chain, to);
    this.#opened.set(key, jump);
    return await jump.dial(target);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#opened.values()].map((jump) => jump.close()));
  }
}

class JumpHost {
  readonly #ssh: SshAddress;
  readonly #way: Reach;
  readonly #label: string;
  /** The newest takes new channels; older ones are full, or gone. */
  readonly #connections: Promise<LoggedIn>[] = [];
  readonly #openings = new Lanes(openingsAtOnce);
  /** The newest has gone, after it was there: a next one is worth a try. */
  #isGone = false;

  constructor(chain: readonly SshAddress[], way: Reach) {
    const before = chain.slice(0, -1);
    const last = chain.at(-1);
    if (last === undefined) throw new Error('a chain of jump hosts is never empty');
    const { jump: _, ...itself } = last;
    this.#ssh = before.length === 0 ? itself : { ...itself, jump: before };
    this.#label = `jump host ${addressText(last)}`;
    this.#way = way;
  }

  async dial(target: Dialled): Promise<Wire> {
    const giveBack = await this.#openings.take(target.signal, `${target.label}: waiting for ${this.#label}`);
    try {
      return new ChannelWire(await this.#channel(target, this.#connection(target)));
    } finally {
      giveBack();
    }
  }

  #connection(target: Dialled): Promise<LoggedIn> {
    const newest = this.#connections.at(-1);
    return newest === undefined || this.#isGone ? this.#connect(target) : newest;
  }

  #connect({ signal }: Dialled): Promise<LoggedIn> {
    const connection = reach({
      ...this.#way,
      label: this.#label,
      ssh: this.#ssh,
      meter: new Meter(),
      signal,
    });
    // A jump host that was there before may be there again later; one that never was fails for all that lie behind it.
    const isFirst = this.#connections.length === 0;
    const gone = () => {
      this.#isGone ||= this.#connections.at(-1) === connection;
    };
    this.#isGone = false;
    this.#connections.push(connection);
    connection.then(
      ({ client }) => {
        // One of each channel that is being opened.
        client.setMaxListeners(2 * openingsAtOnce);
        client.once('close', gone);
      },
      () => {
        if (!isFirst) gone();
      },
    );
    return connection;
  }

  async #channel(target: Dialled, connection: Promise<LoggedIn>): Promise<ClientChannel> {
    const { client } = await this.#loggedIn(target, connection);
    try {
      return await forward(client, target, this.#label);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.reason !== resourceShortage) throw error.fail(target, this.#label);
      // A fresh connection that gives no channel either is not a matter of room.
      if (this.#connections.at(-1) === connection && this.#connections.length > 8)
        throw error.fail(target, this.#label);
      const next = this.#connections.at(-1);
      return await this.#channel(
        target,
        next === undefined || next === connection ? this.#connect(target) : next,
      );
    }
  }

  /** The failure of a jump host is the failure of each host behind it, in that host's name. */
  async #loggedIn({ label }: Dialled, connection: Promise<LoggedIn>): Promise<LoggedIn> {
    try {
      return await connection;
    } catch (error) {
      if (!(error instanceof Fail)) throw error;
      const { code, message, hint, context } = error;
      throw new Fail(code, `${label}: ${message}`, {
        ...(hint === undefined ? {} : { hint }),
        // Its own retries are over.
        context: { ...context, mayPass: false },
        cause: error,
      });
    }
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) {
      const loggedIn = await connection.catch(() => undefined);
      loggedIn?.client.end();
      loggedIn?.wire.destroy();
    }
  }
}

class Refused extends Error {
  readonly reason: number | undefined;

  constructor(cause: Error) {
    super(cause.message, { cause });
    this.reason = 'reason' in cause && typeof cause.reason === 'number' ? cause.reason : undefined;
  }

  fail({ label, host, port }: Dialled, jumpHost: string): Fail {
    const said = `${label}: ${jumpHost} does not connect us with ${withPort(host, port)}`;
    if (this.reason === prohibited)
      return new Fail('Unsupported', `${said}: it forwards no connections`, {
        hint: 'Allow it there: AllowTcpForwarding yes (or local) and PermitOpen in sshd_config.',
        cause: this,
      });
    return new Fail('Unreachable', `${said}: ${this.message}`, {
      hint: 'Check that the host is up, that its sshd listens there, and the route between the two.',
      context: { host, port, mayPass: this.reason === connectFailed },
      cause: this,
    });
  }
}

async function forward(client: Client, target: Dialled, jumpHost: string): Promise<ClientChannel> {
  const { label, host, port, signal, deadlineMs } = target;
  const deadline = AbortSignal.timeout(deadlineMs);
  const either = AbortSignal.any([signal, deadline]);
  const opened = new Promise<ClientChannel>((resolve, reject) => {
    const gone = () => reject(lost(label, jumpHost));
    client.once('close', gone);
    try {
      client.forwardOut('127.0.0.1', 0, host, port, (error, channel) => {
        client.off('close', gone);
        if (error) reject(new Refused(error));
        else if (either.aborted) channel.close();
        else resolve(channel);
      });
    } catch {
      // Thrown where the connection is gone already.
      gone();
    }
  });
  opened.catch(() => {});
  try {
    return await untilAborted(opened, either, `${label}: connecting`);
  } catch (error) {
    if (!deadline.aborted || signal.aborted) throw error;
    throw new Fail(
      'Unreachable',
      `${label}: ${jumpHost} did not connect us with ${withPort(host, port)} within ${deadlineMs / 1000} s`,
      { hint: 'Check that the host is up, and the route and firewalls between the two.', cause: error },
    );
  }
}

const lost = (label: string, jumpHost: string): Fail =>
  new Fail('ConnectionLost', `${label}: the connection to ${jumpHost} is gone`, {
    hint: 'Run the same command again: it goes on where this one stopped.',
  });
