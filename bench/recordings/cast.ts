import { createReadStream, writeFileSync } from 'node:fs';

/** What a program wrote, and when: a text cast (asciicast v2, https://docs.asciinema.org/manual/asciicast/v2/). */
export class Cast {
  readonly #events: string[] = [];
  readonly #decoder = new TextDecoder();
  readonly #whole: Promise<void>;
  #last = 0;
  #shown = 0;

  /** Listens to a FIFO until who writes into it closes it. */
  constructor(fifo: string) {
    const stream = createReadStream(fifo);
    stream.on('data', (chunk) => this.#take(this.#decoder.decode(Buffer.from(chunk), { stream: true })));
    this.#whole = new Promise((resolve, reject) => {
      stream.once('close', resolve);
      stream.once('error', reject);
    });
  }

  /** After the end of the program. */
  async save(
    file: string,
    { columns, rows, title }: { readonly columns: number; readonly rows: number; readonly title: string },
  ): Promise<void> {
    await this.#whole;
    const header = { version: 2, width: columns, height: rows, title, env: { TERM: 'xterm-256color' } };
    writeFileSync(file, [JSON.stringify(header), ...this.#events, ''].join('\n'));
  }

  #take(text: string): void {
    const now = performance.now();
    // Nobody wants to watch a slow machine wait: a pause is at most so long.
    this.#shown += this.#events.length === 0 ? 0 : Math.min(now - this.#last, 1500);
    this.#last = now;
    this.#events.push(JSON.stringify([Number((this.#shown / 1000).toFixed(3)), 'o', text]));
  }
}
