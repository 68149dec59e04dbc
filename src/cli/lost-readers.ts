import type { Fail } from '../core/fail.ts';
import { failureText } from '../faces/failure-text.ts';
import { styleFor } from '../faces/style.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { unwritable } from './write-whole.ts';

/** What a write says to a pipe that nobody reads any more, and to a terminal that is gone. */
const gone: ReadonlySet<string | undefined> = new Set(['EPIPE', 'EIO']);

let isHeeded = true;
let loss: Fail | undefined;

/** From now on berth works to its end also when nobody listens any more: the hosts matter more. */
export const goOnUnheard = (): void => {
  isHeeded = false;
};

/**
 * A reader that has seen enough, as in `berth errors | head`, is no failure: what only prints ends then, quietly. A file that
 * takes no more is one, and is told once.
 */
export const heedLostReaders = (): void => {
  for (const [name, stream] of [
    ['standard output', process.stdout],
    ['standard error', process.stderr],
  ] as const)
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (gone.has(error.code)) {
        if (isHeeded) process.exit();
        return;
      }
      if (loss !== undefined) return;
      loss = unwritable(name, error);
      process.stderr.write(failureText(loss, { style: styleFor(process.stderr), verbose: false }));
      if (isHeeded) process.exit(exitCodeOf(loss));
    });
};

/** What a run ends with: that some of its output was lost is a failure where there was no other. */
export const withLoss = (exitCode: number): number => {
  const isWell = exitCode === exitCodes.done || exitCode === exitCodes.changesPending;
  return loss !== undefined && isWell ? exitCodeOf(loss) : exitCode;
};
