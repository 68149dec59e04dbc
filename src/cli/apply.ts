import { Command } from 'commander';
import type { Face } from '../faces/face.ts';
import { planSummary } from '../faces/plan-text.ts';
import type { FlowContext } from '../flows/context.ts';
import { consent, requireConsentPossible } from './consent.ts';
import { exitCodes } from './exit-codes.ts';
import { exitCodeOfFailures } from './failed-hosts.ts';
import { type ChangeOptions, withChangeOptions } from './options.ts';

/** Plans, asks, applies and proves; the answer is the exit code. The quick start ends with this too. */
export const apply = async (context: FlowContext, face: Face, options: ChangeOptions): Promise<number> => {
  requireConsentPossible(options);
  const [{ applyProfile }, { prove }] = await Promise.all([
    import('../flows/apply.ts'),
    import('./prove.ts'),
  ]);
  const { plan, applied, failures } = await applyProfile(context, {
    confirm: (made) => consent(made, 'Apply these changes?', options, face, context.signal),
  });
  const failed = exitCodeOfFailures(failures, context.hosts.length, face);
  const pending = plan.hosts.some((host) => host.changes.length > 0);
  if (pending && !applied) {
    face.message('Nothing was changed.');
    return failed || exitCodes.changesPending;
  }
  // What could not be made right is not worth proving.
  const hosts = context.hosts.filter(({ name }) => failures.every(({ host }) => host !== name));
  const proven = hosts.length === 0 ? exitCodes.done : await prove({ ...context, hosts }, face);
  if (failed || proven) return failed || proven;
  const done = pending ? `Done (${planSummary(plan)})` : 'Nothing to do: the hosts are as the profile says';
  face.message(`${done}, and crictl has proven it.`);
  return exitCodes.done;
};

const run = async (file: string, options: ChangeOptions): Promise<number> => {
  const { runOnHosts } = await import('./run-command.ts');
  return await runOnHosts(file, options, (context, face) => apply(context, face, options));
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
    .action(async (file: string, options: ChangeOptions) => setExitCode(await run(file, options)));
