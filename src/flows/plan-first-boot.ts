import { Fail } from '../core/fail.ts';
import type { Facts } from '../host/facts/probe.ts';
import { circumstancesOf, withoutLimits } from '../node/circumstances.ts';
import type { Given } from '../node/concern.ts';
import { planNode } from '../node/node.ts';
import type { Spec } from '../profile/profile.ts';
import type { Change } from '../resources/change.ts';

/** A change, and the cases in which it is made: values of the named circumstances, as `1`s and `0`s. Empty: always. */
export interface ConditionalChange {
  readonly change: Change;
  readonly circumstances: readonly string[];
  readonly cases: readonly string[];
}

/** What makes a bare machine a node, whatever the circumstances. */
export interface FirstBootPlan {
  readonly circumstances: readonly { readonly name: string; readonly test: string }[];
  readonly changes: readonly ConditionalChange[];
}

/**
 * Plans a machine that nobody has seen: once for each combination of the circumstances, so that the machine itself need
 * only look which one it is. `given.facts` are those of a bare machine.
 */
export function planFirstBoot(given: Given): FirstBootPlan {
  const bare = withoutLimits(given.spec, given.facts);
  const all = circumstancesOf(given.spec, bare);
  const masks = Array.from({ length: 2 ** all.length }, (_, number) =>
    number.toString(2).padStart(all.length, '0'),
  );
  const plans = new Map(
    masks.map((mask) => {
      const facts = all.reduce<Facts>(
        (now, { holds }, index) => (mask[index] === '1' ? holds(now) : now),
        bare,
      );
      return [mask, planNode({ ...given, facts }).changes] as const;
    }),
  );
  return {
    circumstances: all.map(({ name, test }) => ({ name, test })),
    changes: inOrder([...plans.values()]).flatMap((id) =>
      variantsOf(
        id,
        plans,
        all.map(({ name }) => name),
      ),
    ),
  };
}

/** The identifiers of all plans, in an order that is the order of each of them. */
function inOrder(plans: readonly (readonly Change[])[]): string[] {
  const before = new Map<string, Set<string>>();
  for (const plan of plans)
    for (const [index, { id }] of plan.entries()) {
      const known = before.get(id) ?? new Set();
      const last = plan[index - 1]?.id;
      before.set(id, last === undefined ? known : known.add(last));
    }
  const order = new Set<string>();
  while (order.size < before.size) {
    const next = [...before].find(
      ([id, needs]) => !order.has(id) && [...needs].every((need) => order.has(need)),
    )?.[0];
    if (next === undefined)
      throw new Fail('Internal', 'the changes of a first boot have no order that holds in all circumstances');
    order.add(next);
  }
  return [...order];
}

/** The forms that a change has, each with the cases in which it has it. */
function variantsOf(
  id: string,
  plans: ReadonlyMap<string, readonly Change[]>,
  names: readonly string[],
): ConditionalChange[] {
  const forms = new Map([...plans].map(([mask, plan]) => [mask, plan.find((change) => change.id === id)]));
  const textOf = (mask: string): string => JSON.stringify(forms.get(mask) ?? null);
  const matters = names.flatMap((_, index) =>
    [...forms.keys()].some((mask) => textOf(mask) !== textOf(flipped(mask, index))) ? [index] : [],
  );
  const cases = new Map<string, { change: Change; cases: Set<string> }>();
  for (const [mask, change] of forms) {
    if (change === undefined) continue;
    const text = textOf(mask);
    const known = cases.get(text) ?? { change, cases: new Set<string>() };
    known.cases.add(matters.map((index) => mask[index]).join(''));
    cases.set(text, known);
  }
  return [...cases.values()].map(({ change, cases: found }) => ({
    change,
    circumstances: matters.flatMap((index) => names[index] ?? []),
    cases: matters.length === 0 ? [] : [...found],
  }));
}

const flipped = (mask: string, index: number): string =>
  `${mask.slice(0, index)}${mask[index] === '1' ? '0' : '1'}${mask.slice(index + 1)}`;

/**
 * What is decided from the state of a machine that does not exist yet is not decided here.
 * @throws Fail `Unsupported`
 */
export function requireTellable(spec: Spec): void {
  const asked = [
    ...(spec.swap === 'keep' ? [] : ['swap']),
    ...(spec.timeSync === 'keep' ? [] : ['timeSync']),
  ];
  if (asked.length === 0) return;
  throw new Fail(
    'Unsupported',
    `spec.${asked.join(' and spec.')} cannot be part of first-boot data: what is to be done follows from what the machine has`,
    {
      hint: 'Set it to keep for these machines, in an overlay (--overlay FILE): most images for clouds have no swap, and keep their clocks. Or let berth apply do it over SSH.',
    },
  );
}
