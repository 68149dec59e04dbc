import { Command, InvalidArgumentError } from 'commander';
import { isRed } from '../core/events.ts';
import { Fail } from '../core/fail.ts';
import type { Face } from '../faces/face.ts';
import { planSummary } from '../faces/plan-text.ts';
import type { FlowContext } from '../flows/context.ts';
import type { RolledBack } from '../flows/rollback.ts';
import { consent, requireConsentPossible } from './consent.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { exitCodeOfFailures } from './failed-hosts.ts';
import { type ChangeOptions, withChangeOptions } from './options.ts';

interface RollbackOptions extends ChangeOptions {
  readonly list: boolean;
}

const takeBack = async (
  context: FlowContext,
  face: Face,
  options: RollbackOptions,
  to: number | undefined,
): Promise<number> => {
  requireConsentPossible(options);
  const { rollbackHosts } = await import('../flows/rollback.ts');
  const { plan, applied, failures, notBegun, made } = await rollbackHosts(
    context,
    { confirm: (planned) => consent(planned, 'Go back like this?', options, face, context.signal) },
    to,
  );
  // What is told ends the live view, so not before the other hosts are proven.
  const conclude = (): number => exitCodeOfFailures(failures, context.hosts.length, face, notBegun);
  const pending = plan.hosts.some((host) => host.changes.length > 0);
  if (options.check) return conclude() || (pending ? exitCodes.changesPending : exitCodes.done);
  if (!pending) {
    const failed = conclude();
    for (const { host, notes } of plan.hosts) face.message(`${host}: nothing to do (${notes.join('; ')})`);
    return failed;
  }
  if (!applied) {
    const failed = conclude();
    face.message('Nothing was changed.');
    return failed || exitCodes.changesPending;
  }
  const proven = await verifyThem(context, face, made);
  const failed = conclude();
  if (failed || proven) return failed || proven;
  face.message(`Done (${planSummary(plan)}). berth rollback again undoes it.`);
  return exitCodes.done;
};

/** A host that is as before berth has nothing to verify. */
const verifyThem = async (
  context: FlowContext,
  face: Face,
  made: ReadonlyMap<string, RolledBack>,
): Promise<number> => {
  const [{ verifyWentBack }, { notPassed }] = await Promise.all([
    import('../flows/prove.ts'),
    import('./prove-applied.ts'),
  ]);
  const nodes = new Map([...made].filter(([, { to }]) => to > 0));
  const { done, failures } = await verifyWentBack(context, nodes);
  face.checks(done);
  const failed = exitCodeOfFailures(failures, context.hosts.length, face);
  const red = [...done].filter(([, { checks }]) => checks.some(isRed)).map(([host]) => host);
  if (red.length === 0) return failed;
  const error = notPassed(red);
  face.failure(error);
  return failed || exitCodeOf(error);
};

const list = async (context: FlowContext, face: Face): Promise<number> => {
  const { listGenerations } = await import('../flows/list-generations.ts');
  const { done, failures, notBegun } = await listGenerations(context);
  face.generations(done);
  return exitCodeOfFailures(failures, context.hosts.length, face, notBegun);
};

const rollback = async (file: string, to: number | undefined, options: RollbackOptions): Promise<number> => {
  if (options.list && to !== undefined)
    throw new Fail('BadUsage', `--list shows all generations; ${to} says where to go`, {
      hint: 'Leave one of them out.',
    });
  const { runOnHosts } = await import('./run-command.ts');
  return await runOnHosts(file, options, (context, face) =>
    options.list ? list(context, face) : takeBack(context, face, options, to),
  );
};

const generation = (text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= 999_999) return value;
  throw new InvalidArgumentError(
    'It must be the number of a generation, or 0 for how the host was before berth.',
  );
};

export const rollbackCommand = (setExitCode: (code: number) => void): Command =>
  withChangeOptions(new Command('rollback'))
    .argument('[generation]', 'go back to how it was after this one; 0: before berth', generation)
    .option('--list', 'show the generations of each host and change nothing', false)
    .summary('take hosts back to how they were')
    .description(
      'Each apply that changes a host is a generation there, which keeps what it replaced. Takes hosts back to how they\n' +
        'were before the last generation, or after the one that is named: files, links, packages, units, sysctls, release.\n' +
        'Shows it as a plan first, and verifies afterwards. A rollback is a generation too: the next one undoes it.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  berth rollback fleet.yaml --list          what happened to the hosts\n  berth rollback fleet.yaml --hosts node-1  before the last apply\n  berth rollback fleet.yaml 7 --yes         as after generation 7\n  berth rollback fleet.yaml 0               before berth, its memory kept',
    )
    .action(async (file: string, to: number | undefined, options: RollbackOptions) =>
      setExitCode(await rollback(file, to, options)),
    );
