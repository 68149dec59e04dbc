/**
 * Keeps second copies of descriptors outside this process, so that a killed shim loses no pipe with output in it,
 * no terminal, and no way to learn how a process ended.
 */
export interface Holder {
  /** Keeps a copy of `fd` under `name`; the caller's own stays its own. */
  keep(name: string, fd: number): void;
  /** Lets the copies go. Unknown names are none of its business. `now`: at once, since somebody waits for their end. */
  drop(names: readonly string[], urgency?: 'soon' | 'now'): void;
  /** Descriptors of an earlier shim, by name. Who takes one owns it; the copy outside is kept on. */
  take(name: string): number | undefined;
  /** After recovery: closes what nobody took, here and there. */
  forgetRest(): void;
  /** On an orderly end. Keeps everything as long as there is something to keep. */
  close(): void;
}
