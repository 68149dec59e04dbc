import assert from 'node:assert/strict';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { apply } from '../../../src/cli/apply.ts';
import { exitCodeOf } from '../../../src/cli/exit-codes.ts';
import { Fail } from '../../../src/core/fail.ts';
import type { Face } from '../../../src/faces/face.ts';
import type { FlowContext } from '../../../src/flows/context.ts';
import { loadProfile } from '../../../src/profile/load-profile.ts';

const profile = await loadProfile(
  fileURLToPath(new URL('../../../profiles/quickstart.yaml', import.meta.url)),
);
const [quickstart] = profile.hosts;
assert.ok(quickstart);
const [one, other] = ['a', 'b'].map((name) => ({ ...quickstart, name }));
assert.ok(one && other);

test('which hosts failed is the end of it, after the others are verified', async () => {
  const told: string[] = [];
  const face: Pick<Face, 'emit' | 'checks' | 'message'> = {
    emit: (event) => told.push('host' in event ? `${event.kind} ${event.host}` : event.kind),
    checks: () => told.push('checks'),
    message: (text) => told.push(text),
  };
  const refused = (host: string): Fail => new Fail('Unreachable', `${host}: refused`);
  const context: FlowContext = {
    profile,
    hosts: [one, other],
    connect: async ({ name }) => {
      throw refused(name);
    },
    reconnect: () => assert.fail('nothing connects again'),
    parallel: 1,
    emit: face.emit,
    signal: new AbortController().signal,
  };
  const options = { yes: true, parallel: 1, stats: false, json: false, ci: true, verbose: false };
  const code = await apply(context, face as Face, options, async () => ({
    plan: { version: 1, profile: profile.file, hosts: [] },
    applied: true,
    failures: [{ host: 'a', error: refused('a') }],
    notBegun: [],
    made: new Map(),
    seen: new Map(),
  }));
  assert.equal(code, exitCodeOf(refused('a')));
  assert.deepEqual(told, ['failed b', 'checks', 'Failed on 1 of 2 hosts: a.']);
});
