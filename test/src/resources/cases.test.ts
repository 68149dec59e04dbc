import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { Fail } from '../../../src/core/fail.ts';
import type { Change, HostPlan, Step } from '../../../src/resources/change.ts';
import { planResources } from '../../../src/resources/plan.ts';
import { planRemoval, type Tree } from '../../../src/resources/remove.ts';
import type { Resource } from '../../../src/resources/resource.ts';
import { factsOf, type ShortFacts } from './facts.ts';

/** Facts and what is desired, and the changes that must come of it: one line each. */
interface Case {
  readonly title: string;
  readonly facts: ShortFacts;
  /** What should be; absent: everything of berth's must go, these trees too. */
  readonly desired?: readonly Resource[];
  readonly trees?: readonly Tree[];
  /** As `--tags` selects. */
  readonly tags?: readonly string[];
  /** `action: summary (reason)`, or with what the steps do behind ` => `. */
  readonly changes?: readonly string[];
  readonly notes?: readonly string[];
  readonly fails?: string;
}

const folder = new URL('./cases/', import.meta.url);

const describeStep = (step: Step): string => {
  switch (step.kind) {
    case 'write':
      return `write ${step.path}`;
    case 'link':
      return `link ${step.path} ${step.target}`;
    case 'delete':
      return `delete ${step.path}${step.recursive ? '/**' : ''}`;
    case 'copy':
      return `copy ${step.from} ${step.path} ${step.mode.toString(8)}`;
    case 'stage':
      return `stage ${step.path}`;
    case 'run':
      return step.argv.join(' ');
  }
};

const describeChange = (change: Change, withSteps: boolean): string => {
  const reason = change.reason === undefined ? '' : ` (${change.reason})`;
  const steps = withSteps ? ` => ${change.steps.map(describeStep).join('; ')}` : '';
  return `${change.action}: ${change.summary}${reason}${steps}`;
};

const plan = ({ facts, desired, trees, tags }: Case): Omit<HostPlan, 'host'> =>
  desired === undefined
    ? planRemoval(factsOf(facts), trees ?? [], undefined)
    : planResources(desired, factsOf(facts), tags);

for (const file of readdirSync(folder)) {
  const cases = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as readonly Case[];
  for (const each of cases) {
    test(`${file.replace('.json', '')}: ${each.title}`, () => {
      if (each.fails !== undefined) {
        assert.throws(
          () => plan(each),
          (error) => error instanceof Fail && `${error.code}: ${error.message}` === each.fails,
        );
        return;
      }
      const { changes, notes } = plan(each);
      const described = changes.map((change, index) =>
        describeChange(change, each.changes?.[index]?.includes(' => ') ?? false),
      );
      assert.deepEqual(described, each.changes ?? []);
      assert.deepEqual(notes, each.notes ?? []);
      assert.equal(new Set(changes.map(({ id }) => id)).size, changes.length, 'ids are unique');
    });
  }
}
