import { constants } from 'node:os';
import type { Event } from '../core/events.ts';
import { Fail } from '../core/fail.ts';
import { nearest } from '../core/nearest.ts';
import { printable } from '../core/text.ts';
import { quote } from '../host/quote.ts';
import type { Connection, Exit } from '../host/transport/connection.ts';
import { loadProfile } from '../profile/load-profile.ts';
import type { HostEntry } from '../profile/profile.ts';
import { keepConnections } from './connections.ts';
import { listenForInterrupts } from './interrupts.ts';
import { additionsOf, type ProfileOptions } from './options.ts';
import { secretReader } from './secrets.ts';

export interface SshOptions extends ProfileOptions {
  readonly profile: string;
  /** False: `--no-sudo`. */
  readonly sudo: boolean;
  readonly terminal: boolean;
}

/** One word is text for a shell; several are a program and its arguments, exactly. */
const scriptOf = (words: readonly string[]): string =>
  words.length === 1 ? (words[0] ?? '') : words.map(quote).join(' ');

const hostNamed = (hosts: readonly HostEntry[], name: string, file: string): HostEntry => {
  const host = hosts.find((one) => one.name === name);
  if (host !== undefined) return host;
  const known = hosts.map((one) => one.name);
  const guess = nearest(name, known);
  throw new Fail('BadUsage', `${name} is no host of ${file}`, {
    hint: guess === undefined ? `it has ${known.join(', ')}` : `did you mean ${guess}?`,
  });
};

/** A login shell of the login user, or of root. */
const shell = 'exec "${SHELL:-/bin/sh}" -l';

const asRoot = (command: string, login: boolean): string =>
  `[ "$(id -u)" = 0 ] && ${login ? shell : `exec /bin/sh -c ${quote(command)}`}; ` +
  `exec sudo ${login ? '-i' : `-- /bin/sh -c ${quote(command)}`}`;

const onTerminal = (
  connection: Connection,
  words: readonly string[],
  sudo: boolean,
  signal: AbortSignal,
): Promise<Exit> => {
  const login = words.length === 0;
  const command = login ? shell : scriptOf(words);
  return connection.interact(sudo ? asRoot(command, login) : command, { signal });
};

const throughPipes = async (connection: Connection, script: string, signal: AbortSignal): Promise<Exit> => {
  const running = await connection.spawn(script, { signal });
  running.stdin.on('error', () => {});
  process.stdin.pipe(running.stdin);
  const shown = [
    [running.stdout, process.stdout],
    [running.stderr, process.stderr],
  ] as const;
  const drained = shown.map(([from, to]) => {
    from.pipe(to, { end: false });
    return new Promise((resolve) => from.once('close', resolve));
  });
  const exit = await running.exited;
  await Promise.all(drained);
  return exit;
};

/** As a shell tells it: 128 and the number of the signal; 255 where nobody knows which one it was. */
const exitCodeOfEnd = ({ exitCode, signal }: Exit): number => {
  if (exitCode !== undefined) return exitCode;
  const number = Object.entries(constants.signals).find(([name]) => name === signal)?.[1];
  return number === undefined ? 255 : 128 + number;
};

const tell = (event: Event): void => {
  if (event.kind === 'note' && event.level !== 'debug')
    process.stderr.write(`${event.level}: ${printable(event.message)}\n`);
};

/** Goes to a host; the answer is the exit code of what ran there. */
export const ssh = async (name: string, words: readonly string[], options: SshOptions): Promise<number> => {
  const wantsTerminal = options.terminal || (words.length === 0 && process.stdin.isTTY === true);
  if (!wantsTerminal) requireNoTerminal(name, words, options);
  using interrupts = listenForInterrupts(() => {});
  const { signal } = interrupts;
  const { hosts } = await loadProfile(options.profile, additionsOf(options));
  const host = hostNamed(hosts, name, options.profile);
  const secrets = secretReader([host], { signal, mayAsk: true, suspend: (task) => task() });
  const readSecret = async (...question: Parameters<typeof secrets>) => (await secrets(...question)).reveal();
  // Where the login user must not become root, neither does the profile's sudo.
  const access = options.sudo ? host : { ...host, sudo: false };
  await using connections = keepConnections({ signal, emit: tell, readSecret });
  const connection = await connections.connect(access);
  return exitCodeOfEnd(
    wantsTerminal
      ? await onTerminal(connection, words, options.sudo, signal)
      : await throughPipes(connection, scriptOf(words), signal),
  );
};

/** Through pipes there is a command, and it runs as root: the transport knows no other way. */
const requireNoTerminal = (name: string, words: readonly string[], { sudo }: SshOptions): void => {
  if (words.length === 0)
    throw new Fail('BadUsage', 'there is no terminal for a shell', {
      hint: `name a command: berth ssh ${name} -- COMMAND`,
    });
  if (!sudo)
    throw new Fail('BadUsage', 'without a terminal commands run as root, and --no-sudo was given', {
      hint: `give the command a terminal: berth ssh ${name} --no-sudo --terminal -- COMMAND`,
    });
};
