import { closeSync, fchownSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fail } from '../../../core/fail.ts';
import { duplicate, makePipe, setTerminalSize } from '../../../linux/fds.ts';
import { openPidfd, startTimeTicks } from '../../../linux/processes.ts';
import { ConsoleSocket } from '../containers/console.ts';
import type { Container } from '../containers/container.ts';
import { collect, expectExit, killGroup } from './children.ts';
import { emptyInput, emptyStreams } from './empty-streams.ts';
import type { ExecProcess, ExecRequest } from './exec-process.ts';
import { exitOf } from './exit.ts';
import { runOciRuntime } from './oci-runtime.ts';

let count = 0;

/**
 * Starts a process in the container by `<runtime> exec --detach`: the runtime ends as soon as it runs, and we are
 * its subreaper, so no runtime stays in memory for as long as it lasts. Throws what the runtime says, e.g. that
 * there is no such program.
 */
export async function startExec(container: Container, request: ExecRequest): Promise<ExecProcess> {
  if (container.record.exit !== null || container.record.startedAtNs === null) {
    throw new Fail('FailedPrecondition', `container ${container.record.id} is not running`);
  }
  count += 1;
  const name = join(container.folder, `exec-${process.pid}-${count}`);
  if (container.record.task !== undefined) {
    if (container.task === undefined)
      throw new Fail('Unavailable', `the shim of container ${container.record.id} has died`);
    const { startTaskExec } = await import('../tasks/exec-task.ts');
    return startTaskExec(container, container.task, request, name);
  }
  const streams = request.process.terminal
    ? await onTerminal(container, request, name)
    : await onPipes(container, request, name);
  return follow(streams, Number(readFileSync(`${name}.pid`, 'utf8')), `${name}.pid`);
}

interface Streams {
  readonly stdin: number | undefined;
  readonly stdout: number;
  readonly stderr: number | undefined;
}

async function onPipes(container: Container, request: ExecRequest, name: string): Promise<Streams> {
  const input = request.stdin ? makePipe() : { read: emptyInput(), write: undefined };
  const [output, errors] = [makePipe(), makePipe()];
  const theirs = [input.read, output.write, errors.write];
  const ours = [input.write, output.read, errors.read];
  try {
    giveTo(container.record.streamsOwner, theirs);
    await callExec(container, request, name, { args: [], stdio: theirs });
  } catch (error) {
    for (const fd of ours) if (fd !== undefined) closeSync(fd);
    throw error;
  } finally {
    for (const fd of theirs) closeSync(fd);
  }
  return { stdin: input.write, stdout: output.read, stderr: errors.read };
}

/** Opening /dev/stdout by its name asks who owns the pipe. */
function giveTo(owner: Container['record']['streamsOwner'], fds: readonly number[]): void {
  if (owner === undefined) return;
  for (const fd of fds) fchownSync(fd, owner.uid, owner.gid);
}

async function onTerminal(container: Container, request: ExecRequest, name: string): Promise<Streams> {
  const consoleSocket = new ConsoleSocket(request.consoles);
  const stdio = emptyStreams();
  try {
    await callExec(container, request, name, { args: ['--console-socket', consoleSocket.path], stdio });
    const master = consoleSocket.takeMaster();
    const size = request.process.consoleSize;
    if (size !== undefined) setTerminalSize(master, size);
    return { stdin: request.stdin ? duplicate(master) : undefined, stdout: master, stderr: undefined };
  } finally {
    for (const fd of stdio) closeSync(fd);
    consoleSocket.close();
  }
}

interface HowToCall {
  readonly args: readonly string[];
  readonly stdio: readonly number[];
}

async function callExec(
  container: Container,
  request: ExecRequest,
  name: string,
  how: HowToCall,
): Promise<void> {
  const { runtime, id } = container.record;
  writeFileSync(`${name}.json`, JSON.stringify(request.process), { mode: 0o600 });
  try {
    await runOciRuntime({
      runtime,
      verb: 'exec',
      args: ['--process', `${name}.json`, '--pid-file', `${name}.pid`, '--detach', ...how.args, id],
      stdio: how.stdio,
      folder: container.folder,
      timeoutMs: request.timeoutMs,
    });
  } finally {
    rmSync(`${name}.json`, { force: true });
  }
}

/** The pid file stays as long as the process: a later shim ends what this one left without an owner. */
function follow({ stdin, stdout, stderr }: Streams, pid: number, pidFile: string): ExecProcess {
  const pidfd = openPidfd(pid);
  expectExit(pid);
  let running = true;
  const settle = (): void => {
    running = false;
    collect(pid);
    closeSync(pidfd);
    rmSync(pidFile, { force: true });
  };
  const exited = exitOf({ pid, pidfd, startTimeTicks: startTimeTicks(pid) ?? '' }).finally(settle);
  return {
    stdin,
    stdout,
    stderr,
    exited,
    kill: () => {
      if (running) killGroup(pid);
    },
  };
}
