import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { Fail } from '../core/fail.ts';

/** Whether somebody sits there who can answer. */
export const canAsk = (): boolean => process.stdin.isTTY === true && process.stderr.isTTY === true;

/**
 * Asks on the terminal, through stderr so that stdout stays data.
 * @throws Fail `Cancelled` on Ctrl-C, Ctrl-D or when `signal` aborts.
 */
const ask = async (
  question: string,
  options: { readonly echo: boolean; readonly signal: AbortSignal },
): Promise<string> => {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({
    input: process.stdin,
    output: options.echo ? process.stderr : silent,
    terminal: true,
    historySize: 0,
  });
  // That the mode of a terminal cannot be set any more is no fault of its own: SIGHUP tells that it was closed.
  terminal.on('error', () => {});
  const gone = new AbortController();
  terminal.on('SIGINT', () => {
    // In raw mode the terminal sends a character in place of the signal.
    process.kill(process.pid, 'SIGINT');
  });
  terminal.on('close', () => gone.abort());
  try {
    if (!options.echo) process.stderr.write(question);
    return await terminal.question(options.echo ? question : '', {
      signal: AbortSignal.any([options.signal, gone.signal]),
    });
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason;
    throw gone.signal.aborted ? new Fail('Cancelled', 'the question was not answered') : error;
  } finally {
    terminal.close();
    if (!options.echo) process.stderr.write('\n');
  }
};

export const askYesNo = async (question: string, signal: AbortSignal): Promise<boolean> =>
  /^\s*y(es)?\s*$/i.test(await ask(`${question} [y/N] `, { echo: true, signal }));

/** Asks for a secret; what is typed is not shown. */
export const askSecret = (label: string, signal: AbortSignal): Promise<string> =>
  ask(`${label}: `, { echo: false, signal });
