import { mkdirSync, rmSync } from 'node:fs';
import { Fail } from '../../../core/fail.ts';
import type { Undo } from '../../../core/undo.ts';
import type { CreateParams } from '../../protocol/messages.ts';
import { Container } from '../containers/container.ts';
import { keptName } from '../containers/kept.ts';
import { type ContainerRecord, nameOf, writeRecord } from '../containers/record.ts';
import { closeAll, makeFifos, openEnd, openEnds } from '../containers/streams.ts';
import { OutputLog } from '../log/output-log.ts';
import type { Shim } from '../shim.ts';
import { removeTask } from './remove-task.ts';
import { type ShimAddress, startShim } from './shim-binary.ts';
import { listenToLog } from './shim-log.ts';
import { streamsOf } from './streams.ts';
import { connectTask } from './task.ts';

/** As `createContainer`, by a shim of containerd's API, which then has the container's process, or its machine. */
export const createTask = async (
  shim: Shim,
  params: CreateParams,
  fresh: ContainerRecord,
  undo: Undo,
): Promise<Container> => {
  const { id } = params;
  if (fresh.task === undefined) throw new Fail('Internal', `container ${id} is no task`);
  const folder = shim.folders.container(id);
  mkdirSync(folder, { mode: 0o700 });
  undo.push('folder', () => rmSync(folder, { recursive: true, force: true }));
  writeRecord(folder, fresh);
  const { logPath, logRoot, logSizeMax } = params;
  const outputLog = new OutputLog({ folder, logPath, logRoot, maxBytes: logSizeMax, log: shim.log });
  undo.push('log', () => outputLog.close());
  makeFifos(folder, fresh);
  const ends = openEnds(fresh, (stream) => openEnd(folder, stream, fresh));
  undo.push('streams', () => closeAll([ends.outputs.stdout, ends.outputs.stderr, ends.stdin]));
  for (const [part, fd] of Object.entries({ ...ends.outputs, stdin: ends.stdin })) {
    if (fd === undefined) continue;
    const name = keptName(id, part as 'stdin' | 'stdout' | 'stderr');
    shim.holder.keep(name, fd);
    undo.push(`${part} in the holder`, () => shim.holder.drop([name]));
  }
  const stopListening = listenToLog(shim, params.bundle, id);
  undo.push('log of its shim', stopListening);
  let record = fresh;
  undo.push('task', () => removeTask(shim, record, 'force'));
  const address = await addressFor(shim, record, params.timeoutMs);
  record = { ...fresh, task: { ...fresh.task, address } };
  writeRecord(folder, record);
  const task = await connectTask(id, address);
  undo.push('connection', () => task.close());
  const pid = await task.create(params.bundle, streamsOf(folder, record), fresh.task.configPath);
  const created: ContainerRecord = { ...record, process: nameOf(pid) };
  writeRecord(folder, created);
  return new Container({
    shim,
    record: created,
    outputLog,
    ends,
    master: undefined,
    pidfd: undefined,
    task,
    stopListening,
  });
};

/** One program serves all of a pod: that of its sandbox, which is there before. */
const addressFor = async (
  shim: Shim,
  { id, bundle, task }: ContainerRecord,
  timeoutMs: number,
): Promise<ShimAddress> => {
  if (task === undefined) throw new Fail('Internal', `container ${id} is no task`);
  const sandbox = task.group === id ? undefined : shim.containers.get(task.group)?.record.task?.address;
  if (sandbox !== undefined) return sandbox;
  const { events } = shim.folders;
  await shim.takeEvents();
  return startShim({ path: task.path, id, bundle, events, timeoutMs });
};
