import { Argument, Command, Option } from 'commander';
import { Fail } from '../core/fail.ts';
import type { CompletedCommand } from './completion/model.ts';
import { exitCodes } from './exit-codes.ts';

type Write = (commands: readonly CompletedCommand[]) => string;

const shells: Readonly<Record<string, () => Promise<Write>>> = {
  bash: async () => (await import('./completion/bash.ts')).bashCompletion,
  zsh: async () => (await import('./completion/zsh.ts')).zshCompletion,
  fish: async () => (await import('./completion/fish.ts')).fishCompletion,
};

interface Options {
  /** A profile, whose names are printed in place of a script: the scripts ask for them. */
  readonly hostsOf?: string;
}

const textFor = async (
  shell: string | undefined,
  { hostsOf }: Options,
  program: Command,
): Promise<string> => {
  if (hostsOf !== undefined) {
    const { namesIn } = await import('./completion/names.ts');
    return `${(await namesIn(hostsOf)).join(' ')}\n`;
  }
  const write = shell === undefined ? undefined : shells[shell];
  if (write !== undefined) {
    const { completedCommands } = await import('./completion/model.ts');
    return (await write())(completedCommands(program));
  }
  throw new Fail('BadUsage', 'completion is for a shell, and none was named', {
    hint: `name one of ${Object.keys(shells).join(', ')}, as in berth completion bash`,
  });
};

export const completionCommand = (setExitCode: (code: number) => void): Command =>
  new Command('completion')
    .summary('print the completion of bash, zsh or fish')
    .description(
      'Prints a script that makes the shell complete commands, options, their values, files, and the names\n' +
        'of hosts and groups in the profile on the line.',
    )
    .addArgument(new Argument('[shell]', 'the shell').choices(Object.keys(shells)))
    .addOption(new Option('--hosts-of <profile>', 'print the names in a profile').hideHelp())
    .addHelpText(
      'after',
      '\nExamples:\n  source <(berth completion bash)           in ~/.bashrc\n' +
        '  source <(berth completion zsh)            in ~/.zshrc, after compinit\n' +
        '  berth completion fish > ~/.config/fish/completions/berth.fish',
    )
    .action(async (shell: string | undefined, options: Options, command: Command) => {
      process.stdout.write(await textFor(shell, options, command.parent ?? command));
      setExitCode(exitCodes.done);
    });
