import { failureText } from '../faces/failure-text.ts';
import { styleFor } from '../faces/style.ts';
import { exitCodeOf } from './exit-codes.ts';
import { unwritable } from './write-whole.ts';

/** What a write says to a pipe that nobody reads any more, and to a terminal that is gone. */
const gone: ReadonlySet<string | undefined> = new Set(['EPIPE', 'EIO']);

let isHeeded = true;

/** From now on berth works to its end also when nobody listens any more: the hosts matter more. */
export const goOnUnheard = (): void => {
  isHeeded = false;
};

/**
 * A reader that has seen enough, as in `berth errors | head`, is no failure: what only prints ends then, quietly. A file that
 * takes no more is one, and is told once.
 */
export const heedLostReaders = (): void => {
  let isTold = false;
  for (const [name, stream] of [
    ['standard output', process.stdout],
    ['standard error', process.stderr],
  ] as const)
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (gone.has(error.code)) {
        if (isHeeded) process.exit();
        return;
      }
      const fail = unwritable(name, error);
      if (!isTold)
        process.stderr.write(failureText(fail, { style: styleFor(process.stderr), verbose: false }));
      isTold = true;
      if (isHeeded) process.exit(exitCodeOf(fail));
    });
};
