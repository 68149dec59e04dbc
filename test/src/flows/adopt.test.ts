import assert from 'node:assert/strict';
import test from 'node:test';
import { adoptDrift } from '../../../src/flows/adopt.ts';
import { parseProfile } from '../../../src/profile/parse-profile.ts';
import type { Drift } from '../../../src/resources/drift.ts';
import { factsOf } from '../resources/facts.ts';

const drift: Drift = { id: 'sysctl:vm.swappiness', kind: 'host', summary: 'set vm.swappiness to 60' };

const differing = (value: string) => ({
  drifts: [drift],
  facts: factsOf({ sysctls: { 'vm.swappiness': { value } } }),
  replan: () => ({ host: '', changes: [], notes: [] }),
});

const fleet = (hosts: string) =>
  parseProfile(`hosts:\n${hosts}spec:\n  kernel: { sysctls: { vm.swappiness: 60 } }\n`, 'fleet.yaml');

test('what is taken from one host and said of all is told of those that it was not taken from', () => {
  const profile = fleet(
    '  - { name: a, local: {} }\n  - { name: b, local: {} }\n' +
      '  - { name: c, local: {}, spec: { kernel: { sysctls: { vm.swappiness: 1 } } } }\n',
  );
  const { edits, shared } = adoptDrift({ profile }, new Map([['b', differing('44')]]), undefined);
  assert.match(edits[0]?.diff ?? '', /\+ {2}kernel: \{ sysctls: \{ vm\.swappiness: 44 \} \}/);
  assert.deepEqual(shared, [{ host: 'a', path: 'spec.kernel.sysctls.vm.swappiness' }]);
});

test('what was changed on all hosts alike, or on one that says it of itself, concerns no other', () => {
  const alike = fleet('  - { name: a, local: {} }\n  - { name: b, local: {} }\n');
  const both = new Map([
    ['a', differing('44')],
    ['b', differing('44')],
  ]);
  assert.deepEqual(adoptDrift({ profile: alike }, both, undefined).shared, []);
  const own = fleet(
    '  - { name: a, local: {} }\n' +
      '  - { name: b, local: {}, spec: { kernel: { sysctls: { vm.swappiness: 1 } } } }\n',
  );
  assert.deepEqual(adoptDrift({ profile: own }, new Map([['b', differing('44')]]), undefined).shared, []);
});
