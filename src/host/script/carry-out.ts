import { readFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { createInterface } from 'node:readline';
import type { Emit, Phase } from '../../core/events.ts';
import { Fail } from '../../core/fail.ts';
import { quote } from '../quote.ts';
import type { Connection, RemoteProcess } from '../transport/connection.ts';
import { interrupted } from '../transport/interrupted.ts';
import { command, encodeWork, type Part } from './encode-work.ts';
import { describeFailure, type HostEvent, lockedBy, parseHostEvent } from './outcome.ts';
import { stateFolder, transientFolder } from './state.ts';
import type { Work } from './step.ts';
import { Watchdog } from './watchdog.ts';

export interface CarryOutOptions {
  /** `reset` notes no origins and ends by taking berth's memory of the host away. */
  readonly mode: 'apply' | 'reset';
  readonly phase: Phase;
  /** Space that must be free before the first step, by folder. */
  readonly space: readonly { readonly folder: string; readonly bytes: number }[];
  readonly emit: Emit;
  /** Aborted: the change at work is finished, no other is begun, and Fail `Cancelled` is thrown. */
  readonly signal: AbortSignal;
  /** For tests: where berth keeps its memory on the host. */
  readonly state?: string;
  readonly transient?: string;
}

/** Silence after which a host counts as hung, beyond the deadline of the step at work. */
const silenceSeconds = 120;

const bytesPerWrite = 256 * 1024;

const executorText = readFile(new URL('./executor.sh', import.meta.url), 'utf8');
executorText.catch(() => {});

/**
 * Carries out `works` in order over one channel: one shell on the host takes all steps, file contents
 * between them, and holds the lock as long as it lives. Throws Fail `Locked`, `DiskFull`, `PackageLock`,
 * `CommandFailed`, `DeadlineExceeded`, `ConnectionLost` or `Cancelled`; what was done stays, and the next
 * plan contains what is left.
 */
export async function carryOut(
  connection: Connection,
  works: readonly Work[],
  options: CarryOutOptions,
): Promise<void> {
  const run = new Run(connection, works, options);
  await run.toItsEnd();
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
  #isReady = false;
  #ended = false;
  #stopped = false;
  #current: Work | undefined;
  #failure: Fail | undefined;

  constructor(connection: Connection, works: readonly Work[], options: CarryOutOptions) {
    this.#connection = connection;
    this.#works = works;
    this.#options = options;
  }

  async toItsEnd(): Promise<void> {
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
    const { mode, state = stateFolder, transient = transientFolder } = this.#options;
    const parameters = { state, run: transient, mode, by: `${userInfo().username}@${hostname()}` };
    const assignments = Object.entries(parameters).map(([name, value]) => `${name}=${quote(value)}`);
    return `${assignments.join('\n')}\n${await executorText}`;
  }

  /** Never rejects: the reasons for which it stops early are all told by the reading side. */
  async #send(process: RemoteProcess): Promise<void> {
    await this.#ready.promise;
    const { space, mode } = this.#options;
    try {
      for (const { folder, bytes } of space)
        await this.#write(process, command('need', folder, String(bytes)));
      await this.#write(process, command('open_generation'));
      for (const work of this.#works) {
        for await (const part of encodeWork(work)) await this.#writePart(process, work, part);
      }
      await this.#write(process, command(mode === 'reset' ? 'forget' : 'end_generation'));
    } catch (error) {
      // A local file that cannot be read ends the run; an aborted write means that it ended already.
      if (!this.#over.signal.aborted) this.#failure ??= error instanceof Fail ? error : asUnreadable(error);
    }
    process.stdin.end();
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
      case 'waiting':
        this.#options.emit({
          kind: 'note',
          level: 'info',
          host,
          message: `waiting for the package manager: ${event.holder}`,
        });
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
    const steps = this.#current?.steps ?? [];
    const deadlines = steps.map((step) => (step.kind === 'run' ? step.deadlineSeconds : 0));
    this.#watchdog.heard(silenceSeconds + Math.max(0, ...deadlines));
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
