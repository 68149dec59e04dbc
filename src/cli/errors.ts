import { Argument, Command } from 'commander';
import { Fail, type FailCode } from '../core/fail.ts';
import { nearest } from '../core/nearest.ts';
import { wrapped } from '../faces/wrapped.ts';
import { type ErrorPage, errorPages } from './error-pages.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';

const isCode = (text: string): text is FailCode => Object.hasOwn(errorPages, text);

const codes = Object.keys(errorPages).filter(isCode);

const exitCode = (code: FailCode): number => exitCodeOf(new Fail(code, ''));

const paragraph = (title: string, text: string): string => wrapped(`${title.padEnd(8)}${text}`, 80, 8);

const pageText = (code: FailCode, { cause, seen, remedy }: ErrorPage): string =>
  [
    `${code} (exit code ${exitCode(code)})`,
    '',
    paragraph('cause', cause),
    ...seen.map((line, index) => `${(index === 0 ? 'seen' : '').padEnd(8)}${line}`),
    paragraph('remedy', remedy),
    '',
  ].join('\n');

const listText = (): string =>
  codes
    .map((code) => `${code.padEnd(22)}${String(exitCode(code)).padStart(3)}  ${errorPages[code].cause}\n`)
    .join('');

const unknown = (text: string): Fail => {
  const guess = nearest(text, codes);
  return new Fail('BadUsage', `${text} is no code of an error`, {
    hint: guess === undefined ? 'berth errors lists all of them' : `did you mean ${guess}?`,
  });
};

/** Codes are compared without regard to case: they are typed by hand. */
const codeOf = (text: string): FailCode => {
  const found = codes.find((code) => code.toLowerCase() === text.toLowerCase());
  if (found === undefined) throw unknown(text);
  return found;
};

export const errorsCommand = (setExitCode: (code: number) => void): Command =>
  new Command('errors')
    .summary('tell what an error means and what to do about it')
    .description(
      'Every error ends with its code, as in "cannot be reached [Unreachable]". Tells its cause, how it\n' +
        'looks, the remedy and the exit code; without a code, lists all of them. docs/errors.md has the same.',
    )
    .addArgument(new Argument('[code]', 'the code, in any case').choices(codes).argParser(codeOf))
    .addHelpText('after', '\nExamples:\n  berth errors\n  berth errors HostMoved')
    .action((code: FailCode | undefined) => {
      process.stdout.write(code === undefined ? listText() : pageText(code, errorPages[code]));
      setExitCode(exitCodes.done);
    });
