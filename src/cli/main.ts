import { CommanderError } from 'commander';
import { canAsk } from './ask.ts';
import { exitCodes } from './exit-codes.ts';
import { heedLostReaders, withLoss } from './lost-readers.ts';
import { makeProgram } from './program.ts';
import { wantsJson } from './usage.ts';

heedLostReaders();

/** Somebody who types berth and nothing else is asked what they want; a script gets the help and an error. */
const isTerminal = (): boolean => canAsk() && process.stdout.isTTY;

const main = async (argv: readonly string[]): Promise<number> => {
  let exitCode: number = exitCodes.done;
  const program = await makeProgram((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv.length === 2 && isTerminal() ? [...argv, 'init'] : argv);
  } catch (error) {
    // Help and version end that way.
    if (error instanceof CommanderError) return exitCodes.done;
    const { withFace } = await import('./with-face.ts');
    const json = wantsJson(program, argv.slice(2));
    return await withFace({ json, ci: true, verbose: false }, () => Promise.reject(error));
  }
  return exitCode;
};

const exitCode = await main(process.argv);
// That something could not be written is heard of in the next turn.
await new Promise((turn) => setImmediate(turn));
// What still waits now, such as a command of a host that was given up, must not keep the user waiting.
process.exit(withLoss(exitCode));
