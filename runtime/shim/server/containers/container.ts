import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { Fail } from '../../../core/fail.ts';
import { realtimeNs } from '../../../linux/clock.ts';
import { exitCodeOf, signalNumber, signalPidfd, type WaitStatus } from '../../../linux/processes.ts';
import type { Log } from '../../../observe/log.ts';
import type { ContainerExit } from '../../protocol/messages.ts';
import type { Holder } from '../holder/holder.ts';
import type { OutputLog } from '../log/output-log.ts';
import { collect, expectExit } from '../processes/children.ts';
import { exitOf } from '../processes/exit.ts';
import { FdWritable } from '../processes/fd-streams.ts';
import { within } from '../processes/run.ts';
import type { Task } from '../tasks/task.ts';
import type { Folders } from './folders.ts';
import { keptName, keptNames } from './kept.ts';
import { type OomWatch, watchOom } from './oom.ts';
import { Output, type Sink } from './output.ts';
import { type ContainerRecord, writeRecord } from './record.ts';
import type { StreamEnds } from './streams.ts';
import { Terminal } from './terminal.ts';

/** An exit is told when the log has everything, or after this when a stray process keeps the output open. */
const OUTPUT_PATIENCE_MS = 2000;

/** What a container needs of the shim around it. */
export interface Surroundings {
  readonly folders: Folders;
  readonly holder: Holder;
  readonly log: Log;
  /** Tells the daemon. */
  readonly onExit: (container: ContainerRecord, exit: ContainerExit) => void;
}

export interface ContainerParts {
  readonly shim: Surroundings;
  /** Past creation: `process` is there. */
  readonly record: ContainerRecord;
  readonly outputLog: OutputLog;
  readonly ends: StreamEnds;
  /** Of a terminal. */
  readonly master: number | undefined;
  /** Undefined when the process was gone before anybody could get one. */
  readonly pidfd: number | undefined;
  /** Of one that a shim of containerd's API has. */
  readonly task?: Task;
  /** Ends the reading of that shim's log. */
  readonly stopListening?: () => void;
}

/** A container as this process holds it: its record, its process, its streams. */
export class Container {
  readonly #shim: Surroundings;
  readonly #folder: string;
  readonly #outputLog: OutputLog;
  readonly #output: Output;
  readonly #terminal: Terminal | undefined;
  readonly #pidfd: number | undefined;
  readonly #task: Task | undefined;
  readonly #stopListening: () => void;
  readonly #exited = Promise.withResolvers<ContainerExit>();
  #record: ContainerRecord;
  #oom: OomWatch | undefined;
  #gotOverOom = false;
  #outOfMemory = false;
  #stdinEnd: number | undefined;
  #stdin: FdWritable | undefined;
  #verbs: Promise<unknown> = Promise.resolve();

