import { closeSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Fail } from '../../../core/fail.ts';
import { Undo } from '../../../core/undo.ts';
import { openPidfd } from '../../../linux/processes.ts';
import type { CreateParams } from '../../protocol/messages.ts';
import { OutputLog } from '../log/output-log.ts';
import { type RuntimeCall, runOciRuntime } from '../processes/oci-runtime.ts';
import type { Shim } from '../shim.ts';
import { ConsoleSocket } from './console.ts';
import { Container } from './container.ts';
import { type KeptPart, keptName } from './kept.ts';
import { findOomCounter } from './oom.ts';
import { type ContainerRecord, nameOf, writeRecord } from './record.ts';
import { removeFromRuntime } from './remove.ts';
import { closeAll, makeFifos, openEnd, openEnds, openInherited, type StreamEnds } from './streams.ts';

/**
 * `<runtime> create` with streams, log and terminal of the container connected. On failure nothing of it stays;
 * a shim killed in the middle finds the record of a container in creation and undoes it.
 * Throws `AlreadyExists`, and what the runtime or the log's path says.
 */
export async function createContainer(shim: Shim, params: CreateParams): Promise<Container> {
  const { id } = params;
  if (shim.containers.has(id) || shim.creating.has(id)) {
    throw new Fail('AlreadyExists', `container ${id} exists already`);
  }
  const over = Promise.withResolvers<void>();
  shim.creating.set(id, over.promise);
  const undo = new Undo();
  try {
    const container = await create(shim, params, undo);
    shim.containers.set(id, container);
    undo.disarm();
    return container;
  } catch (error) {
    await undo.unwind((what, failure) => shim.log.error(`cannot undo ${what}`, { id, error: failure }));
    throw error;
  } finally {
    shim.creating.delete(id);
    over.resolve();
  }
}

async function create(shim: Shim, params: CreateParams, undo: Undo): Promise<Container> {
  if (params.task !== undefined) {
    // Here and wherever else there is to do with tasks: a node that has none loads no protobuf, which weighs as much as
    // all the rest of this program.
    const { createTask } = await import('../tasks/create-task.ts');
    return createTask(shim, params, newRecord(params), undo);
  }
  const folder = shim.folders.container(params.id);
  mkdirSync(folder, { mode: 0o700 });
  undo.push('folder', () => rmSync(folder, { recursive: true, force: true }));
  const record = newRecord(params);
  writeRecord(folder, record);

  const outputLog = new OutputLog({
    folder,
    logPath: params.logPath,
    logRoot: params.logRoot,
    maxBytes: params.logSizeMax,
    log: shim.log,
  });
  undo.push('log', () => outputLog.close());
  makeFifos(folder, params);
  const inherited = openInherited(folder, params);
  let ends: StreamEnds;
  try {
    ends = openEnds(params, (stream) => openEnd(folder, stream));
    const { outputs, stdin } = ends;
    undo.push('streams', () => closeAll([outputs.stdout, outputs.stderr, stdin]));
    undo.push('container', () => removeFromRuntime(shim, record, folder, 'force'));
    // While the runtime is at work: nobody needs them before the record says that there is a container.
    const onStarted = (pid: number): void => {
      writeRecord(folder, { ...record, runtimeProcess: nameOf(pid) });
      keepAll(shim, params.id, { ...outputs, stdin }, undo);
    };
    const master = await runCreate(shim, params, { folder, stdio: inherited, onStarted });
    if (master !== undefined) undo.push('terminal', () => closeSync(master));
    return adopt({ shim, record, folder, outputLog, ends, master, undo });
  } finally {
    closeAll(inherited);
  }
}

interface Created {
  readonly shim: Shim;
  readonly record: ContainerRecord;
  readonly folder: string;
  readonly outputLog: OutputLog;
  readonly ends: StreamEnds;
  readonly master: number | undefined;
  readonly undo: Undo;
}

/** From here on the container is known: its process is in the record and its pidfd with the holder. */
function adopt({ shim, record, folder, outputLog, ends, master, undo }: Created): Container {
  const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
  const pidfd = openPidfd(pid);
  undo.push('pidfd', () => closeSync(pidfd));
  keepAll(shim, record.id, { pidfd, terminal: master }, undo);
  const created: ContainerRecord = {
    ...record,
    process: nameOf(pid),
    oomCounter: findOomCounter(pid),
  };
  writeRecord(folder, created);
  return new Container({ shim, record: created, outputLog, ends, master, pidfd });
}

/** Runs the runtime; with a terminal, the answer is its master. */
async function runCreate(
  shim: Shim,
  params: CreateParams,
  { folder, stdio, onStarted }: Pick<RuntimeCall, 'folder' | 'stdio' | 'onStarted'>,
): Promise<number | undefined> {
  const consoleSocket = params.terminal ? new ConsoleSocket(shim.folders.consoles) : undefined;
  try {
    const consoleArgs = consoleSocket === undefined ? [] : ['--console-socket', consoleSocket.path];
    await runOciRuntime({
      runtime: params.runtime,
      verb: 'create',
      args: ['--bundle', params.bundle, '--pid-file', join(folder, 'pid'), ...consoleArgs, params.id],
      ...(stdio === undefined ? {} : { stdio }),
      ...(onStarted === undefined ? {} : { onStarted }),
      folder,
      timeoutMs: params.timeoutMs,
    });
    return consoleSocket?.takeMaster();
  } finally {
    consoleSocket?.close();
  }
}

function keepAll(
  shim: Shim,
  id: string,
  fds: Partial<Record<KeptPart, number | undefined>>,
  undo: Undo,
): void {
  for (const [part, fd] of Object.entries(fds) as [KeptPart, number | undefined][]) {
    if (fd === undefined) continue;
    shim.holder.keep(keptName(id, part), fd);
    undo.push(`${part} in the holder`, () => shim.holder.drop([keptName(id, part)]));
  }
}

const newRecord = (params: CreateParams): ContainerRecord => ({
  version: 1,
  id: params.id,
  runtime: params.runtime,
  bundle: params.bundle,
  terminal: params.terminal,
  stdin: params.stdin,
  stdinOnce: params.stdinOnce,
  logPath: params.logPath,
  ...(params.logRoot === undefined ? {} : { logRoot: params.logRoot }),
  ...(params.logSizeMax === undefined ? {} : { logSizeMax: params.logSizeMax }),
  ...(params.streamsOwner === undefined ? {} : { streamsOwner: params.streamsOwner }),
  ...(params.execFifo === undefined ? {} : { execFifo: params.execFifo }),
  ...(params.task === undefined ? {} : { task: params.task }),
  process: null,
  runtimeProcess: null,
  oomCounter: null,
  starting: false,
  startedAtNs: null,
  stdinClosed: false,
  exit: null,
});
