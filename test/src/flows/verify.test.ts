import assert from 'node:assert/strict';
import test from 'node:test';
import type { Event } from '../../../src/core/events.ts';
import { Fail } from '../../../src/core/fail.ts';
import { verifyHosts } from '../../../src/flows/verify.ts';
import { parseProfile } from '../../../src/profile/parse-profile.ts';
import { recordedHost } from './verify/recorded-host.ts';

const profile = parseProfile(
  `hosts: [{ name: lost, local: {} }, { name: node-1, local: {} }]
spec: { verify: { level: smoke } }`,
  'test.yaml',
);

test('a host that cannot be reached does not keep the others from being proven', async () => {
  using recorded = recordedHost();
  const events: Event[] = [];
  const unreachable = new Fail('Unreachable', 'lost: does not answer');
  const verified = verifyHosts({
    profile,
    hosts: profile.hosts,
    connect: (host) =>
      host.name === 'lost' ? Promise.reject(unreachable) : Promise.resolve(recorded.connection),
    reconnect: () => Promise.reject(unreachable),
    emit: (event) => events.push(event),
    signal: AbortSignal.timeout(30_000),
    parallel: 1,
  });
  const { done, failures } = await verified;
  assert.deepEqual(failures, [{ host: 'lost', error: unreachable }]);
  assert.deepEqual([...done.keys()], ['node-1']);
  assert.deepEqual(
    events.filter(({ kind }) => kind === 'failed'),
    [{ kind: 'failed', host: 'lost', error: unreachable }],
  );
  const checked = events.filter((event) => event.kind === 'checked');
  assert.ok(checked.length > 5 && checked.every(({ host }) => host === 'node-1'));
});

test('the checks come by host, and a red one is no error', async () => {
  using recorded = recordedHost({ env: { ACTIVE: 'failed' } });
  const events: Event[] = [];
  const { done } = await verifyHosts({
    profile,
    hosts: profile.hosts.slice(1),
    connect: async () => recorded.connection,
    reconnect: async () => recorded.connection,
    emit: (event) => events.push(event),
    signal: AbortSignal.timeout(30_000),
    parallel: 8,
  });
  assert.deepEqual([...done.keys()], ['node-1']);
  const verified = done.get('node-1');
  assert.ok(verified?.checks.some(({ id, ok }) => id === 'units.berthd' && !ok));
  assert.deepEqual(
    events.filter(({ kind }) => kind === 'phase-started'),
    [{ kind: 'phase-started', host: 'node-1', phase: 'verify', grades: ['smoke'] }],
  );
  const ended = events.find((event) => event.kind === 'phase-ended');
  assert.ok(ended?.kind === 'phase-ended' && ended.phase === 'verify' && ended.failed);
  assert.equal(verified?.milliseconds, ended.milliseconds);
});
