import { constants, openSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { Fail } from '../../../core/fail.ts';
import { makeFifo } from '../../../linux/nodes.ts';
import { signalNumber } from '../../../linux/processes.ts';
import type { Container } from '../containers/container.ts';
import { closeAll } from '../containers/streams.ts';
import type { ExecProcess, ExecRequest } from '../processes/exec-process.ts';
import { openInput, streamsOf } from './streams.ts';
import type { Task } from './task.ts';

/** As `startExec`, by the container's shim. `name` is where its files are. */
export const startTaskExec = async (
  container: Container,
  task: Task,
  request: ExecRequest,
  name: string,
): Promise<ExecProcess> => {
  const execId = basename(name);
  const terminal = request.process.terminal === true;
  const streams = streamsOf(container.folder, { terminal, stdin: request.stdin }, `${execId}-`);
  const paths = [streams.stdin, streams.stdout, streams.stderr].filter((path) => path !== '');
  for (const path of paths) makeFifo(path);
  const read = (path: string): number => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const stdin = request.stdin ? openInput(streams.stdin) : undefined;
  const stdout = read(streams.stdout);
  const stderr = terminal ? undefined : read(streams.stderr);
  try {
    await task.exec(execId, request.process, streams);
    await task.start(execId);
  } catch (error) {
    closeAll([stdin, stdout, stderr]);
    await forget(container, task, execId, paths);
    throw asRefusal(error);
  }
  const exited = task.wait(execId).finally(() => forget(container, task, execId, paths));
  const { consoleSize } = request.process;
  const orTell = (what: string) => (error: unknown) => container.tell(what, error);
  if (consoleSize !== undefined) task.resize(consoleSize, execId).catch(orTell('resize an exec'));
  return {
    stdin,
    stdout,
    stderr,
    exited,
    kill: () => void task.kill(signalNumber('SIGKILL'), execId).catch(orTell('kill an exec')),
    resize: (size) => void task.resize(size, execId).catch(orTell('resize an exec')),
    closeInput: () => void task.closeInput(execId).catch(orTell('close the input of an exec')),
  };
};

const forget = async (
  container: Container,
  task: Task,
  execId: string,
  paths: readonly string[],
): Promise<void> => {
  for (const path of paths) rmSync(path, { force: true });
  await task.delete(execId).catch((error: unknown) => container.tell('delete an exec', error));
};

/** What it refuses is, on a sound node, what the request asks of this container: a program that it has not. */
const asRefusal = (error: unknown): unknown =>
  error instanceof Fail && error.code === 'Internal'
    ? new Fail('FailedPrecondition', error.message, { cause: error })
    : error;
