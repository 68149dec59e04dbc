import { constants, openSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { commandOutput } from '../../../core/command.ts';

export interface Question {
  /** `none`: something to tell a person, such as to touch a key; nobody waits for an answer. */
  readonly kind: 'secret' | 'confirm' | 'none';
  readonly text: string;
}

/** The answer to a question; undefined refuses it. */
type Answer = (question: Question) => Promise<string | undefined>;

const program = fileURLToPath(new URL('./askpass.sh', import.meta.url));

/** Answers what ssh asks, for as long as it is open. */
export class Askpass implements AsyncDisposable {
  readonly #folder: string;
  readonly #questions: Socket;
  readonly #answers: FileHandle;
  #isOpen = true;

  private constructor(folder: string, questions: Socket, answers: FileHandle) {
    this.#folder = folder;
    this.#questions = questions;
    this.#answers = answers;
  }

  static async open(folder: string, answer: Answer, signal: AbortSignal): Promise<Askpass> {
    const [question, reply] = [join(folder, 'question'), join(folder, 'answer')];
    await commandOutput(['mkfifo', '-m', '600', question, reply], { signal });
    // Open in both directions: neither end waits for the other, and nothing is lost when ssh comes later.
    const answers = await open(reply, constants.O_RDWR);
    const fd = openSync(question, constants.O_RDWR | constants.O_NONBLOCK);
    const questions = new Socket({ fd, readable: true, writable: false });
    const askpass = new Askpass(folder, questions, answers);
    createInterface({ input: questions }).on('line', (line) => {
      void askpass.#take(line, answer);
    });
    return askpass;
  }

  environment(): Record<string, string> {
    return {
      BERTH_ASKPASS: this.#folder,
      SSH_ASKPASS: program,
      // Before OpenSSH 8.4 it is having a display and no terminal that makes ssh ask this way.
      SSH_ASKPASS_REQUIRE: 'force',
      DISPLAY: process.env['DISPLAY'] ?? 'none',
    };
  }

  async #take(line: string, answer: Answer): Promise<void> {
    const at = line.indexOf('\t');
    const kind = line.slice(0, at);
    const question: Question = {
      kind: kind === 'none' || kind === 'confirm' ? kind : 'secret',
      text: line.slice(at + 1).trim(),
    };
    const secret = await answer(question);
    // Who asked may be gone by then: a host ends a login that takes a person too long.
    if (question.kind !== 'none' && this.#isOpen)
      await this.#answers.write(secret === undefined ? '-\n' : `+${secret}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOpen = false;
    this.#questions.destroy();
    await this.#answers.close();
  }
}
