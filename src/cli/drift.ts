import { Command } from 'commander';
import { Fail } from '../core/fail.ts';
import type { Face } from '../faces/face.ts';
import type { FlowContext } from '../flows/context.ts';
import type { Drifted } from '../flows/drift.ts';
import { exitCodes } from './exit-codes.ts';
import { exitCodeOfFailures } from './failed-hosts.ts';
import { type RunOptions, withRunOptions, withTags } from './options.ts';

interface DriftOptions extends RunOptions {
  readonly adopt: boolean;
  readonly path?: string;
}

const drift = async (file: string, options: DriftOptions): Promise<number> => {
  if (options.path !== undefined && !options.adopt)
    throw new Fail('BadUsage', '--path says what to adopt, and --adopt was not given', {
      hint: 'Add --adopt.',
    });
  const [{ runOnHosts }, { driftOfHosts }] = await Promise.all([
    import('./run-command.ts'),
    import('../flows/drift.ts'),
  ]);
  return await runOnHosts(file, options, async (context, face) => {
    const { done, failures, notBegun } = await driftOfHosts(context);
    const failed = exitCodeOfFailures(failures, context.hosts.length, face, notBegun);
    if (options.adopt) return failed || (await adopt(context, face, done, options.path));
    for (const [host, { drifts }] of done) face.drift(host, drifts);
    const differs = [...done.values()].some(({ drifts }) => drifts.length > 0);
    return failed || (differs ? exitCodes.changesPending : exitCodes.done);
  });
};

const adopt = async (
  context: FlowContext,
  face: Face,
  drifted: ReadonlyMap<string, Drifted>,
  path: string | undefined,
): Promise<number> => {
  const [{ adoptDrift }, { rewriteWhole }] = await Promise.all([
    import('../flows/adopt.ts'),
    import('./write-whole.ts'),
  ]);
  const { edits, refused, shared, left } = adoptDrift(context, drifted, path);
  for (const { file, text } of edits) await rewriteWhole(file, text);
  face.adoption({ edits: edits.map(({ file, diff }) => ({ file, diff })), refused, shared, left });
  return refused.length + shared.length + left.length > 0 ? exitCodes.changesPending : exitCodes.done;
};

export const driftCommand = (setExitCode: (code: number) => void): Command =>
  withTags(withRunOptions(new Command('drift')))
    .option('--adopt', 'make the profile say what was changed on the hosts; comments stay', false)
    .option('--path <path>', 'with --adopt: of this file or difference alone, e.g. sysctl:vm.swappiness')
    .summary('show how hosts came to differ from the profile')
    .description(
      'Compares three things: what was applied last, what is on the hosts, and what the profile says. Tells\n' +
        'what somebody changed on a host, what changed in the profile since, what changed in both, and which\n' +
        'files of others have the last word. Changes no host. Exits with 0 when nothing differs, else with 2.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  berth drift fleet.yaml\n  berth drift fleet.yaml --json\n' +
        '  berth drift fleet.yaml --adopt --path /etc/sysctl.d/90-berth.conf',
    )
    .action(async (file: string, options: DriftOptions) => setExitCode(await drift(file, options)));
