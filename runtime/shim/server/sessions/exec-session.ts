import { setTerminalSize } from '../../../linux/fds.ts';
import { exitCodeOf } from '../../../linux/processes.ts';
import { type Resize, SessionTag } from '../../protocol/messages.ts';
import { toWireError } from '../../protocol/wire-error.ts';
import type { ExecProcess } from '../processes/exec-process.ts';
import { FdReadable, FdWritable } from '../processes/fd-streams.ts';
import { within } from '../processes/run.ts';
import type { PendingSession } from './sessions.ts';
import type { Wire } from './wire.ts';

/** The process has ended; offspring may hold its output open. What it wrote itself is there at once. */
const LINGER_MS = 500;

/** Connects an exec process with its session; until then its output waits in its pipes. */
export class ExecSession implements PendingSession {
  readonly #exec: ExecProcess;
  readonly #stdin: FdWritable | undefined;
  readonly #stdout: FdReadable;
  readonly #stderr: FdReadable | undefined;

  constructor(exec: ExecProcess) {
    this.#exec = exec;
    this.#stdin = exec.stdin === undefined ? undefined : new FdWritable(exec.stdin);
    this.#stdout = new FdReadable(exec.stdout);
    this.#stderr = exec.stderr === undefined ? undefined : new FdReadable(exec.stderr);
    // The process may close its input, or end, before it has read all of it.
    this.#stdin?.on('error', () => {});
    this.#stdin?.once('close', () => exec.closeInput?.());
  }

  connect(wire: Wire): void {
    const [stdin, stdout, stderr] = [this.#stdin, this.#stdout, this.#stderr];
    const outputs = [pump(stdout, SessionTag.stdout, wire)];
    if (stderr !== undefined) outputs.push(pump(stderr, SessionTag.stderr, wire));
    stdin?.on('drain', () => wire.resume());
    stdin?.on('close', () => wire.resume());
    wire.listen({
      onStdin: (bytes) => stdin === undefined || !stdin.writable || stdin.write(bytes),
      onStdinEnd: () => stdin?.end(),
      onResize: (size) => this.#resize(size),
      onDrain: () => {
        for (const output of [stdout, stderr]) if (output?.destroyed === false) output.resume();
      },
      onClose: () => this.#abandon(),
    });
    this.#finish(wire, outputs).catch((error) => wire.fail(toWireError(error)));
  }

  expire(): void {
    this.#abandon();
  }

  async #finish(wire: Wire, outputs: readonly Promise<void>[]): Promise<void> {
    const status = await this.#exec.exited;
    await this.#lastOutput(outputs);
    this.#destroyStreams();
    wire.exit({ exitCode: status === undefined ? 255 : exitCodeOf(status) });
  }

  /** As long as the client takes output, however slowly; then a moment for offspring. */
  async #lastOutput(outputs: readonly Promise<void>[]): Promise<void> {
    const ended = Promise.all(outputs);
    await within(LINGER_MS, ended);
    while ([this.#stdout, this.#stderr].some(isBehind)) await within(LINGER_MS, ended);
  }

  #abandon(): void {
    this.#exec.kill();
    this.#destroyStreams();
  }

  #destroyStreams(): void {
    this.#stdin?.destroy();
    this.#stdout.destroy();
    this.#stderr?.destroy();
  }

  #resize(size: Resize): void {
    const isTerminal = this.#stderr === undefined;
    if (!isTerminal || this.#stdout.destroyed) return;
    if (this.#exec.resize !== undefined) this.#exec.resize(size);
    else setTerminalSize(this.#exec.stdout, size);
  }
}

const isBehind = (output: FdReadable | undefined): boolean =>
  output !== undefined && !output.destroyed && output.isPaused();

/** Sends the output as it comes; rests while the client is behind. Resolves at its end. */
function pump(output: FdReadable, tag: number, wire: Wire): Promise<void> {
  output.on('data', (bytes: Buffer) => {
    if (!wire.send(tag, bytes)) output.pause();
  });
  // An output that fails is one that ends: the exit code still counts.
  output.on('error', () => {});
  return new Promise((resolve) => output.once('close', () => resolve()));
}
