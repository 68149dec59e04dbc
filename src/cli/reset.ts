import { Command } from 'commander';
import type { Face } from '../faces/face.ts';
import type { FlowContext } from '../flows/context.ts';
import { consent, requireConsentPossible } from './consent.ts';
import { exitCodes } from './exit-codes.ts';
import { type ChangeOptions, withChangeOptions } from './options.ts';

const takeAway = async (context: FlowContext, face: Face, options: ChangeOptions): Promise<number> => {
  requireConsentPossible(options);
  const { resetHosts } = await import('../flows/reset.ts');
  const { plan, applied } = await resetHosts(context, {
    confirm: (made) =>
      consent(made, 'Take this away? Running pods are stopped.', options, face, context.signal),
  });
  const pending = plan.hosts.some((host) => host.changes.length > 0);
  face.message(
    !pending
      ? 'Nothing to do: berth left nothing on these hosts.'
      : applied
        ? 'Done.'
        : 'Nothing was changed.',
  );
  return pending && !applied ? exitCodes.changesPending : exitCodes.done;
};

const reset = async (file: string, options: ChangeOptions): Promise<number> => {
  const { runOnHosts } = await import('./run-command.ts');
  return await runOnHosts(file, options, (context, face) => takeAway(context, face, options));
};

export const resetCommand = (setExitCode: (code: number) => void): Command =>
  withChangeOptions(new Command('reset'))
    .summary('take away what berth brought')
    .description(
      'Stops running pods and takes away what apply brought, and only that. Shows it as a plan first.',
    )
    .addHelpText('after', '\nExample:\n  berth reset profiles/single-node.yaml')
    .action(async (file: string, options: ChangeOptions) => setExitCode(await reset(file, options)));
