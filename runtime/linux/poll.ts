import { koffi } from './ffi.ts';

type PollHandle = InstanceType<typeof koffi.node.PollHandle>;

/** A watched descriptor. `pause` keeps the registration; `close` must come before the descriptor is closed. */
export interface Watch {
  pause(): void;
  resume(): void;
  close(): void;
}

/** Handles that nobody else refers to would be collected, and their polls would end without a word. */
const alive = new Set<PollHandle>();

/**
 * Calls `onReady` whenever the descriptor (pidfd, FIFO, pipe, pty, eventfd, socket) is readable, or writable,
 * or hung up, on Node's own event loop and without a thread: level-triggered, at most once per turn of the loop.
 *
 * koffi's callback does not drain promise jobs, so the work continues in `setImmediate`, which runs in the same
 * turn right after the poll phase. A descriptor may be watched once at a time (libuv's rule).
 * koffi.node.poll is not documented; this is its one use, and test/runtime/linux/processes.test.ts holds it to this.
 */
export function watch(fd: number, direction: 'readable' | 'writable', onReady: () => void): Watch {
  const options = { readable: direction === 'readable', writable: direction === 'writable' };
  let state: 'running' | 'paused' | 'closed' = 'running';
  const ready = () => {
    setImmediate(() => {
      if (state === 'running') onReady();
    });
  };
  const handle = koffi.node.poll(fd, options, ready);
  alive.add(handle);
  return {
    pause() {
      if (state !== 'running') return;
      state = 'paused';
      handle.stop();
    },
    resume() {
      if (state !== 'paused') return;
      state = 'running';
      handle.start(options, ready);
    },
    close() {
      if (state === 'closed') return;
      state = 'closed';
      handle.close();
      alive.delete(handle);
    },
  };
}
