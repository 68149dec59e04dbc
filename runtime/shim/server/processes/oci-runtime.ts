import { readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Fail } from '../../../core/fail.ts';
import { bareEnvironment, killGroup, startChild } from './children.ts';

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
  /** Called with the runtime's pid as soon as it runs. */
  readonly onStarted?: (pid: number) => void;
}

let calls = 0;

/**
 * Runs `<runtime> <verb> …` to its end. Its own log, as JSON, becomes the message when it says no: it is the only
 * place where it says why. Throws `Internal` then, `DeadlineExceeded` after `timeoutMs` (the runtime and what it
 * was starting are killed), `NotFound` when there is no such program.
 */
export async function runOciRuntime(call: RuntimeCall): Promise<void> {
  calls += 1;
  const log = join(call.folder, `runtime-${process.pid}-${calls}.log`);
  try {
    const ended = await untilEnd(call, log);
    if (ended.exitCode === 0) return;
    throw refused(call, ended, readLog(log));
  } finally {
    rmSync(log, { force: true });
  }
}

interface Ended {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
}

function untilEnd(call: RuntimeCall, log: string): Promise<Ended> {
  const { runtime, verb, args, stdio = ['ignore', 'ignore', 'ignore'] } = call;
  const argv = [...runtime, '--log', log, '--log-format', 'json', verb, ...args];
  const child = startChild({ argv, env: bareEnvironment, stdio });
  if (child.pid !== undefined) call.onStarted?.(child.pid);
  return new Promise((resolve, reject) => {
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      if (child.pid !== undefined) killGroup(child.pid);
    }, call.timeoutMs);
    child.once('error', (cause) => {
      clearTimeout(timer);
      reject(new Fail('NotFound', `cannot run ${runtime[0]}: ${cause.message}`, { cause }));
    });
    child.once('exit', (exitCode, signal) => {
      clearTimeout(timer);
      resolve({ exitCode, signal, timedOut });
    });
  });
}

function refused({ runtime, verb, timeoutMs }: RuntimeCall, ended: Ended, said: string): Fail {
  const name = basename(runtime[0] ?? '');
  const context = { exitCode: ended.exitCode, signal: ended.signal };
  if (ended.timedOut) {
    return new Fail('DeadlineExceeded', `${name} ${verb} took longer than ${timeoutMs} ms`, { context });
  }
  return new Fail('Internal', `${name} ${verb}: ${said || `exit code ${ended.exitCode ?? ended.signal}`}`, {
    context,
  });
}

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
