import { runCommand } from '../../core/command.ts';
import { Fail } from '../../core/fail.ts';

/** What `ssh -G` prints: keywords in lower case, with one value for each time that they may be given. */
export type SshConfig = ReadonlyMap<string, readonly string[]>;

export interface SshQuestion {
  /** As the person would write it after `ssh`. */
  readonly host: string;
  readonly port: number | undefined;
  readonly user: string | undefined;
  /** ssh's -F: a file, `none`, or undefined for the usual ones. */
  readonly file: string | undefined;
}

/** Asking takes 10 ms of CPU; more at once than this would not be faster. */
const atOnce = 8;

/**
 * Asks the ssh of this machine what its configuration means for a host. Each question is asked once.
 * Undefined answer: this machine has no ssh.
 */
export class AskSsh {
  readonly #signal: AbortSignal;
  readonly #answers = new Map<string, Promise<SshConfig | undefined>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  about(question: SshQuestion): Promise<SshConfig | undefined> {
    const key = JSON.stringify([question.host, question.port, question.user, question.file]);
    const answer = this.#answers.get(key) ?? this.#inTurn(() => ask(question, this.#signal));
    this.#answers.set(key, answer);
    return answer;
  }

  /** What ssh does where no file says otherwise: the values that mean nothing. */
  defaults(): Promise<SshConfig | undefined> {
    return this.about({ host: 'localhost', port: undefined, user: undefined, file: 'none' });
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running === atOnce) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}

/** The exit code of a shell that does not find a program (POSIX, 2.8.2). */
const notFound = 127;

async function ask(
  { host, port, user, file }: SshQuestion,
  signal: AbortSignal,
): Promise<SshConfig | undefined> {
  const options = [
    ...(file === undefined ? [] : ['-F', file]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(user === undefined ? [] : ['-l', user]),
  ];
  const ended = await runCommand(['ssh', '-G', '-T', ...options, '--', host], { signal });
  if (ended.exitCode === notFound) return undefined;
  if (ended.exitCode === 0) return parse(ended.stdout);
  throw new Fail('BadUsage', `ssh cannot read its configuration for ${host}: ${ended.stderr.trim()}`, {
    hint: 'Correct the file, or set ssh.useConfig: false or ssh.configFile in the profile.',
    context: { exitCode: ended.exitCode, stderr: ended.stderr },
  });
}

function parse(text: string): SshConfig {
  const config = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const at = line.indexOf(' ');
    if (at < 0) continue;
    const keyword = line.slice(0, at).toLowerCase();
    config.set(keyword, [...(config.get(keyword) ?? []), line.slice(at + 1)]);
  }
  return config;
}
