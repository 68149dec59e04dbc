import { Command } from 'commander';
import { ownVersion } from '../core/own-version.ts';
import type { Face } from '../faces/face.ts';
import type { MadeBy, PlannedHost } from '../flows/saved-plan.ts';
import { exitCodes } from './exit-codes.ts';
import { exitCodeOfFailures } from './failed-hosts.ts';
import { type RunOptions, withRunOptions, withTags } from './options.ts';
import { requireWritable, writeWhole } from './write-whole.ts';

interface PlanOptions extends RunOptions {
  readonly output?: string;
}

const plan = async (file: string, options: PlanOptions): Promise<number> => {
  const [{ runOnHosts }, { planHosts }] = await Promise.all([
    import('./run-command.ts'),
    import('../flows/plan.ts'),
  ]);
  return await runOnHosts(file, options, async (context, face) => {
    if (options.output !== undefined) await requireWritable(options.output);
    const { plan: made, planned, failures, notBegun } = await planHosts(context);
    // Of hosts that could not be asked there is nothing to say.
    if (made.hosts.length > 0) face.plan(made, { diffs: true });
    const { profile, tags } = context;
    if (options.output !== undefined && made.hosts.length > 0)
      await save(options.output, planned, { profile, tags }, face);
    const pending = made.hosts.some((host) => host.changes.length > 0);
    const failed = exitCodeOfFailures(failures, context.hosts.length, face, notBegun);
    return failed || (pending ? exitCodes.changesPending : exitCodes.done);
  });
};

const save = async (
  path: string,
  planned: readonly PlannedHost[],
  about: Pick<MadeBy, 'profile' | 'tags'>,
  face: Face,
): Promise<void> => {
  const { planFileText, savePlan } = await import('../flows/saved-plan.ts');
  const saved = savePlan(planned, { ...about, berth: await ownVersion(), now: new Date() });
  await writeWhole(path, planFileText(saved));
  face.message(`The plan is in ${path}. To carry out exactly this: berth apply ${path}`);
};

export const planCommand = (setExitCode: (code: number) => void): Command =>
  withTags(withRunOptions(new Command('plan')))
    .option('-o, --output <file>', 'save the plan, for berth apply')
    .summary('show what apply would change')
    .description(
      'Asks the hosts for their state and prints what apply would change, file by file. Changes nothing.\n' +
        'Exits with 0 when there is nothing to do and with 2 when changes are pending.\n\n' +
        'A saved plan holds what it was decided from: apply carries out exactly what was saved, and refuses\n' +
        'when a host is not as it was, saying what moved. Secrets are not in it.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  berth plan profiles/single-node.yaml\n  berth plan fleet.yaml --hosts node-1,node-2 --json\n' +
        '  berth plan fleet.yaml -o plan.json        to look at, and then\n  berth apply plan.json                     to carry out exactly that\n' +
        '  berth plan fleet.yaml --tags kernel,cni   these concerns alone',
    )
    .action(async (file: string, options: PlanOptions) => setExitCode(await plan(file, options)));
