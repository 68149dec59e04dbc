import { once } from 'node:events';
import type { Emit, Phase } from '../../core/events.ts';
import { Fail } from '../../core/fail.ts';
import { quote } from '../quote.ts';
import type { Connection, RemoteProcess } from '../transport/connection.ts';
import { interrupted } from '../transport/interrupted.ts';
import { CommandStream } from './command-stream.ts';
import type { Encoding } from './compress.ts';
import { command, encodeWork } from './encode-work.ts';
import { type ExecutorOptions, executorScript, silenceSeconds as patienceOfHost } from './executor.ts';
import { confirmGuard, graceSeconds, type Reconnect } from './guard.ts';
import {
  cannotBeSent,
  describeFailure,
  endedEarly,
  type HostEvent,
  hostEvents,
  lockedBy,
  stoppedAnswering,
  streamBroke,
} from './outcome.ts';
import { Progress } from './progress.ts';
import { stateFolder, transientFolder } from './state.ts';
import type { Work } from './step.ts';
import { Watchdog } from './watchdog.ts';

export interface CarryOutOptions extends ExecutorOptions {
  readonly phase: Phase;
  /** The newest generation that the plan knows of, 0: none. Fail `HostMoved` when the host has another. */
  readonly newest?: number;
  /** Length of its journal at that time: it grows while an apply whose connection is gone ends its last change. */
  readonly journalBytes?: number;
  /** The generations that a rollback undoes. */
  readonly undoes?: { readonly first: number; readonly last: number };
  /** Told of the generation before its first change: from here on there is something to go back from. */
  readonly onGeneration?: (generation: number) => void;
  /** What large files are sent as; gzip unless said otherwise. */
  readonly encoding?: Encoding;
  /** How a new connection is made; needed for guarded works. */
  readonly reconnect?: Reconnect;
  /** Space that must be free before the first step, by folder. */
  readonly space: readonly { readonly folder: string; readonly bytes: number }[];
  readonly emit: Emit;
  /** Aborted: the change at work is finished, no other is begun, and Fail `Cancelled` is thrown. */
  readonly signal: AbortSignal;
}

/** Silence after which a host counts as hung, beyond the deadlines of the work that it is at. */
const silenceSeconds = 120;

/** The host hears from us several times before it would give us up. */
const beatsPerSilence = 6;

/** What was done to the host. */
export interface CarriedOut {
  /** Number of the generation that was made. */
  readonly generation: number;
}

/**
 * Carries out `works` in order over one channel: one shell on the host takes all steps, file contents
 * between them, and holds the lock as long as it lives. Throws Fail `Locked`, `HostMoved`, `DiskFull`, `PackageLock`,
 * `CommandFailed`, `DeadlineExceeded`, `ConnectionLost` or `Cancelled`; what was done stays, and the next
 * plan contains what is left. `RolledBack`: guarded works were not confirmed, and the host has undone them.
 */
export async function carryOut(
  connection: Connection,
  works: readonly Work[],
  options: CarryOutOptions,
): Promise<CarriedOut> {
  const run = new Run(connection, works, options);
  return await run.toItsEnd();
}

class Run {
  readonly #connection: Connection;
  readonly #works: readonly Work[];
  readonly #options: CarryOutOptions;
  /** Aborted when nothing more needs to be sent, with the reason. */
  readonly #over = new AbortController();
  readonly #ready = Promise.withResolvers<void>();
  /** Aborted when the channel is given up, with the reason: the host does not answer any more, or nothing was begun yet. */
  readonly #givenUp = new AbortController();
  readonly #watchdog = new Watchdog(() => this.#hang());
  readonly #progress: Progress;
  #isReady = false;
  #generation = 0;
  #ended = false;
  #stopped = false;
  #failure: Fail | undefined;

  constructor(connection: Connection, works: readonly Work[], options: CarryOutOptions) {
    this.#connection = connection;
    this.#works = works;
    this.#options = options;
    this.#progress = new Progress(connection.host, works, options);
  }

