import type { Key } from 'ink';
import type { Event } from '../../core/events.ts';
import type { Progress } from '../progress.ts';
import { styleFor } from '../style.ts';
import { durationsFile, keepDurations, readDurations } from './durations-file.ts';
import { type Frame, frameOf, type Size } from './frame.ts';
import { afterWish, type Extent, type Wish, wishesOf } from './keys.ts';
import { Reader } from './reader.ts';
import { Screen } from './screen.ts';
import { afterEvent, type LiveState, startOf } from './state.ts';
import { type Note, notesText, summaryText } from './summary.ts';
import { keyboardOf } from './terminal.ts';

/** The terminal itself shows keys that are pressed while there is no view: what follows is not to stand behind them. */
const clearLine = '\r\u001b[K';

/** The live view of a terminal: on its second screen while hosts are at work; notes and the summary stay on the first. */
export class LiveProgress implements Progress {
  readonly isLive = true;
  readonly #out: NodeJS.WriteStream;
  readonly #verbose: boolean;
  readonly #screen: Screen;
  readonly #durations = durationsFile(process.env);
  #state: LiveState;
  #extent: Extent = { rows: 0, shown: 0 };
  /** Not on the first screen yet. */
  #notes: readonly Note[] = [];
  #untold = new Set<string>();
  /** Somebody reads on although the run is over. */
  #reader: Reader | undefined;

  constructor(out: NodeJS.WriteStream, { verbose }: { readonly verbose: boolean }) {
    this.#out = out;
    this.#verbose = verbose;
    this.#state = startOf(readDurations(this.#durations));
    this.#screen = new Screen({
      out,
      keyboard: () => keyboardOf(process.stdin),
      draw: (now, size, hasKeys) => this.#draw(now, size, hasKeys),
      onKey: (input, key) => this.#onKey(input, key),
    });
  }

  emit(event: Event): void {
    if (event.kind === 'note' && event.level === 'debug' && !this.#verbose) return;
    this.#state = afterEvent(this.#state, event, performance.now());
    if (event.kind === 'run-started') return;
    if (event.kind === 'note' && this.#stays(event)) this.#notes = [...this.#notes, event];
    if (event.kind !== 'note' && event.host !== undefined) this.#untold.add(event.host);
    this.#screen.changed();
  }

  /** What a host waits for or tries again is in its row while it does, and in its log: the outcome makes it moot. */
  #stays({ level, host }: Note): boolean {
    return level === 'warn' || host === undefined || this.#verbose;
  }

  isRead(): boolean {
    return this.#screen.isOpen && this.#state.looking.view !== 'hosts';
  }

  async untilRead(signal: AbortSignal): Promise<void> {
    if (!this.isRead()) return;
    this.#reader = new Reader();
    this.#state = { ...this.#state, isOver: true };
    this.#screen.redraw();
    await this.#reader.gone(signal);
  }

  pause({ keep }: { readonly keep: boolean }): void {
    this.#screen.close();
    this.#out.write(clearLine);
    const style = styleFor(this.#out);
    const notes = notesText(this.#notes, style);
    this.#notes = [];
    const summary = keep ? summaryText(this.#state.board, style, (host) => this.#untold.has(host)) : '';
    if (keep) this.#untold = new Set();
    if (notes !== '' || summary !== '') this.#out.write(notes + summary);
    if (keep) this.#keepDurations();
  }

  #keepDurations(): void {
    const { taken } = this.#state;
    if (taken.length === 0) return;
    keepDurations(this.#durations, taken);
    this.#state = { ...this.#state, taken: [] };
  }

  #draw(now: number, size: Size, keys: boolean): Frame {
    const frame = frameOf(this.#state, now, size, keys);
    this.#extent = frame.extent;
    return frame;
  }

  #onKey(input: string, key: Key): void {
    for (const wish of wishesOf(input, key)) this.#follow(wish);
    this.#screen.redraw();
    this.#reader?.pressed();
    if (this.#state.looking.view === 'hosts') this.#reader?.leave();
  }

  #follow(wish: Wish): void {
    if (wish === 'interrupt') this.#interrupt();
    if (wish === 'suspend') this.#suspend();
    this.#state = afterWish(this.#state, wish, performance.now(), this.#extent);
  }

  #interrupt(): void {
    // In raw mode the terminal sends a character in place of the signal.
    if (this.#reader === undefined) process.kill(process.pid, 'SIGINT');
    // There is nothing left to interrupt but the reading.
    else this.#reader.leave();
  }

  #suspend(): void {
    this.#screen.close();
    process.once('SIGCONT', () => this.#screen.open());
    process.kill(process.pid, 'SIGTSTP');
  }
}
