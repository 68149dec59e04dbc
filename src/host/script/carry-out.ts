import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { createInterface } from 'node:readline';
import type { Emit, Phase } from '../../core/events.ts';
import { Fail } from '../../core/fail.ts';
import { quote } from '../quote.ts';
import type { Connection, RemoteProcess } from '../transport/connection.ts';
import { interrupted } from '../transport/interrupted.ts';
import { command, encodeWork, type Part, secondsOf } from './encode-work.ts';
import { confirmGuard, graceSeconds, type Reconnect } from './guard.ts';
import { describeFailure, type HostEvent, lockedBy, parseHostEvent } from './outcome.ts';
import { stateFolder, transientFolder } from './state.ts';
import type { Work } from './step.ts';
import { Watchdog } from './watchdog.ts';

/** What a generation says of itself on the host. */
export interface About {
  /** Number of the generation whose state a rollback makes again. */
  readonly to?: number;
  /** Version of berth. */
  readonly berth: string;
  /** What the host follows afterwards, as JSON. */
  readonly spec: string;
  /** Generations that stay on the host. */
  readonly keep: number;
}

export interface CarryOutOptions {
  /** `reset` notes no origins and ends by taking berth's memory of the host away. */
  readonly mode: 'apply' | 'rollback' | 'reset';
  readonly phase: Phase;
  readonly about?: About;
  /** The newest generation that the plan knows of, 0: none. Fail `HostMoved` when the host has another. */
  readonly newest?: number;
  /** The generations that a rollback undoes. */
  readonly undoes?: { readonly first: number; readonly last: number };
  /** Seconds to wait while somebody else is at work on the host. */
  readonly lockTimeoutSeconds?: number;
  /** Told of the generation before its first change: from here on there is something to go back from. */
  readonly onGeneration?: (generation: number) => void;
  /** How a new connection is made; needed for guarded works. */
  readonly reconnect?: Reconnect;
  /** Seconds in which a new connection must confirm guarded works. */
  readonly graceSeconds?: number;
  /** Space that must be free before the first step, by folder. */
  readonly space: readonly { readonly folder: string; readonly bytes: number }[];
  readonly emit: Emit;
  /** Aborted: the change at work is finished, no other is begun, and Fail `Cancelled` is thrown. */
  readonly signal: AbortSignal;
  /** For tests: where berth keeps its memory on the host. */
  readonly state?: string;
  readonly transient?: string;
}

/** Silence after which a host counts as hung, beyond the deadlines of the work that it is at. */
const silenceSeconds = 120;

const bytesPerWrite = 256 * 1024;

