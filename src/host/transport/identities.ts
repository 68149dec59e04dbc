import { homedir } from 'node:os';
import { join } from 'node:path';
import ssh2, { type IdentityCallback, type ParsedKey } from 'ssh2';
import { Fail } from '../../core/fail.ts';
import { readIfThere } from '../../core/read-if-there.ts';
import type { SecretSource } from '../../profile/profile.ts';
import { fingerprint } from './host-key.ts';
import { isEncrypted } from './key-file.ts';

/** Reads a secret where it is needed. `what` says to the person who is asked what is wanted. */
export type ReadSecret = (source: SecretSource, what: string) => Promise<string>;

/** Read in this order when the profile names no identity files, as OpenSSH does. */
export const defaultIdentityFiles = (): string[] =>
  ['id_ed25519', 'id_ecdsa', 'id_rsa'].map((name) => join(homedir(), '.ssh', name));

export const expandHome = (path: string): string =>
  path.startsWith('~/') ? join(homedir(), path.slice(2)) : path;

export interface Agent {
  readonly socket: string;
  readonly keys: readonly ParsedKey[];
}

/** An agent lists its keys without asking anybody; one that was forwarded over a connection that is dead never does. */
const agentMs = 5000;

/** What the agent at a socket holds. Undefined when it does not answer, or holds nothing. */
async function readAgent(socket: string): Promise<Agent | undefined> {
  const { promise, resolve } = Promise.withResolvers<ParsedKey[] | undefined>();
  const patience = setTimeout(() => resolve(undefined), agentMs);
  new ssh2.OpenSSHAgent(socket).getIdentities((error, keys) => {
    resolve(error ? undefined : (keys ?? []).filter((key) => 'getPublicSSH' in key));
  });
  const keys = await promise;
  clearTimeout(patience);
  return keys === undefined || keys.length === 0 ? undefined : { socket, keys };
}

/** An agent that shows one of its keys alone: what `IdentitiesOnly yes` means in ssh_config(5). */
export class OneKeyAgent extends ssh2.OpenSSHAgent {
  readonly #key: ParsedKey;

  constructor(socket: string, key: ParsedKey) {
    super(socket);
    this.#key = key;
  }

  override getIdentities(callback: IdentityCallback<ParsedKey>): void {
    callback(undefined, [this.#key]);
  }
}

export type Identity =
  | { readonly kind: 'ready'; readonly key: ParsedKey; readonly label: string }
  /** `publicKey` is known when a .pub file lies beside: the agent may hold the private half. */
  | {
      readonly kind: 'encrypted';
      readonly text: Buffer;
      readonly path: string;
      readonly publicKey: Buffer | undefined;
    }
  | { readonly kind: 'unusable'; readonly label: string; readonly why: string };

async function readIdentity(path: string): Promise<Identity> {
  const text = await readIfThere(path);
  if (text === undefined) return { kind: 'unusable', label: path, why: 'no such file' };
  const key = ssh2.utils.parseKey(text);
  if (!(key instanceof Error)) {
    if (!key.isPrivateKey()) return { kind: 'unusable', label: path, why: 'not a private key' };
    return { kind: 'ready', key, label: labelOf(path, key) };
  }
  if (!isEncrypted(text)) return { kind: 'unusable', label: path, why: key.message };
  return { kind: 'encrypted', text, path, publicKey: await readPublicKey(`${path}.pub`) };
}

export const labelOf = (path: string, key: ParsedKey): string =>
  `${path} (${fingerprint(key.getPublicSSH())})`;

async function readPublicKey(path: string): Promise<Buffer | undefined> {
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  const key = ssh2.utils.parseKey(text);
  return key instanceof Error ? undefined : key.getPublicSSH();
}

/** Opens an encrypted key with what the person types; a wrong passphrase is a failure, not a silent next try. */
async function unlock(
  identity: Extract<Identity, { kind: 'encrypted' }>,
  readSecret: ReadSecret,
): Promise<ParsedKey> {
  const passphrase = await readSecret({ kind: 'prompt' }, `passphrase of ${identity.path}`);
  const key = ssh2.utils.parseKey(identity.text, passphrase);
  if (key instanceof Error) {
    throw new Fail('AuthenticationFailed', `the passphrase does not open ${identity.path}`, {
      hint: 'Type the passphrase again, or load the key into the agent with ssh-add.',
      cause: key,
    });
  }
  return key;
}

/** The keys of one command: each file is read, each agent asked, and each passphrase typed once for all hosts. */
export class Keyring {
  readonly #agents = new Map<string, Promise<Agent | undefined>>();
  readonly #identities = new Map<string, Promise<Identity>>();
  readonly #unlocked = new Map<string, Promise<ParsedKey>>();
  readonly #answers = new Map<string, Promise<string>>();

  /** `named`: a socket, or `none`; else the one of $SSH_AUTH_SOCK. */
  async agent(named: string | undefined): Promise<Agent | undefined> {
    const socket = named === 'none' ? undefined : (named ?? process.env['SSH_AUTH_SOCK']);
    if (socket === undefined || socket === '') return undefined;
    return await once(this.#agents, socket, () => readAgent(socket));
  }

  identity(path: string): Promise<Identity> {
    return once(this.#identities, path, () => readIdentity(path));
  }

  /** What ssh asks a person: the same question once for all hosts. */
  ask(question: string, readSecret: ReadSecret): Promise<string> {
    return once(this.#answers, question, () => readSecret({ kind: 'prompt' }, question));
  }

  unlock(identity: Extract<Identity, { kind: 'encrypted' }>, readSecret: ReadSecret): Promise<ParsedKey> {
    return once(this.#unlocked, identity.path, () => unlock(identity, readSecret));
  }
}

function once<T>(made: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const value = made.get(key) ?? make();
  made.set(key, value);
  return value;
}
