import type { Event } from '../core/events.ts';

/** Shows the events of a flow while it runs. */
export interface Progress {
  /** It has the terminal until it is paused, and shows failures itself meanwhile: nothing is printed beside it. */
  readonly isLive?: true;
  emit(event: Event): void;
  /** Somebody reads in it what a pause takes away, such as the log of a host. */
  isRead?(): boolean;
  /** Resolves when nobody does any more; at once where `signal` aborts. The run is over by then. */
  untilRead?(signal: AbortSignal): Promise<void>;
  /** Makes the terminal free; the next event takes it again. With `keep`, what is shown stays in the scrollback. */
  pause(options: { readonly keep: boolean }): void;
}
