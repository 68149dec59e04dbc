import { readFileSync } from 'node:fs';

/** Below that a list of hosts with what they do says less than lines do. */
const smallest = { columns: 30, rows: 6 } as const;

/** Whether the live view would be readable on `out`; elsewhere lines are printed as they come. */
export const canBeLive = (out: NodeJS.WriteStream, environment: NodeJS.ProcessEnv): boolean => {
  if (!out.isTTY || environment['CI'] !== undefined) return false;
  const terminal = environment['TERM'] ?? '';
  if (terminal === '' || terminal === 'dumb') return false;
  // Who listens to a screen hears each frame.
  if (environment['INK_SCREEN_READER'] === 'true') return false;
  // A terminal that does not know its size, as a serial line, says 0.
  return out.columns >= smallest.columns && out.rows >= smallest.rows;
};

/** The keyboard, where there is one and it is ours; in the background of a shell, taking it would stop us. */
export const keyboardOf = (input: NodeJS.ReadStream): NodeJS.ReadStream | undefined =>
  input.isTTY === true && isInForeground() ? input : undefined;

/** By proc_pid_stat(5): `pgrp` is the fifth field, `tpgid` the eighth. Elsewhere than on Linux it is taken for granted. */
const isInForeground = (): boolean => {
  if (process.platform !== 'linux') return true;
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    // The name of the program, in parentheses, may hold blanks.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[2] === fields[5];
  } catch {
    return false;
  }
};
