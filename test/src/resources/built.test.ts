import assert from 'node:assert/strict';
import test from 'node:test';
import { planResources } from '../../../src/resources/plan.ts';
import type { Resource } from '../../../src/resources/resource.ts';
import { factsOf } from './facts.ts';

const built: Resource = {
  kind: 'built',
  name: 'tool',
  path: '/usr/local/bin/tool',
  marker: '/var/lib/berth-build/tool.built',
  source: { path: '/made/tool.tar.gz', sha256: 'source', bytes: 1 },
};
const file = (sha256: string, text?: string) =>
  ({ kind: 'file', sha256, text, mode: 0o755, owner: '0:0', bytes: 1 }) as const;

const planned = (files: Record<string, ReturnType<typeof file>>) =>
  planResources([built], { ...factsOf({}), files: new Map(Object.entries(files)) }).changes;

test('a program that is not there is built, and goes again with a reset', () => {
  const [change] = planned({});
  assert.equal(change?.action, 'create');
  assert.deepEqual(
    change.steps.map(({ kind }) => kind),
    ['stage', 'run', 'run'],
  );
  assert.equal(change.origins?.[0]?.kind, 'undo');
});

test('one that its source made is left alone', () => {
  assert.deepEqual(
    planned({
      '/usr/local/bin/tool': file('program'),
      '/var/lib/berth-build/tool.built': file('x', 'source program\n'),
    }),
    [],
  );
});

for (const [why, note] of [
  ['the program was changed', 'source other\n'],
  ['its source is another', 'older program\n'],
] as const)
  test(`it is built again when ${why}`, () => {
    const [change] = planned({
      '/usr/local/bin/tool': file('program'),
      '/var/lib/berth-build/tool.built': file('x', note),
    });
    assert.equal(change?.reason, why);
    assert.equal(change.origins, undefined, 'what was there before cannot come back');
  });
