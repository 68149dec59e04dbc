import { Command } from 'commander';
import type { Face } from '../faces/face.ts';
import { planSummary } from '../faces/plan-text.ts';
import { applyProfile } from '../flows/apply.ts';
import type { FlowContext } from '../flows/context.ts';
import { consent, requireConsentPossible } from './consent.ts';
import { exitCodes } from './exit-codes.ts';
import { type ChangeOptions, withChangeOptions } from './options.ts';
import { prove } from './prove.ts';
import { runOnHosts } from './run-command.ts';

const apply = async (context: FlowContext, face: Face, options: ChangeOptions): Promise<number> => {
  requireConsentPossible(options);
  const { plan, applied } = await applyProfile(context, {
    confirm: (made) => consent(made, 'Apply these changes?', options, face, context.signal),
  });
  const pending = plan.hosts.some((host) => host.changes.length > 0);
  if (pending && !applied) {
    face.message('Nothing was changed.');
    return exitCodes.changesPending;
  }
  await prove(context, face);
  face.message(
    pending ? `Applied: ${planSummary(plan)} before.` : 'Nothing to do: the hosts are as the profile says.',
  );
  return exitCodes.done;
};

export const applyCommand = (setExitCode: (code: number) => void): Command =>
  withChangeOptions(new Command('apply'))
    .summary('make the hosts what the profile says, then prove it')
    .description(
      'Plans, asks, changes the hosts, and verifies them with crictl. Running it again finishes what an\n' +
        'interrupted run left; when nothing differs, nothing is changed.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  berth apply profiles/single-node.yaml\n  berth apply fleet.yaml --yes --ci --parallel 20   in a pipeline',
    )
    .action(async (file: string, options: ChangeOptions) =>
      setExitCode(await runOnHosts(file, options, (context, face) => apply(context, face, options))),
    );
