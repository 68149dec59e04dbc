import type { AnyAuthMethod, AuthenticationType, NextAuthHandler, ParsedKey, Prompt } from 'ssh2';
import { Fail } from '../../core/fail.ts';
import { withPort } from '../../core/text.ts';
import type { SshAddress } from '../../profile/profile.ts';
import {
  type Agent,
  defaultIdentityFiles,
  expandHome,
  type Keyring,
  labelOf,
  OneKeyAgent,
  type ReadSecret,
} from './identities.ts';

/** One way to prove who we are. `method` is asked for only when its turn comes: it may prompt. */
interface Candidate {
  readonly label: string;
  /** The method's name in the protocol (RFC 4252). */
  readonly offeredAs: string;
  readonly method: () => Promise<AnyAuthMethod>;
  /** Only as the second factor, after the server accepted a first. */
  readonly secondFactor?: true;
}

interface Attempt {
  readonly label: string;
  outcome: string;
}

/** Nobody was let in: what was tried, what came of it, and what the host would accept. */
export function authenticationFailed(
  label: string,
  { user, host, port }: SshAddress,
  attempts: readonly Readonly<Attempt>[],
  accepted: readonly string[] | undefined,
  cause: unknown,
): Fail {
  const tried = attempts.map((attempt) => `${attempt.label}: ${attempt.outcome}`);
  const offered = accepted === undefined ? '' : ` The host accepts: ${accepted.join(', ')}.`;
  return new Fail(
    'AuthenticationFailed',
    `${label}: ${user}@${withPort(host, port)} let us in with none of: ${tried.join('; ')}.${offered}`,
    {
      hint:
        'Add the public key to ~/.ssh/authorized_keys of the user, or name the right key in ssh.identityFiles ' +
        'or a password in ssh.password.',
      context: { attempts },
      cause,
    },
  );
}

/**
 * The order of authentication for one connection, and what came of each try.
 * Identity files named in the profile mean these and no others, through the agent when it holds them; so do those of
 * ssh_config with IdentitiesOnly. Else everything the agent has, then the files. Passwords come last.
 */
export class Authenticator {
  readonly attempts: Attempt[] = [];
  readonly #hostName: string;
  readonly #ssh: SshAddress;
  readonly #readSecret: ReadSecret;
  readonly #keyring: Keyring;
  readonly #candidates: Candidate[] = [];
  #offered: readonly string[] | undefined;
  #running: Attempt | undefined;
  /** Round trips that success costs once the last method was sent: a key is first offered, then proven. */
  lastMethodWaits = 1;

  constructor(hostName: string, ssh: SshAddress, readSecret: ReadSecret, keyring: Keyring) {
    this.#hostName = hostName;
    this.#ssh = ssh;
    this.#readSecret = readSecret;
    this.#keyring = keyring;
  }

