/** What a write says to a pipe that nobody reads any more, and to a terminal that is gone. */
const gone: ReadonlySet<string | undefined> = new Set(['EPIPE', 'EIO']);

let isHeeded = true;

/** From now on berth works to its end also when nobody listens any more: the hosts matter more. */
export const goOnUnheard = (): void => {
  isHeeded = false;
};

/** A reader that has seen enough, as in `berth errors | head`, is no failure: what only prints ends then, quietly. */
export const heedLostReaders = (): void => {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (!gone.has(error.code)) throw error;
      if (isHeeded) process.exit(process.exitCode);
    });
};
