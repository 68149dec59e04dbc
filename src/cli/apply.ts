import { Command } from 'commander';
import { Fail } from '../core/fail.ts';
import type { Face } from '../faces/face.ts';
import { planSummary } from '../faces/plan-text.ts';
import type { AppliedTo } from '../flows/apply.ts';
import type { Applied, Confirmed } from '../flows/change-hosts.ts';
import type { FlowContext } from '../flows/context.ts';
import type { SavedPlan } from '../flows/saved-plan.ts';
import { consent, requireConsentPossible } from './consent.ts';
import { exitCodes } from './exit-codes.ts';
import { exitCodeOfFailures } from './failed-hosts.ts';
import {
  type ChangeOptions,
  type ReportOptions,
  withChangeOptions,
  withJunitOption,
  withRollbackOptions,
  withTags,
} from './options.ts';
import type { Subject, Work } from './run-command.ts';

type Carry = (context: FlowContext, confirmed: Confirmed) => Promise<AppliedTo>;

const applyProfileNow: Carry = async (context, confirmed) =>
  (await import('../flows/apply.ts')).applyProfile(context, confirmed);

/**
 * Plans, asks, applies and proves; the answer is the exit code. The quick start ends with this too. `carry` is what is
 * applied: the profile, or a saved plan, which nobody is asked about again.
 */
export const apply = async (
  context: FlowContext,
  face: Face,
  options: ChangeOptions,
  carry = applyProfileNow,
): Promise<number> => {
  requireConsentPossible(options);
  const { plan, applied, failures, notBegun, made, seen } = await carry(context, {
    confirm: (planned) => consent(planned, 'Apply these changes?', options, face, context.signal),
  });
  // What is told ends the live view, so not before the other hosts are proven.
  const conclude = (): number => exitCodeOfFailures(failures, context.hosts.length, face, notBegun);
  const pending = plan.hosts.some((host) => host.changes.length > 0);
  if (options.check) return conclude() || (pending ? exitCodes.changesPending : exitCodes.done);
  if (pending && !applied) {
    const failed = conclude();
    face.message('Nothing was changed.');
    return failed || exitCodes.changesPending;
  }
  const done = pending ? `Done (${planSummary(plan)})` : 'Nothing to do: the hosts are as the profile says';
  const hosts = context.hosts.filter(({ name }) => isWorthProving(name, { plan, failures, notBegun }));
  if (hosts.length === 0) {
    const failed = conclude();
    if (!failed) face.message(`${done}. Not verified: changes of other tags are pending.`);
    return failed;
  }
  const { proveApplied } = await import('./prove-applied.ts');
  const proven = await proveApplied({ ...context, hosts }, face, { made, seen });
  const failed = conclude();
  if (failed || proven) return failed || proven;
  face.message(`${done}, and crictl has proven it.`);
  return exitCodes.done;
};

/** What could not be made right, or is meant to be right only in part, would fail for reasons that are known. */
const isWorthProving = (name: string, { plan, failures, notBegun }: Omit<Applied, 'applied'>): boolean =>
  failures.every(({ host }) => host !== name) &&
  !notBegun.includes(name) &&
  (plan.hosts.find(({ host }) => host === name)?.otherTags ?? 0) === 0;

const run = async (file: string, options: ChangeOptions & ReportOptions & BundleOptions): Promise<number> => {
  const [{ runOnHosts }, { readPlanFile }, { withJunit }] = await Promise.all([
    import('./run-command.ts'),
    import('./plan-file.ts'),
    import('./junit-report.ts'),
  ]);
  let saved: SavedPlan | undefined;
  const subject = async (): Promise<Subject> => {
    saved = await readPlanFile(file);
    return saved === undefined ? { profile: file } : subjectOf(saved, file, options);
  };
  const work: Work = async (context, face) => {
    if (saved === undefined) return await applyProfile(context, face, options);
    const plan = saved;
    const { applySavedPlan } = await import('../flows/apply-saved.ts');
    const carry: Carry = (given, confirmed) => applySavedPlan(given, plan, confirmed);
    return await apply(context, face, { ...options, yes: true }, carry);
  };
  return await runOnHosts(subject, options, withJunit(options.junit, 'berth apply', work));
};

/** The machines first, where hosts lack theirs. */
const applyProfile = async (
  given: FlowContext,
  face: Face,
  options: ChangeOptions & BundleOptions,
): Promise<number> => {
  requireConsentPossible(options);
  const { withMachines } = await import('./machines.ts');
  const { context, exitCode } = await withMachines(given, face, options);
  if (context === undefined) return exitCode;
  return (await apply(await withBundleOf(context, options), face, options)) || exitCode;
};

interface BundleOptions {
  readonly bundle?: string;
}

const withBundleOf = async (context: FlowContext, { bundle }: BundleOptions): Promise<FlowContext> => {
  if (bundle === undefined) return context;
  const { withBundle } = await import('../flows/use-bundle.ts');
  return await withBundle(context, bundle);
};

/** What decided the plan cannot be decided again. */
const decidedByPlan = ['tags', 'overlay', 'set', 'bundle'] as const;

/** A saved plan has its own tags and hosts; of the hosts, `--hosts` may choose. */
const subjectOf = (saved: SavedPlan, file: string, options: ChangeOptions & BundleOptions): Subject => {
  const decided = decidedByPlan.find((name) => options[name] !== undefined);
  if (decided !== undefined)
    throw new Fail('BadUsage', `${file} is a saved plan: --${decided} cannot change it any more`, {
      hint:
        decided === 'bundle'
          ? 'Apply the profile with --bundle: it plans with what is in the bundle.'
          : `Plan again with --${decided}.`,
    });
  const { hosts } = options;
  const planned = saved.hosts.map(({ host }) => host);
  const stranger = hosts?.find((name) => !planned.includes(name));
  if (stranger !== undefined)
    throw new Fail('BadUsage', `--hosts names ${stranger}, which ${file} has no plan for`, {
      hint: `It has plans for ${planned.join(', ')}.`,
    });
  const { file: profile, overlays, set } = saved.profile;
  return { profile, additions: { overlays, set }, hosts: hosts ?? planned, tags: saved.tags };
};

export const applyCommand = (setExitCode: (code: number) => void): Command =>
  withJunitOption(
    withTags(
      withRollbackOptions(
        withChangeOptions(
          new Command('apply'),
          'YAML file that describes the hosts, or a plan saved by berth plan -o',
        ),
      ),
    ),
    'changes and checks',
  )
    .summary('make the hosts what the profile says, then prove it')
    .description(
      'Plans, asks, changes the hosts, and verifies them with crictl. Running it again finishes what an\n' +
        'interrupted run left; when nothing differs, nothing is changed.\n\n' +
        'A saved plan is carried out as it is, without a question, on hosts that are as they were when it was made.\n\n' +
        'A host that was changed and does not pass the verification goes back to how it was before; so does one on which\n' +
        'a change of the network was not confirmed over a new connection. Both exit with 18.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  berth apply profiles/single-node.yaml\n  berth apply fleet.yaml --yes --ci --parallel 20  in a pipeline\n  berth apply plan.json                            what was planned\n  berth apply fleet.yaml --check                   anything to do?\n  berth apply fleet.yaml --max-failures 3 --log-file apply.jsonl\n  berth apply fleet.yaml --bundle bundle.tar.zst   without a way out',
    )
    .option(
      '--bundle <file>',
      'take everything from this archive of berth bundle: nothing else is asked for anything',
    )
    .action(async (file: string, options: ChangeOptions & ReportOptions & BundleOptions) =>
      setExitCode(await run(file, options)),
    );
