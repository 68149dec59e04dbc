import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { withJunit } from '../../../src/cli/junit-report.ts';
import { Fail } from '../../../src/core/fail.ts';
import { Secret } from '../../../src/core/secret.ts';
import type { Face } from '../../../src/faces/face.ts';
import type { FlowContext } from '../../../src/flows/context.ts';

test('a host that was not begun is a case that was skipped, not a suite in which all is well', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-junit-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'report.xml');
  const hosts = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];
  const signal = new AbortController().signal;
  const context = { hosts, signal, emit: () => {} } as unknown as FlowContext;
  const run = withJunit(file, 'berth apply', async ({ emit }) => {
    emit({ kind: 'failed', host: 'a', error: new Fail('Unreachable', 'a: no route') });
    emit({ kind: 'phase-started', host: 'b', phase: 'probe' });
    emit({ kind: 'phase-ended', host: 'b', phase: 'probe', milliseconds: 1, failed: false });
    return 11;
  });
  await run(context, {} as Face);
  const suites = (await readFile(file, 'utf8')).split('<testsuite ').slice(1);
  const counts = suites.map((suite) =>
    /tests="(\d+)".* errors="(\d+)" skipped="(\d+)"/.exec(suite)?.slice(1),
  );
  assert.deepEqual(counts, [
    ['1', '1', '0'],
    ['0', '0', '0'],
    ['1', '0', '1'],
  ]);
  assert.match(suites[2] ?? '', /<skipped message="not begun: other hosts failed before it"\/>/);
});

test('the report holds no secret, neither in the evidence of a check nor in an error', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-junit-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'report.xml');
  const secret = new Secret('proxy-password-17').reveal();
  const hosts = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];
  const signal = new AbortController().signal;
  const context = { hosts, signal, emit: () => {} } as unknown as FlowContext;
  const run = withJunit(file, 'berth verify', async ({ emit }) => {
    const evidence = [{ title: 'journal', text: `via http://u:${secret}@proxy` }];
    const check = {
      id: 'x',
      title: 'x',
      grade: 'smoke',
      ok: false,
      milliseconds: 1,
      detail: secret,
      evidence,
    } as const;
    emit({ kind: 'checked', host: 'a', check });
    const step = { host: 'b', phase: 'apply', id: 'unit:x' } as const;
    emit({ kind: 'step-started', ...step, title: `start ${secret}` });
    emit({ kind: 'step-ended', ...step, milliseconds: 5, failed: false });
    emit({
      kind: 'step-ended',
      ...step,
      id: 'late',
      milliseconds: 5,
      failed: true,
      code: 'DeadlineExceeded',
    });
    emit({ kind: 'step-ended', ...step, phase: 'prepare', id: 'crictl', milliseconds: 5, failed: false });
    emit({ kind: 'failed', host: 'b', error: new Fail('Unreachable', `no way through ${secret}`) });
    throw new Fail('DeadlineExceeded', `waited for ${secret}`);
  });
  await assert.rejects(run(context, {} as Face));
  const report = await readFile(file, 'utf8');
  assert.match(report, /via http:\/\/u:•••@proxy/);
  assert.match(report, /no way through •••/);
  assert.match(report, /classname="berth.apply" name="unit:x: start •••" time="0.005"/);
  assert.match(report, /<failure type="DeadlineExceeded" message="late"\/>/);
  assert.doesNotMatch(report, /berth.prepare/);
  assert.match(report, /waited for •••/);
  assert.doesNotMatch(report, new RegExp(secret));
});
