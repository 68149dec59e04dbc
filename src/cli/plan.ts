import { Command } from 'commander';
import { exitCodes } from './exit-codes.ts';
import { exitCodeOfFailures } from './failed-hosts.ts';
import { type RunOptions, withRunOptions } from './options.ts';

const plan = async (file: string, options: RunOptions): Promise<number> => {
  const [{ runOnHosts }, { planHosts }] = await Promise.all([
    import('./run-command.ts'),
    import('../flows/plan.ts'),
  ]);
  return await runOnHosts(file, options, async (context, face) => {
    const { failures, ...made } = await planHosts(context);
    // Of hosts that could not be asked there is nothing to say.
    if (made.hosts.length > 0) face.plan(made, { diffs: true });
    const pending = made.hosts.some((host) => host.changes.length > 0);
    const failed = exitCodeOfFailures(failures, context.hosts.length, face);
    return failed || (pending ? exitCodes.changesPending : exitCodes.done);
  });
};

export const planCommand = (setExitCode: (code: number) => void): Command =>
  withRunOptions(new Command('plan'))
    .summary('show what apply would change')
    .description(
      'Asks the hosts for their state and prints what apply would change, file by file. Changes nothing.\n' +
        'Exits with 0 when there is nothing to do and with 2 when changes are pending.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  berth plan profiles/single-node.yaml\n  berth plan fleet.yaml --hosts node-1,node-2 --json',
    )
    .action(async (file: string, options: RunOptions) => setExitCode(await plan(file, options)));
