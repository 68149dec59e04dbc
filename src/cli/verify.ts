import { Command } from 'commander';
import { type RunOptions, withRunOptions } from './options.ts';

const verify = async (file: string, options: RunOptions): Promise<number> => {
  const [{ runOnHosts }, { prove }] = await Promise.all([import('./run-command.ts'), import('./prove.ts')]);
  return await runOnHosts(file, options, prove);
};

export const verifyCommand = (setExitCode: (code: number) => void): Command =>
  withRunOptions(new Command('verify'))
    .summary('prove the hosts with crictl')
    .description(
      'Checks units, socket and versions, then plays the life of a redis pod with the real crictl on each host.\n' +
        'What it starts it takes away again. Exits with 18 when a check is red.',
    )
    .addHelpText('after', '\nExample:\n  berth verify profiles/single-node.yaml --stats')
    .action(async (file: string, options: RunOptions) => setExitCode(await verify(file, options)));
