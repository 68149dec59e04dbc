import type { ClientChannel } from 'ssh2';

/** Of this process's terminal, in characters; one that does not know says 0. */
export const windowSize = (): { readonly rows: number; readonly cols: number } => ({
  rows: process.stdout.rows || 24,
  cols: process.stdout.columns || 80,
});

/**
 * Joins this process's terminal with a channel that has one on the other side, until `ended` settles. Every key goes
 * over as it is, Ctrl-C too; the size follows. Afterwards the terminal is as it was.
 */
export async function withOwnTerminal<T>(channel: ClientChannel, ended: Promise<T>): Promise<T> {
  const { stdin, stdout } = process;
  const resize = () => {
    const { rows, cols } = windowSize();
    channel.setWindow(rows, cols, 0, 0);
  };
  const wasRaw = stdin.isTTY === true && stdin.isRaw;
  if (stdin.isTTY) stdin.setRawMode(true);
  stdout.on('resize', resize);
  stdin.pipe(channel);
  channel.pipe(stdout, { end: false });
  try {
    return await ended;
  } finally {
    stdin.unpipe(channel);
    stdin.pause();
    stdout.off('resize', resize);
    if (stdin.isTTY) stdin.setRawMode(wasRaw);
  }
}
