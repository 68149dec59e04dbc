import { readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Fail } from '../../../core/fail.ts';
import type { WaitStatus } from '../../../linux/processes.ts';
import type { SpawnRequest } from '../../../linux/spawn.ts';
import { bareEnvironment, type Child, killGroup, startChild } from './children.ts';

export interface RuntimeCall {
  /** The OCI command line up to the verb. */
  readonly runtime: readonly string[];
  readonly verb: string;
  readonly args: readonly string[];
  /** Standard input, output and error of the runtime, which it passes on to what it starts. */
  readonly stdio?: readonly (number | 'ignore')[];
  /** Where the runtime's log is kept while it runs. */
  readonly folder: string;
  readonly timeoutMs: number;
  /** Called with the runtime's pid as soon as it runs. What it throws ends the runtime, and is what the call fails with. */
  readonly onStarted?: (pid: number) => void;
}

let calls = 0;

/**
 * Runs `<runtime> <verb> …` to its end. Its own log, as JSON, becomes the message when it says no: it is the only
 * place where it says why. Throws `FailedPrecondition` then, `Internal` when it ended without a word, `DeadlineExceeded` after `timeoutMs` (the runtime and what it
 * was starting are killed), `NotFound` when there is no such program.
 */
export async function runOciRuntime(call: RuntimeCall): Promise<void> {
  calls += 1;
  const log = join(call.folder, `runtime-${process.pid}-${calls}.log`);
  try {
    const ended = await untilEnd(call, log);
    if (ended.status?.exitCode === 0) return;
    throw refused(call, ended, readLog(log));
  } finally {
    rmSync(log, { force: true });
  }
}

interface Ended {
  readonly status: WaitStatus | undefined;
  readonly timedOut: boolean;
}

async function untilEnd(call: RuntimeCall, log: string): Promise<Ended> {
  const { runtime, verb, args, stdio = ['ignore', 'ignore', 'ignore'] } = call;
  const argv = [...runtime, '--log', log, '--log-format', 'json', verb, ...args];
  const child = start(argv, stdio);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child.pid);
  }, call.timeoutMs);
  try {
    await tellStarted(call, child);
    return { status: await child.exited, timedOut };
  } finally {
    clearTimeout(timer);
  }
}

/** Whoever cannot take the news gives up: a runtime that went on would make a container that nobody knows of. */
async function tellStarted({ onStarted }: RuntimeCall, { pid, exited }: Child): Promise<void> {
  try {
    onStarted?.(pid);
  } catch (error) {
    killGroup(pid);
    await exited.catch(() => undefined); // why it was killed is told
    throw error;
  }
}

function start(argv: readonly string[], stdio: SpawnRequest['stdio']): Child {
  try {
    return startChild({ argv, env: bareEnvironment, stdio });
  } catch (cause) {
    throw new Fail('NotFound', `cannot run ${argv[0]}: ${messageOf(cause)}`, { cause });
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function refused({ runtime, verb, timeoutMs }: RuntimeCall, ended: Ended, said: string): Fail {
  const name = basename(runtime[0] ?? '');
  const context = { ...ended.status };
  if (ended.timedOut) {
    return new Fail('DeadlineExceeded', `${name} ${verb} took longer than ${timeoutMs} ms`, { context });
  }
  // What it refuses is, on a sound node, what the request asks of this container: a program that it has not, a path.
  if (said !== '') return new Fail('FailedPrecondition', `${name} ${verb}: ${said}`, { context });
  return new Fail('Internal', `${name} ${verb}: ${describe(ended.status)}`, { context });
}

const describe = (status: WaitStatus | undefined): string => {
  if (status === undefined) return 'nobody knows how it ended';
  return status.signal === undefined ? `exit code ${status.exitCode}` : `ended by signal ${status.signal}`;
};

/** The messages of level error and fatal, one `; ` after another. Lines that are no JSON count as they are. */
function readLog(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // A runtime that died before it opened its log has said nothing.
    return '';
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(errorText)
    .filter((message) => message !== undefined)
    .join('; ');
}

function errorText(line: string): string | undefined {
  try {
    const { level, msg } = JSON.parse(line) as { level?: unknown; msg?: unknown };
    return level === 'error' || level === 'fatal' ? String(msg) : undefined;
  } catch {
    return line;
  }
}
