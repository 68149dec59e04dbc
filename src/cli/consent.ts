import { Fail } from '../core/fail.ts';
import type { Face } from '../faces/face.ts';
import type { Plan } from '../resources/change.ts';
import { askYesNo, canAsk } from './ask.ts';
import type { ChangeOptions } from './options.ts';

/**
 * Refuses early what could not be asked later.
 * @throws Fail `BadUsage` when nobody can answer and `--yes` was not given.
 */
export const requireConsentPossible = (options: ChangeOptions): void => {
  if (options.check || options.yes || (canAsk() && !options.ci && !options.json)) return;
  throw new Fail('BadUsage', 'there is no terminal to ask on before hosts are changed', {
    hint: 'add --yes, or look first with --check',
  });
};

/** Shows the plan and asks, unless `--yes` was given; `--check` is always a no. */
export const consent = async (
  plan: Plan,
  question: string,
  options: ChangeOptions,
  face: Face,
  signal: AbortSignal,
): Promise<boolean> => {
  if (plan.hosts.every((host) => host.changes.length === 0)) return true;
  face.plan(plan, { diffs: !options.yes || options.check === true || options.verbose });
  if (options.check) return false;
  return options.yes || (await face.suspend(() => askYesNo(question, signal)));
};
