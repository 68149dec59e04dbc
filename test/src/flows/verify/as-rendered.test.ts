import assert from 'node:assert/strict';
import test from 'node:test';
import type { Sighting } from '../../../../src/flows/survey.ts';
import { asRendered } from '../../../../src/flows/verify/as-rendered.ts';
import type { Connection } from '../../../../src/host/transport/connection.ts';
import { parseProfile } from '../../../../src/profile/parse-profile.ts';
import { factsOf } from '../../resources/facts.ts';

const [host] = parseProfile('hosts: [{ name: node-1, local: {} }]', 'test.yaml').hosts;
assert.ok(host);
const { spec } = host;

/** Whether the host is asked, when an apply saw this of it. */
const isAsked = async (seen: Sighting | undefined): Promise<boolean> => {
  let asked = false;
  const refuse = async (): Promise<never> => {
    asked = true;
    throw new Error('asked');
  };
  const connection: Connection = {
    host: 'node-1',
    address: 'nowhere',
    sh: refuse,
    spawn: refuse,
    interact: refuse,
    forwardToLocal: refuse,
    stats: () => ({ roundTrips: 0, channels: 0, mostChannels: 0, bytesSent: 0, bytesReceived: 0 }),
    close: async () => undefined,
  };
  const signal = AbortSignal.timeout(10_000);
  const looking = asRendered(connection, spec, { emit: () => {}, signal, secrets: new Map(), seen });
  const checks = await looking.catch(() => undefined);
  assert.equal(checks === undefined, asked);
  assert.ok(checks?.every(({ ok }) => ok) ?? true);
  return asked;
};

const seenBefore = (seconds: number, summary?: string) => ({
  facts: factsOf({ applied: { '/etc/crictl.yaml': 'a'.repeat(64) } }),
  plan: {
    host: 'node-1',
    changes:
      summary === undefined ? [] : [{ id: 'x', action: 'update' as const, summary, packages: [], steps: [] }],
    notes: [],
  },
  at: performance.now() - seconds * 1000,
});

test('what an apply has just seen is not asked again, unless it is a while ago or there was something to do', async () => {
  assert.equal(await isAsked(undefined), true);
  assert.equal(await isAsked(seenBefore(1)), false);
  assert.equal(await isAsked(seenBefore(61)), true);
  assert.equal(await isAsked(seenBefore(1, 'write /etc/crictl.yaml')), true);
  assert.equal(await isAsked({ ...seenBefore(1), facts: factsOf({}) }), true);
});

test('a look of an apply that was for some tags alone does not stand for the whole host', async () => {
  const { plan, ...seen } = seenBefore(1);
  for (const otherTags of [0, 1])
    assert.equal(await isAsked({ ...seen, plan: { ...plan, otherTags } }), true);
});