  async prepare(): Promise<void> {
    const named = this.#ssh.identityFiles.length > 0;
    const only = this.#ssh.identitiesOnly ?? named;
    const agent = await this.#keyring.agent(this.#ssh.agent);
    if (!only && agent !== undefined) for (const key of agent.keys) this.#addAgentKey(agent, key);
    const files = named ? this.#ssh.identityFiles.map(expandHome) : defaultIdentityFiles();
    for (const file of files) await this.#addFile(file, agent, { named, only });
    this.#addPassword();
    this.#addQuestions();
    if (!this.#candidates.some((candidate) => candidate.secondFactor !== true)) this.#addNothing();
  }

  /** What ssh2 calls to learn the next method; `false` ends the authentication. */
  async next(
    left: readonly AuthenticationType[] | null,
    partial: boolean | null,
    answer: NextAuthHandler,
  ): Promise<void> {
    if (this.#running?.outcome === 'no answer')
      this.#running.outcome = partial ? 'accepted, more is asked' : 'refused';
    if (left !== null) this.#offered = left;
    const candidate = this.#takeCandidate(partial === true);
    if (candidate === undefined) {
      this.#running = undefined;
      // The type declaration lacks `false`, the documented way to give up.
      (answer as (method: AnyAuthMethod | false) => void)(false);
      return;
    }
    this.#running = { label: candidate.label, outcome: 'no answer' };
    this.attempts.push(this.#running);
    this.lastMethodWaits = candidate.offeredAs === 'password' || candidate.offeredAs === 'none' ? 1 : 2;
    answer(await candidate.method());
  }

  failure(cause: unknown): Fail {
    return authenticationFailed(this.#hostName, this.#ssh, this.attempts, this.#offered, cause);
  }

  #takeCandidate(partial: boolean): Candidate | undefined {
    for (let next = this.#candidates.shift(); next !== undefined; next = this.#candidates.shift()) {
      if (next.secondFactor === true && !partial) continue;
      if (this.#offered === undefined || this.#offered.includes(next.offeredAs)) return next;
      this.attempts.push({ label: next.label, outcome: `the host does not offer ${next.offeredAs}` });
    }
    return undefined;
  }

  #addAgentKey({ socket }: Agent, key: ParsedKey): void {
    const label = `agent key ${labelOf(key.comment || key.type, key)}`;
    const { user: username } = this.#ssh;
    this.#candidates.push({
      label,
      offeredAs: 'publickey',
      method: async () => ({ type: 'agent', username, agent: new OneKeyAgent(socket, key) }),
    });
  }

  async #addFile(
    file: string,
    agent: Agent | undefined,
    { named, only }: { readonly named: boolean; readonly only: boolean },
  ): Promise<void> {
    const { user: username } = this.#ssh;
    const identity = await this.#keyring.identity(file);
    if (identity.kind === 'unusable') {
      if (named) this.attempts.push({ label: `key ${identity.label}`, outcome: identity.why });
      return;
    }
    const wire = identity.kind === 'ready' ? identity.key.getPublicSSH() : identity.publicKey;
    const held = wire && agent?.keys.find((key) => key.getPublicSSH().equals(wire));
    if (agent !== undefined && held !== undefined) {
      // Offered already where all keys of the agent are.
      if (only) this.#addAgentKey(agent, held);
      return;
    }
    if (identity.kind === 'ready') {
      const { key, label } = identity;
      this.#candidates.push({
        label: `key ${label}`,
        offeredAs: 'publickey',
        method: async () => ({ type: 'publickey', username, key }),
      });
      return;
    }
    this.#candidates.push({
      label: `key ${file} (encrypted)`,
      offeredAs: 'publickey',
      method: async () => ({
        type: 'publickey',
        username,
        key: await this.#keyring.unlock(identity, this.#readSecret),
      }),
    });
  }

  #addPassword(): void {
    const { user: username, password, host } = this.#ssh;
    if (password === undefined) return;
    let known: Promise<string> | undefined;
    const read = () => {
      known ??= this.#readSecret(password, `password of ${username}@${host}`);
      return known;
    };
    this.#candidates.push({
      label: 'password',
      offeredAs: 'password',
      method: async () => ({ type: 'password', username, password: await read() }),
    });
    this.#candidates.push({
      label: 'keyboard-interactive with the password',
      offeredAs: 'keyboard-interactive',
      method: async () => {
        const secret = await read();
        // The password answers the first question; what the host asks beyond it, such as a code, a person knows.
        let given = false;
        return {
          type: 'keyboard-interactive',
          username,
          prompt: (_name, _instructions, _language, prompts, finish) => {
            const known = given || prompts.length === 0 ? [] : [secret];
            given ||= known.length > 0;
            this.#ask(prompts.slice(known.length), finish, known);
          },
        };
      },
    });
  }

  /** A second factor that the host asks for in its own words; asked only after a first was accepted. */
  #addQuestions(): void {
    const { user: username } = this.#ssh;
    this.#candidates.push({
      label: 'keyboard-interactive',
      offeredAs: 'keyboard-interactive',
      secondFactor: true,
      method: async () => ({
        type: 'keyboard-interactive',
        username,
        prompt: (_name, _instructions, _language, prompts, finish) => this.#ask(prompts, finish, []),
      }),
    });
  }

  /** Asks a person what the host asks, in its words. What could not be asked is answered with nothing, and refused. */
  #ask(prompts: readonly Prompt[], finish: (answers: string[]) => void, known: readonly string[]): void {
    const ask = async () => {
      const answers = [...known];
      for (const { prompt } of prompts)
        answers.push(await this.#readSecret({ kind: 'prompt' }, prompt.trim()));
      return answers;
    };
    ask().then(finish, (error: unknown) => {
      if (this.#running !== undefined)
        this.#running.outcome = `not answered: ${error instanceof Error ? error.message : error}`;
      finish([...known, ...prompts.map(() => '')]);
    });
  }

  /** With nothing to offer, `none` at least makes the host say what it would accept. */
  #addNothing(): void {
    const { user: username } = this.#ssh;
    this.#candidates.push({
      label: 'no key and no password at hand',
      offeredAs: 'none',
      method: async () => ({ type: 'none', username }),
    });
  }
}
