import { readFile } from 'node:fs/promises';
import { Fail } from '../core/fail.ts';
import { Secret } from '../core/secret.ts';
import { counted } from '../core/text.ts';
import type { HostEntry, SecretOf, SecretSource } from '../profile/profile.ts';
import { secretFromProgram } from '../profile/secret-programs.ts';
import { askSecret, canAsk } from './ask.ts';

const fromEnvironment = (name: string): string => {
  const value = process.env[name];
  if (value !== undefined) return value;
  throw new Fail(
    'BadUsage',
    `the profile reads a secret from the environment variable ${name}, which is not set`,
    {
      hint: `set ${name}, or name another source in the profile`,
    },
  );
};

const fromFile = async (path: string): Promise<string> => {
  try {
    return (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
  } catch (cause) {
    throw new Fail('BadUsage', `the profile reads a secret from ${path}, which cannot be read`, { cause });
  }
};

/** `what`, and how many hosts share the source with the one that asks: `sudo password of node-1 and 2 hosts more`. */
const labelOf = (source: SecretSource, what: string, hosts: readonly HostEntry[]): string => {
  const users = hosts.filter(
    ({ sudoPassword, address }) =>
      sudoPassword === source || (address.kind === 'ssh' && address.ssh.password === source),
  );
  return users.length > 1 ? `${what} and ${counted(users.length - 1, 'host')} more` : what;
};

interface Asking {
  readonly mayAsk: boolean;
  readonly signal: AbortSignal;
  readonly ask?: (label: string) => Promise<string>;
}

const fromPrompt = async (
  label: string,
  { mayAsk, signal, ask = (question) => askSecret(question, signal) }: Asking,
): Promise<string> => {
  if (mayAsk && canAsk()) return await ask(label);
  throw new Fail(
    'BadUsage',
    `${label}: the profile wants to ask for it, and ${mayAsk ? 'there is no terminal' : '--ci forbids questions'}`,
    {
      hint: 'name a file or an environment variable as its source instead',
    },
  );
};

/**
 * Reads secrets when they are first needed, each source once, one question at a time. Hosts that share a source in
 * the profile share the answer. `suspend` keeps the face from drawing over a question.
 */
export const secretReader = (
  hosts: readonly HostEntry[],
  options: {
    readonly signal: AbortSignal;
    /** False: `--ci` was given. */
    readonly mayAsk: boolean;
    readonly suspend: <Result>(task: () => Promise<Result>) => Promise<Result>;
    /** Asks a person who is asked on the whole screen; without it, on a line of the terminal. */
    readonly ask?: (label: string) => Promise<string>;
    /** Is told each secret, before anything can be done with it. */
    readonly onRead?: (secret: string) => void;
  },
): SecretOf => {
  const answers = new Map<SecretSource, Promise<Secret>>();
  let lastQuestion: Promise<unknown> = Promise.resolve();
  const question = (source: SecretSource, what: string): Promise<string> => {
    const turn = lastQuestion.then(() =>
      options.suspend(() => fromPrompt(labelOf(source, what, hosts), options)),
    );
    lastQuestion = turn.catch(() => undefined);
    return turn;
  };
  const read = async (source: SecretSource, what: string): Promise<string> => {
    switch (source.kind) {
      case 'env':
        return fromEnvironment(source.name);
      case 'file':
        return await fromFile(source.path);
      case 'profile':
        return source.value.reveal();
      case 'prompt':
        return await question(source, what);
      default:
        return await secretFromProgram(source, what, options.signal);
    }
  };
  const known = (value: string): Secret => {
    options.onRead?.(value);
    return new Secret(value);
  };
  return (source, what) => {
    const answer = answers.get(source) ?? read(source, what).then(known);
    answers.set(source, answer);
    return answer;
  };
};
