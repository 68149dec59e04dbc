import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface TerminalOptions {
  readonly columns: number;
  readonly rows: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A real terminal, tmux's, with a program on it. What the program leaves stays to be read until the end of the test. */
export class Terminal {
  /** Of its server. */
  readonly #folder = mkdtempSync(join(tmpdir(), 'berth-terminal-'));

  private constructor() {}

  /** Starts `argv`; when it ends, the last line says `ended N` with its exit code. */
  static async start(
    t: { after(release: () => Promise<void>): void },
    argv: readonly string[],
    { columns, rows, env = {}, cwd = '/' }: TerminalOptions,
  ): Promise<Terminal> {
    const terminal = new Terminal();
    t.after(() => terminal.#close());
    const set = Object.entries({ TERM: 'tmux-256color', ...env }).map(([name, value]) => `${name}=${value}`);
    const program = [
      ...['env', '-u', 'CI', '-u', 'NO_COLOR', '-u', 'FORCE_COLOR', ...set],
      ...['sh', '-c', '"$@"; echo "ended $?"; exec sleep 3600', 'sh', ...argv],
    ];
    await terminal.#tmux(
      ...['-f', '/dev/null', 'new-session', '-d', '-x', String(columns), '-y', String(rows), '-c', cwd],
      ...['--', ...program],
      ...[';', 'set-option', 'status', 'off', ';', 'set-option', '-g', 'history-limit', '5000'],
    );
    // Without a status line the program has all rows.
    await terminal.resize(columns, rows);
    return terminal;
  }

  /** What is on the screen now, without blanks at the ends of lines. `colours`: with the sequences that make them. */
  async screen({ colours = false }: { readonly colours?: boolean } = {}): Promise<string> {
    return (await this.#tmux('capture-pane', '-p', ...(colours ? ['-e'] : []))).trimEnd();
  }

  /** The screen and all that has scrolled away above it. */
  scrollback(): Promise<string> {
    return this.#tmux('capture-pane', '-p', '-J', '-S', '-');
  }

  /** Whether a program is on the second screen of the terminal. */
  async isAlternate(): Promise<boolean> {
    return (await this.#tmux('display-message', '-p', '#{alternate_on}')).trim() === '1';
  }

  /** Keys by the names of tmux: `Enter`, `Escape`, `Down`, `C-c`, or what they type. */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#tmux('send-keys', ...keys);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** The screen as soon as it matches; throws with the last one when it does not in time, or the program has ended. */
  async shows(pattern: RegExp, seconds = 60): Promise<string> {
    let until = Date.now() + seconds * 1000;
    let isOver = false;
    for (;;) {
      const screen = await this.screen();
      if (pattern.test(screen)) return screen;
      if (Date.now() > until)
        throw new Error(`the terminal does not show ${pattern} within ${seconds} s:\n${screen}`);
      // What comes after the end of the program comes at once.
      if (!isOver && /^ended \d+$/m.test(screen)) {
        isOver = true;
        until = Math.min(until, Date.now() + 1000);
      }
      await pause(150);
    }
  }

  /** All that the program writes from now on goes into a shell command too; without one, into none any more. */
  async pipe(command?: string): Promise<void> {
    await this.#tmux('pipe-pane', ...(command === undefined ? [] : ['-O', command]));
  }

  async #tmux(...args: readonly string[]): Promise<string> {
    return (await run('tmux', ['-S', join(this.#folder, 'socket'), ...args])).stdout;
  }

  async #close(): Promise<void> {
    await this.#tmux('kill-server').catch(() => undefined);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
