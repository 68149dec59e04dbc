import type { Writable } from 'node:stream';

/** Ends the stream and waits until its last byte was written, or it was closed without. */
export const ended = (stream: Writable): Promise<void> =>
  new Promise((resolve) => {
    if (stream.destroyed || stream.writableFinished) {
      resolve();
      return;
    }
    stream.once('close', resolve).once('error', () => resolve());
    stream.end(resolve);
  });

/** Waits until the stream takes more, or never will. */
export const drained = (stream: Writable): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done).off('close', done).off('error', done);
      resolve();
    };
    if (stream.destroyed || !stream.writableNeedDrain) resolve();
    else stream.on('drain', done).on('close', done).on('error', done);
  });
