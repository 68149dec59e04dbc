import { $ } from 'zx/core';
import { CommandFailed, Fail } from './fail.ts';

/** Output of a program of this machine that ended. `exitCode` is undefined when a signal ended it. */
export interface Ended {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly signal: AbortSignal;
  readonly input?: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The program and its children are ended after this time; the default is one minute. */
  readonly deadlineSeconds?: number;
  /** Nothing of what the program starts may outlive this process, not even after a `kill -9`. */
  readonly endsWithUs?: boolean;
}

/**
 * As root, a pid namespace of its own is what dies with this process, and everything in it; else at
 * least the program itself does.
 */
const endingWithUs = (argv: readonly string[]): readonly string[] => [
  ...['setpriv', '--pdeathsig', 'KILL', '--'],
  ...(process.getuid?.() === 0 ? ['unshare', '--fork', '--pid', '--kill-child', '--mount-proc', '--'] : []),
  ...argv,
];

const defaultDeadlineSeconds = 60;

/**
 * Runs a program of this machine to its end. An exit code other than 0 is a result, not an error.
 * Cancelling ends the whole process group, because installers start children of their own.
 * @throws Fail `CommandFailed` where it cannot be started, as in a folder that is not there
 */
export async function runCommand(argv: readonly string[], options: CommandOptions): Promise<Ended> {
  options.signal.throwIfAborted();
  const seconds = options.deadlineSeconds ?? defaultDeadlineSeconds;
  const deadline = AbortSignal.timeout(seconds * 1000);
  // No prefix: the shell then replaces itself by the program, so that a parent-death signal that
  // the program asks for names this process.
  const running = $({
    nothrow: true,
    quiet: true,
    verbose: false,
    prefix: '',
    postfix: '',
    detached: true,
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })`${options.endsWithUs === true ? endingWithUs(argv) : argv}`;
  if (options.input !== undefined) {
    // A program may end without having read its input; what it says then is its exit code.
    running.stdin.on('error', ignoreBrokenPipe);
    running.stdin.end(options.input);
  }
  const end = (): void => endGroup(running.pid);
  const either = AbortSignal.any([options.signal, deadline]);
  either.addEventListener('abort', end, { once: true });
  try {
    const output = await running;
    if (options.signal.aborted) throw new Fail('Cancelled', `${argv[0]} was cancelled`);
    if (deadline.aborted)
      throw new Fail('DeadlineExceeded', `${argv.join(' ')} did not end within ${seconds} s`);
    // Node tells a process that could not be made by the number of the error, below zero.
    if ((output.exitCode ?? -1) < 0 && output.signal === null)
      throw notStarted(argv, options.cwd, output.cause);
    return { exitCode: output.exitCode ?? undefined, stdout: output.stdout, stderr: output.stderr };
  } finally {
    either.removeEventListener('abort', end);
  }
}

/** A program that is not there ends with 127, by the shell's word; this one was not even looked for. */
const notStarted = (argv: readonly string[], cwd: string | undefined, cause: unknown): Fail => {
  const { code } = Object(cause) as { readonly code?: unknown };
  const isFolder = cwd !== undefined && (code === 'ENOENT' || code === 'ENOTDIR');
  return new Fail(
    'CommandFailed',
    isFolder
      ? `${argv[0]} was not started: there is no folder ${cwd}`
      : `${argv[0]} was not started: ${cause instanceof Error ? cause.message : String(cause)}`,
    isFolder ? { hint: `Make the folder ${cwd}, or name another one.`, cause } : { cause },
  );
};

/** Standard output of a program that must succeed; throws CommandFailed with all that it said. */
export async function commandOutput(argv: readonly string[], options: CommandOptions): Promise<string> {
  const ended = await runCommand(argv, options);
  if (ended.exitCode === 0) return ended.stdout;
  const said = lastLines(ended.stderr.trim() === '' ? ended.stdout : ended.stderr, 5);
  throw new CommandFailed(`${argv.slice(0, 3).join(' ')}: exit code ${ended.exitCode ?? 'none'}: ${said}`, {
    argv,
    ...ended,
  });
}

const graceMilliseconds = 2000;

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  signalGroup(pid, 'SIGTERM');
  setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMilliseconds).unref();
}

function signalGroup(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name);
  } catch (error) {
    // ESRCH: the group ended by itself, which is what was wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

const lastLines = (text: string, count: number): string => text.trim().split('\n').slice(-count).join('\n');