  constructor({ shim, record, outputLog, ends, master, pidfd, task, stopListening }: ContainerParts) {
    this.#shim = shim;
    this.#record = record;
    this.#folder = shim.folders.container(record.id);
    this.#outputLog = outputLog;
    this.#output = new Output({
      log: outputLog,
      pipes: ends.outputs,
      onTrouble: (error) =>
        shim.log.error('output cannot be moved; the container waits', { id: record.id, error }),
    });
    this.#stdinEnd = ends.stdin;
    this.#terminal = master === undefined ? undefined : new Terminal(master, join(this.#folder, 'stdout'));
    this.#pidfd = pidfd;
    this.#task = task;
    this.#stopListening = stopListening ?? (() => {});
    this.#follow();
  }

  get record(): ContainerRecord {
    return this.#record;
  }

  get folder(): string {
    return this.#folder;
  }

  get task(): Task | undefined {
    return this.#task;
  }

  /** Resolves when the container has ended and its output is in the log. */
  get exited(): Promise<ContainerExit> {
    return this.#exited.promise;
  }

  /** Writes the record with these changes; true on disk before it is true here. */
  update(changes: Partial<ContainerRecord>): void {
    const next = { ...this.#record, ...changes };
    writeRecord(this.#folder, next);
    this.#record = next;
  }

  /** One verb at a time: a start and a deletion of the same container follow each other. */
  exclusively<T>(verb: () => Promise<T>): Promise<T> {
    const result = this.#verbs.then(verb);
    this.#verbs = result.catch(() => {});
    return result;
  }

  /**
   * False when it has ended. An end that was asked for is not put down to a want of memory that it had got over
   * before.
   */
  signal(signal: number): boolean {
    if (this.#record.exit !== null) return false;
    if (this.#task !== undefined) {
      this.#task.kill(signal).catch((error: unknown) => this.tell('signal a container', error));
      return true;
    }
    if (this.#pidfd === undefined) return false;
    this.#gotOverOom ||= this.#oom?.happened(false) ?? false;
    return signalPidfd(this.#pidfd, signal);
  }

  reopenLog(): void {
    this.#outputLog.reopen();
  }

  /** Joins the output; the returned functions leave it, and tell that the sink has room again. */
  attach(sink: Sink): { readonly leave: () => void; readonly resume: () => void } {
    return { leave: this.#output.attach(sink), resume: () => this.#output.resume(sink) };
  }

  resize(size: { width: number; height: number }): void {
    this.#terminal?.resize(size);
    if (this.#record.terminal)
      this.#task?.resize(size).catch((error: unknown) => this.tell('resize a terminal', error));
  }

  /** The kernel, or what stands for it in a virtual machine, has killed a process for want of memory. */
  noteOom(): void {
    this.#outOfMemory = true;
  }

  /** Of something that nobody waits for. */
  tell(what: string, error: unknown): void {
    this.#shim.log.warn(`cannot ${what}`, { id: this.#record.id, error });
  }

  /** The container's input, shared by all that are attached; undefined when it has none (any more). */
  stdin(): FdWritable | undefined {
    if (!this.#record.stdin || this.#record.stdinClosed) return undefined;
    this.#stdin ??= this.#openStdin();
    return this.#stdin;
  }

  #openStdin(): FdWritable | undefined {
    const fd = this.#terminal === undefined ? this.#stdinEnd : this.#terminal.openInput();
    this.#stdinEnd = undefined;
    if (fd === undefined) return undefined;
    const stdin = new FdWritable(fd);
    // A container that ended or closed its input: nobody is there to be told.
    stdin.on('error', () => {});
    return stdin;
  }

  /** The container reads the end of its input, once what was written before has been read. */
  closeStdin(): void {
    if (this.#record.terminal || this.#record.stdinClosed) return;
    const stdin = this.stdin();
    this.update({ stdinClosed: true });
    this.#shim.holder.drop([keptName(this.#record.id, 'stdin')], 'now');
    stdin?.end();
    if (this.#task === undefined || stdin === undefined) return;
    const task = this.#task;
    stdin.once('close', () =>
      task.closeInput().catch((error: unknown) => this.tell('close an input', error)),
    );
  }

  /** Lets go of everything this process and the holder have of it. The record stays. */
  close(): void {
    this.#terminal?.close();
    this.#output.close();
    this.#stdin?.destroy();
    if (this.#stdinEnd !== undefined) closeSync(this.#stdinEnd);
    // A session that was granted before may still connect: the number is another's by then.
    this.#stdinEnd = undefined;
    if (this.#pidfd !== undefined) closeSync(this.#pidfd);
    this.#task?.close();
    this.#stopListening();
    this.#shim.holder.drop(keptNames(this.#record.id));
  }

  #follow(): void {
    const { exit, process } = this.#record;
    if (exit !== null) {
      this.#settle(exit);
      return;
    }
    if (this.#record.task !== undefined) {
      this.#oom = { happened: () => this.#outOfMemory, close: () => {} };
      this.#followTask();
      return;
    }
    this.#oom = watchOom(this.#record.oomCounter);
    if (process === null) throw new Fail('Internal', `container ${this.#record.id} has no process`);
    if (this.#pidfd === undefined) {
      this.#end(undefined);
      return;
    }
    expectExit(process.pid);
    exitOf({ ...process, pidfd: this.#pidfd }).then(
      (status) => this.#end(status),
      (error) => {
        this.#shim.log.error('cannot learn how the container ended', { id: this.#record.id, error });
        this.#end(undefined);
      },
    );
  }

  /** Without its shim nobody can tell how it ends. */
  #followTask(): void {
    if (this.#task === undefined) this.#end(undefined);
    else this.#task.wait().then((status) => this.#end(status));
  }

  /** The record first, then the kernel's table: a shim killed in between finds the one or the other. */
  #end(status: WaitStatus | undefined): void {
    const struck = status?.signal === signalNumber('SIGKILL');
    const oomKilled = !this.#gotOverOom && (this.#oom?.happened(struck) ?? false);
    this.#oom?.close();
    const exit = describeExit(status, oomKilled);
    const { starting } = this.#record;
    try {
      this.update({ exit, starting: false });
    } catch (error) {
      // A full tmpfs: it is told all the same, and a later shim would find out again.
      this.#shim.log.error('cannot record an exit', { id: this.#record.id, error });
      this.#record = { ...this.#record, exit, starting: false };
    }
    if (this.#record.process !== null && this.#record.task === undefined) collect(this.#record.process.pid);
    this.#settle(exit, starting);
  }

  /** `starting`: a start is at work, and tells when it was before the end is told. */
  async #settle(exit: ContainerExit, starting = false): Promise<void> {
    this.#terminal?.finish();
    await within(OUTPUT_PATIENCE_MS, this.#output.ended);
    this.#exited.resolve(exit);
    if (starting) await this.exclusively(async () => {});
    this.#shim.onExit(this.#record, exit);
  }
}

function describeExit(status: WaitStatus | undefined, oomKilled: boolean): ContainerExit {
  const exitCode = status === undefined ? 255 : exitCodeOf(status);
  const finishedAtNs = String(realtimeNs());
  if (oomKilled && exitCode !== 0) return { exitCode, finishedAtNs, oomKilled, reason: 'OOMKilled' };
  return { exitCode, finishedAtNs, oomKilled, reason: status === undefined ? 'Unknown' : 'Exited' };
}