  async toItsEnd(): Promise<CarriedOut> {
    const { signal } = this.#options;
    if (signal.aborted) throw interrupted(signal, this.#connection.host);
    const onAbort = () => this.#interrupt();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const script = await executorScript(this.#works, this.#options);
      await this.#withShell(await this.#connection.spawn(script, { signal: this.#givenUp.signal }));
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
    this.#settle();
    return { generation: this.#generation };
  }

  async #withShell(process: RemoteProcess): Promise<void> {
    this.#heard();
    // What a broken stream costs is told by `exited` and by the events.
    process.stdin.on('error', () => {});
    process.stderr.resume();
    const sending = this.#send(process);
    try {
      await Promise.all([this.#readEvents(process), process.exited]);
    } catch (error) {
      // A connection that is lost after the last word has nothing left to take away.
      if (!this.#ended)
        this.#failure ??= error instanceof Fail ? error : streamBroke(this.#connection.host, error);
    } finally {
      this.#watchdog.stop();
      this.#over.abort();
      this.#ready.resolve();
      process.stdin.destroy();
      await sending;
    }
  }

  /** Never rejects: the reasons for which it stops early are all told by the reading side. */
  async #send(process: RemoteProcess): Promise<void> {
    await this.#ready.promise;
    const { silenceSeconds: patience = patienceOfHost } = this.#options;
    const stream = new CommandStream(process.stdin, {
      over: this.#over.signal,
      onSend: () => this.#heard(),
      beatSeconds: patience / beatsPerSilence,
    });
    try {
      await this.#sendAll(stream);
    } catch (error) {
      // A local file that cannot be read ends the run; an aborted write means that it ended already.
      if (!this.#over.signal.aborted) this.#failure ??= error instanceof Fail ? error : cannotBeSent(error);
    }
    stream.end();
  }

  async #sendAll(stream: CommandStream): Promise<void> {
    const { space, mode, newest, journalBytes, undoes, encoding = 'gzip' } = this.#options;
    for (const { folder, bytes } of space) await stream.send(command('need', folder, String(bytes)));
    const known = [newest, journalBytes].map((each) => String(each ?? ''));
    await stream.send(command('open_generation', ...known));
    for (const [index, work] of this.#works.entries()) {
      const guards = mode !== 'reset';
      const told = this.#progress.bytesOf(work);
      for await (const part of encodeWork(work, { guards, encoding })) await stream.send(part, told);
      if (guards && work.guarded && !this.#works[index + 1]?.guarded) await this.#confirm(stream, work);
    }
    if (undoes !== undefined)
      await stream.send(command('mark_undone', String(undoes.first), String(undoes.last)));
    await stream.send(command(mode === 'reset' ? 'forget' : 'end_generation'));
  }

  /** The last of guarded works that follow each other is done: a new connection proves that the host can be reached. */
  async #confirm(stream: CommandStream, work: Work): Promise<void> {
    await Promise.race([this.#progress.ended(work), this.#isOver()]);
    this.#over.signal.throwIfAborted();
    const { reconnect, state = stateFolder, emit } = this.#options;
    // The host says nothing while it is asked elsewhere whether it can still be reached.
    this.#watchdog.stop();
    try {
      await confirmGuard({
        host: this.#connection.host,
        what: work.summary,
        reconnect,
        state,
        emit,
        signal: this.#options.signal,
        graceSeconds: this.#options.graceSeconds ?? graceSeconds,
      });
    } catch (error) {
      if (this.#options.signal.aborted) return await this.#stopNow(stream);
      // The way that is lost is only a symptom.
      if (error instanceof Fail) this.#failure = error;
      this.#givenUp.abort(error);
      throw error;
    }
    await stream.send(command('guard_confirmed'));
  }

  /** The host undoes what is not confirmed: at once when it hears of it, else when the time of the guard has passed. */
  async #stopNow(stream: CommandStream): Promise<never> {
    this.#note('the guarded change was not confirmed: the host undoes it', 'warn');
    await stream.send(command('stop_now'));
    await this.#isOver();
    throw this.#over.signal.reason;
  }

  /** Also when it was over before anybody asked: an event that has passed does not come again. */
  async #isOver(): Promise<void> {
    if (!this.#over.signal.aborted) await once(this.#over.signal, 'abort');
  }

  async #readEvents(process: RemoteProcess): Promise<void> {
    for await (const event of hostEvents(process.stdout)) {
      this.#heard();
      if (event !== undefined) this.#take(event);
    }
  }

  #take(event: HostEvent): void {
    const { host } = this.#connection;
    switch (event.kind) {
      case 'ready':
        this.#isReady = true;
        this.#ready.resolve();
        return;
      case 'begin':
        this.#progress.begin(event.id);
        this.#heard();
        return;
      case 'run':
        this.#progress.run(event.step);
        return;
      case 'done':
        this.#progress.end(event.id);
        return;
      case 'generation':
        this.#generation = event.number;
        this.#options.onGeneration?.(event.number);
        return;
      case 'waiting':
        this.#note(`waiting for the package manager: ${event.holder}`);
        return;
      case 'turn':
        this.#note(`waiting for its turn: ${event.holder.replaceAll('\t', ' ')}`);
        return;
      case 'armed':
      case 'confirmed':
        return;
      case 'end':
        this.#ended = true;
        break;
      case 'stopped':
        this.#stopped = true;
        break;
      case 'locked':
        this.#failure ??= lockedBy(host, event.holder);
        break;
      case 'fail':
        this.#failure ??= describeFailure(host, this.#progress.current, event);
        this.#progress.endCurrent(this.#failure);
        break;
    }
    this.#over.abort();
  }

  #note(message: string, level: 'info' | 'warn' = 'info'): void {
    this.#options.emit({ kind: 'note', level, host: this.#connection.host, message });
  }

  /** Before its shell holds the lock nothing is begun, and the stop file would be read by the apply that holds it. */
  #interrupt(): void {
    const { signal } = this.#options;
    if (this.#isReady) this.#askToStop();
    else this.#givenUp.abort(interrupted(signal, `${this.#connection.host}: before the first change`));
  }

  /** Between changes the shell looks for this file; what was sent ahead is then not begun. */
  #askToStop(): void {
    const { transient = transientFolder } = this.#options;
    this.#connection
      .sh(`: > ${quote(`${transient}/stop`)}`, { signal: AbortSignal.timeout(10_000) })
      .catch((error: unknown) => this.#givenUp.abort(error));
  }

  #heard(): void {
    const turn = this.#isReady ? 0 : (this.#options.lockTimeoutSeconds ?? 0);
    this.#watchdog.heard(silenceSeconds + turn + this.#progress.silentSeconds);
  }

  #hang(): void {
    this.#givenUp.abort(stoppedAnswering(this.#connection.host));
  }

  #settle(): void {
    const { host } = this.#connection;
    if (this.#failure === undefined && this.#ended) return;
    const failure =
      this.#failure ??
      (this.#stopped
        ? interrupted(this.#options.signal, `${host}: stopped between two changes`)
        : endedEarly(host));
    this.#progress.endCurrent(failure);
    throw failure;
  }
}
