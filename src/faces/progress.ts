import type { Event } from '../core/events.ts';

/** Shows the events of a flow while it runs. */
export interface Progress {
  /** It has the terminal until it is paused, and shows failures itself meanwhile: nothing is printed beside it. */
  readonly isLive?: true;
  emit(event: Event): void;
  /** Makes the terminal free; the next event takes it again. With `keep`, what is shown stays in the scrollback. */
  pause(options: { readonly keep: boolean }): void;
}
