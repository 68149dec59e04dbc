import { Command } from 'commander';
import { withProfileOptions } from './options.ts';
import type { SshOptions } from './ssh-run.ts';

export const sshCommand = (setExitCode: (code: number) => void): Command =>
  withProfileOptions(new Command('ssh'))
    .argument('<host>', 'name of a host in the profile')
    .argument('[command...]', 'what to run there, after --')
    .option('-p, --profile <file>', 'the profile', 'berth.yaml')
    .option('-t, --terminal', 'give the command a terminal', false)
    .option('--no-sudo', 'stay the login user; with a command, --terminal is needed too')
    .summary('run a command on a host, or open a shell there')
    .description(
      'Goes to the host as berth does: same address, jump hosts, keys and checks of\n' +
        'host keys, and as root. One word is text for sh; several are a program and its\n' +
        'arguments as they stand. Without a command it opens a shell on the terminal.\n' +
        'Exits as the command does.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  berth ssh node-1 -p fleet.yaml\n  berth ssh node-1 -p fleet.yaml -- crictl ps -a\n' +
        "  berth ssh node-1 -- 'journalctl -u berthd | tail'   with ./berth.yaml",
    )
    .action(async (name: string, words: readonly string[], options: SshOptions) => {
      const { ssh } = await import('./ssh-run.ts');
      setExitCode(await ssh(name, words, options));
    });
