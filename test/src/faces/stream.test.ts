import assert from 'node:assert/strict';
import test from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { runBerth } from '../cli/run-berth.ts';

test('berth schema events is a JSON Schema that takes what a later release adds, and no line that lacks something', async () => {
  const printed = await runBerth(['schema', 'events']);
  assert.equal(printed.exitCode, 0, printed.stderr);
  const ajv = new Ajv2020({ formats: { 'date-time': true } });
  const takes = ajv.compile(JSON.parse(printed.stdout));
  const check = { id: 'redis.ping', title: 'PING', ok: true, milliseconds: 7, detail: 'PONG' };
  const line = { kind: 'checked', host: 'a', check };
  assert.ok(takes(line), ajv.errorsText(takes.errors));
  assert.ok(takes({ ...line, time: '2026-01-02T03:04:05.678Z', since: 'a later release' }));
  assert.ok(!takes({ kind: 'checked', host: 'a' }), 'a check is missing');
  assert.ok(!takes({ ...line, check: { ...check, ok: 'yes' } }), 'a text is no truth');
  assert.ok(!takes({ kind: 'nonsense' }), 'no such kind in this version');
});

test('berth schema of something else says what there is', async () => {
  const ran = await runBerth(['schema', 'plan']);
  assert.equal(ran.exitCode, 10);
  assert.match(ran.stderr, /Allowed choices are profile, events/);
});
