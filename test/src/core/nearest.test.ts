import assert from 'node:assert/strict';
import test from 'node:test';
import { nearest } from '../../../src/core/nearest.ts';

const keys = ['engine', 'registries', 'policy', 'kernel', 'verify', 'sudo', 'sudoPassword'];

test('a slip of the fingers is understood', () => {
  for (const [written, meant] of [
    ['polcy', 'policy'],
    ['policyy', 'policy'],
    ['opliCy', 'policy'],
    ['registires', 'registries'],
    ['sudo_password', 'sudoPassword'],
    ['Sudo', 'sudo'],
  ])
    assert.equal(nearest(written ?? '', keys), meant);
});

test('a different word is not taken for one that it resembles little', () => {
  for (const written of ['storage', 'x', '', 'kern', 'very'])
    assert.equal(nearest(written, keys), undefined, written);
});
