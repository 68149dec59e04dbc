import { Command } from 'commander';
import { Fail } from '../core/fail.ts';
import { nearest } from '../core/nearest.ts';
import { nameOf } from './usage.ts';

const below = (command: Command, name: string | undefined): Command => {
  if (name === undefined) return command;
  const found = command.commands.find((one) => one.name() === name);
  if (found !== undefined) return found;
  const known = command.commands.map((one) => one.name());
  const guess = nearest(name, known);
  throw new Fail('BadUsage', `${nameOf(command)} has no command ${name}`, {
    hint: guess === undefined ? `see ${nameOf(command)} --help` : `did you mean ${guess}?`,
  });
};

/** In place of commander's own, which takes --help for the name of a command. */
export const helpCommand = (): Command =>
  new Command('help')
    .argument('[command]', 'a command')
    .argument('[verb]', 'what comes after it, such as create after hosts')
    .summary('tell how a command is used')
    .description('Prints what --help of the command prints; without a command, what berth --help does.')
    .addHelpText('after', '\nExamples:\n  berth help\n  berth help apply\n  berth help hosts create')
    .action((name: string | undefined, verb: string | undefined, _options, command: Command) => {
      const program = command.parent ?? command;
      below(below(program, name), verb).outputHelp();
    });
