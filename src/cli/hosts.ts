import { Command } from 'commander';
import { exitCodeOfFailures } from './failed-hosts.ts';
import { type ChangeOptions, type RunOptions, withChangeOptions, withRunOptions } from './options.ts';

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

type OnMachines = 'createMachines' | 'deleteMachines';

const onMachines = async (verb: OnMachines, file: string, options: ChangeOptions): Promise<number> => {
  const [{ runOnHosts }, machines, { requireConsentPossible }] = await Promise.all([
    import('./run-command.ts'),
    import('./machines.ts'),
    import('./consent.ts'),
  ]);
  return await runOnHosts(file, options, async (context, face) => {
    requireConsentPossible(options);
    return await machines[verb](context, face, options);
  });
};

const createCommand = (setExitCode: (code: number) => void): Command =>
  withChangeOptions(new Command('create'))
    .summary('make or start the machines that hosts lack')
    .description(
      'Makes the machines of hosts with gce: that are not there, starts those that are stopped, and waits until they\n' +
        'take connections. berth apply does the same first.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  berth hosts create fleet.yaml\n  berth hosts create fleet.yaml --check',
    )
    .action(async (file: string, options: ChangeOptions) =>
      setExitCode(await onMachines('createMachines', file, options)),
    );

const deleteCommand = (setExitCode: (code: number) => void): Command =>
  withChangeOptions(new Command('delete'))
    .summary('delete the machines that berth made')
    .description(
      'Deletes the machines of hosts with gce:, with their disks, when berth made them for these hosts: labels tell.\n' +
        'It deletes nothing of others.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  berth hosts delete fleet.yaml --hosts node-3\n  berth hosts delete fleet.yaml --check',
    )
    .action(async (file: string, options: ChangeOptions) =>
      setExitCode(await onMachines('deleteMachines', file, options)),
    );

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
    .enablePositionalOptions()
    .addCommand(createCommand(setExitCode))
    .addCommand(deleteCommand(setExitCode))
    .action(async (file: string, options: HostsOptions) => setExitCode(await hosts(file, options)));
