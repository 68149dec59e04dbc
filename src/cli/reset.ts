import { Command } from 'commander';
import type { Face } from '../faces/face.ts';
import { planSummary } from '../faces/plan-text.ts';
import type { FlowContext } from '../flows/context.ts';
import { consent, requireConsentPossible } from './consent.ts';
import { exitCodes } from './exit-codes.ts';
import { exitCodeOfFailures } from './failed-hosts.ts';
import { type ChangeOptions, withChangeOptions } from './options.ts';

const takeAway = async (context: FlowContext, face: Face, options: ChangeOptions): Promise<number> => {
  requireConsentPossible(options);
  const { resetHosts } = await import('../flows/reset.ts');
  const { plan, applied, failures, notBegun } = await resetHosts(context, {
    confirm: (made) =>
      consent(made, 'Take this away? Running pods are stopped.', options, face, context.signal),
  });
  const failed = exitCodeOfFailures(failures, context.hosts.length, face, notBegun);
  const pending = plan.hosts.some((host) => host.changes.length > 0);
  if (options.check) return failed || (pending ? exitCodes.changesPending : exitCodes.done);
  if (pending && !applied) {
    face.message('Nothing was changed.');
    return failed || exitCodes.changesPending;
  }
  if (failed) return failed;
  const done = pending ? `Done (${planSummary(plan)})` : 'Nothing to do';
  face.message(`${done}: nothing of berth is left on these hosts.`);
  return exitCodes.done;
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
