import type { Command, CommanderError } from 'commander';
import { Fail } from '../core/fail.ts';

/** `berth hosts create` */
export const nameOf = (command: Command): string =>
  command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;

/** What commander has against the command line; undefined where somebody only asked for help or the version. */
export const usageFail = (error: CommanderError, command: Command): Fail | undefined => {
  if (error.exitCode === 0) return undefined;
  const help = `see ${nameOf(command)} --help`;
  // The help is all that commander says then.
  if (error.code === 'commander.help')
    return new Fail('BadUsage', 'the command line names no command', { hint: help });
  const [message = '', suggestion = ''] = error.message.replace(/^error: /, '').split('\n');
  const guess = suggestion.replace(/^\(Did (.*)\)$/, 'did $1 ');
  return new Fail('BadUsage', message, { hint: `${guess}${help}` });
};

/**
 * Whether the command line wants JSON lines of a command that writes them, right or wrong as it may be otherwise: also where
 * it does not come to a command. What follows `--` is for a program on a host.
 */
export const wantsJson = (program: Command, words: readonly string[]): boolean => {
  const end = words.indexOf('--');
  if (!words.slice(0, end < 0 ? undefined : end).includes('--json')) return false;
  let command = program;
  for (const word of words) {
    const below = command.commands.find((each) => each.name() === word);
    if (below === undefined) break;
    command = below;
  }
  return command.commands.length > 0 || command.options.some(({ long }) => long === '--json');
};
