import { Fail } from '../../../core/fail.ts';
import { SessionTag } from '../../protocol/messages.ts';
import { toWireError } from '../../protocol/wire-error.ts';
import type { Container } from '../containers/container.ts';
import type { LogStream } from '../log/format.ts';
import type { PendingSession } from './sessions.ts';
import type { Wire } from './wire.ts';

export interface AttachWish {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** A client that takes nothing for so long is let go: it holds up the container. */
const STALL_MS = 5_000;

/** Joins a client to the streams of a running container. */
export class AttachSession implements PendingSession {
  readonly #container: Container;
  readonly #wish: AttachWish;

  constructor(container: Container, wish: AttachWish) {
    this.#container = container;
    this.#wish = wish;
  }

  connect(wire: Wire): void {
    let stalled: NodeJS.Timeout | undefined;
    const giveUp = () => {
      wire.fail(
        toWireError(new Fail('ResourceExhausted', 'the client does not take the output of the container')),
      );
      wire.destroy();
    };
    const { leave, resume } = this.#container.attach({
      write: (stream: LogStream, bytes: Buffer) => {
        if (!this.#wish[stream] || wire.send(SessionTag[stream], bytes)) return true;
        stalled ??= setTimeout(giveUp, STALL_MS);
        return false;
      },
    });
    const stdin = this.#wish.stdin ? this.#container.stdin() : undefined;
    const takeMore = () => wire.resume();
    stdin?.on('drain', takeMore);
    stdin?.on('close', takeMore);
    wire.listen({
      onStdin: (bytes) => stdin === undefined || !stdin.writable || stdin.write(bytes),
      onStdinEnd: () => this.#endStdin(),
      onResize: (size) => this.#container.resize(size),
      onDrain: () => {
        clearTimeout(stalled);
        stalled = undefined;
        resume();
      },
      onClose: () => {
        clearTimeout(stalled);
        leave();
        stdin?.off('drain', takeMore);
        stdin?.off('close', takeMore);
        this.#endStdin();
      },
    });
    this.#container.exited.then(() => wire.exit({ exitCode: 0 }));
  }

  expire(): void {}

  /** Only the first session that has the input ends it, and only when the container asked for that. */
  #endStdin(): void {
    if (this.#wish.stdin && this.#container.record.stdinOnce) this.#container.closeStdin();
  }
}
