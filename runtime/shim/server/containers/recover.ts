import { closeSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { realtimeNs } from '../../../linux/clock.ts';
import { openPidfd, processStat, startTimeTicks } from '../../../linux/processes.ts';
import { hasErrno } from '../../../linux/system-call-failed.ts';
import type { LogStream } from '../log/format.ts';
import { OutputLog } from '../log/output-log.ts';
import { killGroup } from '../processes/children.ts';
import { run } from '../processes/run.ts';
import type { Shim } from '../shim.ts';
import { listenToLogAgain } from '../tasks/shim-log.ts';
import type { Task } from '../tasks/task.ts';
import { Container } from './container.ts';
import { keptName } from './kept.ts';
import { type ContainerRecord, type ProcessName, readRecord, writeRecord } from './record.ts';
import { removeFromRuntime } from './remove.ts';
import { openEnd, openEnds } from './streams.ts';

/**
 * Takes over what an earlier shim left: containers that run go on, exits that happened meanwhile are told, half
 * made containers are undone. One that cannot be taken over is reported and left for the daemon to delete; it does
 * not keep the others from being taken over.
 */
export async function recoverContainers(shim: Shim): Promise<void> {
  for (const id of readdirSync(shim.folders.containers)) {
    try {
      await recover(shim, id);
    } catch (error) {
      shim.log.error('cannot take over a container', { id, error });
    }
  }
  shim.holder.forgetRest();
}

async function recover(shim: Shim, id: string): Promise<void> {
  const folder = shim.folders.container(id);
  const record = readRecord(folder);
  if (record !== undefined) await untilGone(record.runtimeProcess);
  if (record === undefined || record.process === null) {
    if (record !== undefined) await removeFromRuntime(shim, record, folder, 'force');
    rmSync(folder, { recursive: true, force: true });
    shim.log.info('undone: creation was interrupted', { id });
    return;
  }
  endLeftoverExecs(folder, record);
  const task = record.task === undefined ? undefined : await takeTask(shim, record);
  const settled = record.starting ? await settleStart(record, task) : record;
  if (settled !== record) writeRecord(folder, settled);
  shim.containers.set(id, adopt(shim, folder, settled, task));
}

const RUNTIME_PATIENCE_MS = 30_000;

/** What an earlier shim called may still be at work; only then does the runtime's state tell the outcome. */
async function untilGone(runtime: ProcessName | null): Promise<void> {
  const deadline = Date.now() + RUNTIME_PATIENCE_MS;
  while (runtime !== null && isAlive(runtime)) {
    if (Date.now() > deadline) return killGroup(runtime.pid);
    await sleep(10);
  }
}

function isAlive({ pid, startTimeTicks: ticks }: ProcessName): boolean {
  const stat = processStat(pid);
  return stat !== undefined && stat.startTimeTicks === ticks && stat.state !== 'Z';
}

/** Undefined: its shim has died. */
async function takeTask(shim: Shim, { id, task }: ContainerRecord): Promise<Task | undefined> {
  if (task?.address === undefined) return undefined;
  const { connectTask } = await import('../tasks/task.ts');
  await shim.takeEvents();
  try {
    return await connectTask(id, task.address);
  } catch (error) {
    shim.log.error('the shim of a container does not answer', { id, error });
    return undefined;
  }
}

function adopt(shim: Shim, folder: string, record: ContainerRecord, task: Task | undefined): Container {
  const { id } = record;
  const outputLog = openOutputLog(shim, folder, record);
  const needs = { ...record, stdin: record.stdin && !record.stdinClosed };
  const ends = openEnds(needs, (stream) => takeEnd(shim, folder, record, stream));
  if (record.task !== undefined) {
    const stopListening = listenToLogAgain(shim, record.bundle, id);
    const lives = task === undefined ? {} : { task };
    return new Container({
      shim,
      record,
      outputLog,
      ends,
      master: undefined,
      pidfd: undefined,
      stopListening,
      ...lives,
    });
  }
  const pidfd = shim.holder.take(keptName(id, 'pidfd')) ?? openOwnPidfd(shim, record);
  const master = shim.holder.take(keptName(id, 'terminal'));
  return new Container({ shim, record, outputLog, ends, master, pidfd });
}

/** The holder's, since a FIFO that is opened anew does not tell that its last writer went before. */
function takeEnd(
  shim: Shim,
  folder: string,
  record: ContainerRecord,
  stream: LogStream | 'stdin',
): number | undefined {
  const name = keptName(record.id, stream);
  const kept = shim.holder.take(name);
  if (kept !== undefined) return kept;
  const own = openEnd(folder, stream, record);
  if (own !== undefined) shim.holder.keep(name, own);
  return own;
}

/** The log's folder may be gone with its pod; the container is taken over all the same, its output for attach only. */
function openOutputLog(shim: Shim, folder: string, record: ContainerRecord): OutputLog {
  const { logPath, logRoot, logSizeMax } = record;
  try {
    return new OutputLog({ folder, logPath, logRoot, maxBytes: logSizeMax, log: shim.log });
  } catch (error) {
    shim.log.error('cannot open the log of a container', { id: record.id, logPath, error });
    return new OutputLog({ folder, logPath: null, log: shim.log });
  }
}

/** Without a holder's copy: by pid, if that is still the same process. */
function openOwnPidfd(shim: Shim, record: ContainerRecord): number | undefined {
  if (record.process === null || record.exit !== null) return undefined;
  const { pid, startTimeTicks: ticks } = record.process;
  try {
    const pidfd = openPidfd(pid);
    if (startTimeTicks(pid) === ticks) {
      shim.holder.keep(keptName(record.id, 'pidfd'), pidfd);
      return pidfd;
    }
    closeSync(pidfd);
    return undefined;
  } catch (error) {
    if (hasErrno(error, 'ESRCH')) return undefined;
    throw error;
  }
}

/** A start that was begun and has no name yet: the runtime is at its work for milliseconds, or never came to be. */
const UNNAMED_PATIENCE_MS = 1000;

/** The shim was killed while `<runtime> start` ran: the runtime knows what came of it. */
async function settleStart(record: ContainerRecord, task: Task | undefined): Promise<ContainerRecord> {
  if (record.task !== undefined) {
    const started = (await task?.wasStarted()) ?? true;
    return { ...record, starting: false, startedAtNs: started ? String(realtimeNs()) : null };
  }
  if (record.runtimeProcess === null) await sleep(UNNAMED_PATIENCE_MS);
  const argv = [...record.runtime, 'state', record.id];
  const { exitCode, stdout } = await run({ argv, timeoutMs: 60_000 });
  const status = exitCode === 0 ? (JSON.parse(stdout) as { status?: unknown }).status : 'stopped';
  const startedAtNs = status === 'created' ? null : String(realtimeNs());
  return { ...record, starting: false, startedAtNs };
}

/** Exec processes of an earlier shim have lost their streams and nobody waits for them. */
function endLeftoverExecs(folder: string, record: ContainerRecord): void {
  for (const name of readdirSync(folder)) {
    if (/^exec-.*\.pid$/.test(name)) endExec(Number(readFileSync(join(folder, name), 'utf8')), record);
    if (/^(exec|runtime)-/.test(name)) rmSync(join(folder, name), { force: true });
  }
}

/** Its pid may be another's by now: only a process in the container's own cgroups is meant. */
function endExec(pid: number, record: ContainerRecord): void {
  const own = cgroupsOf(record.process?.pid ?? 0);
  if (pid > 1 && own !== undefined && cgroupsOf(pid) === own) killGroup(pid);
}

function cgroupsOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
}
