import type { Event } from '../core/events.ts';

/** Shows the events of a flow while it runs. */
export interface Progress {
  emit(event: Event): void;
  /** Makes the terminal free; the next event takes it again. With `keep`, what is shown stays in the scrollback. */
  pause(options: { readonly keep: boolean }): void;
}