const textOf = (name: string): Promise<string> => {
  const text = readFile(new URL(name, import.meta.url), 'utf8');
  text.catch(() => {});
  return text;
};
const executorText = textOf('./executor.sh');
const guardText = textOf('./guard.sh');

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
  readonly #startedAt = new Map<string, number>();
  readonly #finished = new Map<string, PromiseWithResolvers<void>>();
  #isReady = false;
  #generation = 0;
  #ended = false;
  #stopped = false;
  #current: Work | undefined;
  #failure: Fail | undefined;

  constructor(connection: Connection, works: readonly Work[], options: CarryOutOptions) {
    this.#connection = connection;
    this.#works = works;
    this.#options = options;
  }

  async toItsEnd(): Promise<CarriedOut> {
    const { signal } = this.#options;
    if (signal.aborted) throw interrupted(signal, this.#connection.host);
    const onAbort = () => this.#interrupt();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await this.#withShell(
        await this.#connection.spawn(await this.#script(), { signal: this.#givenUp.signal }),
      );
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
        this.#failure ??= error instanceof Fail ? error : asLost(this.#connection.host, error);
    } finally {
      this.#watchdog.stop();
      this.#over.abort();
      this.#ready.resolve();
      process.stdin.destroy();
      await sending;
    }
  }

  async #script(): Promise<string> {
    const { mode, about, state = stateFolder, transient = transientFolder } = this.#options;
    const spec = about?.spec ?? '';
    const parameters = {
      state,
      run: transient,
      mode,
      by: `${userInfo().username}@${hostname()}`,
      about: [mode, about?.to ?? '-', about?.berth ?? '-', digestOf(spec), this.#works.length].join('\t'),
      spec: Buffer.from(spec).toString('base64'),
      keep: String(about?.keep ?? 10),
      patience: String(this.#options.lockTimeoutSeconds ?? 0),
      grace: String(this.#options.graceSeconds ?? graceSeconds),
      guard_text: this.#works.some((work) => work.guarded)
        ? Buffer.from(await guardText).toString('base64')
        : '',
    };
    const assignments = Object.entries(parameters).map(([name, value]) => `${name}=${quote(value)}`);
    return `${assignments.join('\n')}\n${await executorText}`;
  }

  /** Never rejects: the reasons for which it stops early are all told by the reading side. */
  async #send(process: RemoteProcess): Promise<void> {
    await this.#ready.promise;
    const { space, mode, newest } = this.#options;
    try {
      for (const { folder, bytes } of space)
        await this.#write(process, command('need', folder, String(bytes)));
      await this.#write(
        process,
        newest === undefined ? command('open_generation') : command('open_generation', String(newest)),
      );
      for (const [index, work] of this.#works.entries()) {
        const guards = mode !== 'reset';
        for await (const part of encodeWork(work, guards)) await this.#writePart(process, work, part);
        if (guards && work.guarded && !this.#works[index + 1]?.guarded) await this.#confirm(process, work);
      }
      const { undoes } = this.#options;
      if (undoes !== undefined)
        await this.#write(process, command('mark_undone', String(undoes.first), String(undoes.last)));
      await this.#write(process, command(mode === 'reset' ? 'forget' : 'end_generation'));
    } catch (error) {
      // A local file that cannot be read ends the run; an aborted write means that it ended already.
      if (!this.#over.signal.aborted) this.#failure ??= error instanceof Fail ? error : asUnreadable(error);
    }
    process.stdin.end();
  }

  /** The last of guarded works that follow each other is done: a new connection proves that the host can be reached. */
  async #confirm(process: RemoteProcess, work: Work): Promise<void> {
    const done = this.#finished.get(work.id) ?? Promise.withResolvers<void>();
    this.#finished.set(work.id, done);
    await Promise.race([done.promise, this.#isOver()]);
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
      if (this.#options.signal.aborted) return await this.#stopNow(process);
      // The way that is lost is only a symptom.
      if (error instanceof Fail) this.#failure = error;
      this.#givenUp.abort(error);
      throw error;
    }
    await this.#write(process, command('guard_confirmed'));
  }

  /** The host undoes what is not confirmed: at once when it hears of it, else when the time of the guard has passed. */
  async #stopNow(process: RemoteProcess): Promise<never> {
    this.#note('the guarded change was not confirmed: the host undoes it');
    await this.#write(process, command('stop_now'));
    await this.#isOver();
    throw this.#over.signal.reason;
  }

  /** Also when it was over before anybody asked: an event that has passed does not come again. */
  async #isOver(): Promise<void> {
    if (!this.#over.signal.aborted) await once(this.#over.signal, 'abort');
  }

  async #writePart(process: RemoteProcess, work: Work, part: Part): Promise<void> {
    if (typeof part === 'string' || part.length <= bytesPerWrite) return this.#write(process, part);
    const { emit } = this.#options;
    for (let done = 0; done < part.length; done += bytesPerWrite) {
      await this.#write(process, part.subarray(done, done + bytesPerWrite));
      const sent = Math.min(done + bytesPerWrite, part.length);
      emit({ kind: 'bytes', host: this.#connection.host, id: work.id, done: sent, total: part.length });
    }
  }

  async #write(process: RemoteProcess, part: Part): Promise<void> {
    this.#over.signal.throwIfAborted();
    this.#heard();
    if (process.stdin.write(part)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    process.stdin.once('drain', resolve);
    this.#over.signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
  }

  async #readEvents(process: RemoteProcess): Promise<void> {
    const lines = createInterface({ input: process.stdout });
    // A lost connection destroys the stream without an end, which readline alone would wait for for ever.
    process.stdout.on('error', () => {});
    process.stdout.once('close', () => lines.close());
    for await (const line of lines) {
      this.#heard();
      const event = parseHostEvent(line);
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
        this.#begin(event.id);
        return;
      case 'done':
        this.#finish(event.id, undefined);
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
        this.#failure ??= describeFailure(host, this.#current, event);
        if (this.#current !== undefined) this.#finish(this.#current.id, this.#failure.message);
        break;
    }
    this.#over.abort();
  }

  #note(message: string): void {
    this.#options.emit({ kind: 'note', level: 'info', host: this.#connection.host, message });
  }

  #begin(id: string): void {
    const { emit, phase } = this.#options;
    this.#current = this.#works.find((work) => work.id === id);
    this.#startedAt.set(id, performance.now());
    this.#heard();
    emit({
      kind: 'step-started',
      host: this.#connection.host,
      phase,
      id,
      title: this.#current?.summary ?? id,
    });
  }

  #finish(id: string, failure: string | undefined): void {
    const { emit, phase } = this.#options;
    const milliseconds = performance.now() - (this.#startedAt.get(id) ?? performance.now());
    this.#current = undefined;
    const done = this.#finished.get(id) ?? Promise.withResolvers<void>();
    this.#finished.set(id, done);
    done.resolve();
    emit({
      kind: 'step-ended',
      host: this.#connection.host,
      phase,
      id,
      milliseconds,
      failed: failure !== undefined,
      ...(failure === undefined ? {} : { detail: failure }),
    });
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
    // Between the first step of a work and its last the host has nothing to say.
    const working = this.#current === undefined ? 0 : secondsOf(this.#current);
    const turn = this.#isReady ? 0 : (this.#options.lockTimeoutSeconds ?? 0);
    this.#watchdog.heard(silenceSeconds + turn + working);
  }

  #hang(): void {
    const { host } = this.#connection;
    this.#givenUp.abort(
      new Fail('DeadlineExceeded', `${host}: the host stopped answering during the apply`, {
        hint: 'Look at its disks and load; the next apply goes on where this one stopped.',
      }),
    );
  }

  #settle(): void {
    const { host } = this.#connection;
    if (this.#failure === undefined && this.#ended) return;
    const failure =
      this.#failure ??
      (this.#stopped
        ? interrupted(this.#options.signal, `${host}: stopped between two changes`)
        : new Fail('ConnectionLost', `${host}: the shell that applies the changes ended before its work`, {
            hint: 'Run the same command again: it goes on where this one stopped.',
          }));
    if (this.#current !== undefined) this.#finish(this.#current.id, failure.message);
    throw failure;
  }
}

const digestOf = (spec: string): string =>
  spec === '' ? '-' : createHash('sha256').update(spec).digest('hex').slice(0, 12);

const asLost = (host: string, cause: unknown): Fail =>
  new Fail('ConnectionLost', `${host}: the apply stream broke`, {
    hint: 'Run the same command again: it goes on where this one stopped.',
    cause,
  });

const asUnreadable = (cause: unknown): Fail =>
  new Fail(
    'Internal',
    `a file for the host cannot be read: ${cause instanceof Error ? cause.message : cause}`,
    {
      cause,
    },
  );
