import { Argument, Command } from 'commander';
import { Fail, type FailCode } from '../core/fail.ts';
import { nearest } from '../core/nearest.ts';
import { wrapped } from '../faces/wrapped.ts';
import { errorPages } from './error-pages.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { type RuntimeCode, runtimeErrorPages } from './runtime-error-pages.ts';

type Code = FailCode | RuntimeCode;

const isOurs = (text: string): text is FailCode => Object.hasOwn(errorPages, text);

const isOfBerthd = (text: string): text is RuntimeCode => Object.hasOwn(runtimeErrorPages, text);

const ours = Object.keys(errorPages).filter(isOurs);

const ofBerthd = Object.keys(runtimeErrorPages).filter(isOfBerthd);

const codes: readonly Code[] = [...new Set([...ours, ...ofBerthd])];

const exitCode = (code: FailCode): number => exitCodeOf(new Fail(code, ''));

const paragraph = (title: string, text: string, indent = 8): string =>
  wrapped(`${title.padEnd(8)}${text}`, 80, indent);

/** A message each; where one goes on in the next line it is set back from those that begin there. */
const seenLines = (messages: readonly string[]): string[] =>
  messages.map((message, index) => paragraph(index === 0 ? 'seen' : '', message, 10));

const ourPage = (code: FailCode): string => {
  const { cause, seen, remedy } = errorPages[code];
  return [
    `${code} (exit code ${exitCode(code)})`,
    '',
    paragraph('cause', cause),
    ...seenLines(seen),
    paragraph('remedy', remedy),
    '',
  ].join('\n');
};

const pageOfBerthd = (code: RuntimeCode): string => {
  const { status, cause, remedy } = runtimeErrorPages[code];
  return [
    `${code} of berthd (gRPC status ${status})`,
    '',
    paragraph('cause', cause),
    ...seenLines([`rpc error: code = ${code} desc = …`]),
    paragraph('remedy', remedy),
    '',
  ].join('\n');
};

/** Some names are codes of both: what berth says of a host, and what berthd says to its callers. */
const pagesOf = (code: Code): string =>
  [...(isOurs(code) ? [ourPage(code)] : []), ...(isOfBerthd(code) ? [pageOfBerthd(code)] : [])].join('\n');

/** Of the code and its number, before the cause. */
const heading = 27;

/** A line each where it is piped, so that grep finds codes with their causes. */
const row = (code: Code, number: number, cause: string): string => {
  const text = `${code.padEnd(22)}${String(number).padStart(3)}  ${cause}`;
  const { isTTY, columns } = process.stdout;
  return `${isTTY ? wrapped(text, Math.max(columns, heading + 20), heading) : text}\n`;
};

const listText = (): string =>
  [
    'Codes of berth, with their exit codes:\n',
    ...ours.map((code) => row(code, exitCode(code), errorPages[code].cause)),
    '\nCodes of berthd on a host, with their gRPC statuses:\n',
    ...ofBerthd.map((code) => row(code, runtimeErrorPages[code].status, runtimeErrorPages[code].cause)),
  ].join('');

const unknown = (text: string): Fail => {
  const guess = nearest(text, codes);
  return new Fail('BadUsage', `${text} is no code of an error`, {
    hint: guess === undefined ? 'berth errors lists all of them' : `did you mean ${guess}?`,
  });
};

/** Codes are compared without regard to case: they are typed by hand. */
const codeOf = (text: string): Code => {
  const found = codes.find((code) => code.toLowerCase() === text.toLowerCase());
  if (found === undefined) throw unknown(text);
  return found;
};

export const errorsCommand = (setExitCode: (code: number) => void): Command =>
  new Command('errors')
    .summary('tell what an error means and what to do about it')
    .description(
      'Every error ends with its code, as in "cannot be reached [Unreachable]". Tells its cause, how it\n' +
        'looks, the remedy and the exit code; without a code, lists all of them. Those that berthd tells crictl\n' +
        'and the kubelet, as in "rpc error: code = Unavailable", are known too. docs/errors.md has the same.',
    )
    .addArgument(new Argument('[code]', 'the code, in any case').choices(codes).argParser(codeOf))
    .addHelpText('after', '\nExamples:\n  berth errors\n  berth errors HostMoved\n  berth errors Unavailable')
    .action((code: Code | undefined) => {
      process.stdout.write(code === undefined ? listText() : pagesOf(code));
      setExitCode(exitCodes.done);
    });
