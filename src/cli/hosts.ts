import { Command } from 'commander';
import { exitCodeOfFailures } from './failed-hosts.ts';
import { type RunOptions, withRunOptions } from './options.ts';

interface HostsOptions extends RunOptions {
  readonly check: boolean;
}

const hosts = async (file: string, options: HostsOptions): Promise<number> => {
  const [{ runOnHosts }, { listHosts }] = await Promise.all([
    import('./run-command.ts'),
    import('../flows/hosts.ts'),
  ]);
  return await runOnHosts(file, options, async (context, face) => {
    const { hosts: listed, failures } = await listHosts(context, options);
    face.hosts(listed, { checked: options.check });
    return exitCodeOfFailures(failures, context.hosts.length, face);
  });
};

export const hostsCommand = (setExitCode: (code: number) => void): Command =>
  withRunOptions(new Command('hosts'))
    .option('--check', 'connect, and show what each host is', false)
    .summary('list the hosts of a profile, and how they are reached')
    .description(
      'Lists the hosts with address, user, jump hosts, groups and transport, as the\n' +
        'profile and ssh_config say together. With --check each is asked for its\n' +
        'operating system, architecture, release of berth and last apply.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  berth hosts fleet.yaml\n  berth hosts fleet.yaml --check --hosts edge\n  berth hosts fleet.yaml --json',
    )
    .action(async (file: string, options: HostsOptions) => setExitCode(await hosts(file, options)));
