import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { withJunit } from '../../../src/cli/junit-report.ts';
import type { Event } from '../../../src/core/events.ts';
import { CommandFailed, Fail } from '../../../src/core/fail.ts';
import { Secret } from '../../../src/core/secret.ts';
import type { Face } from '../../../src/faces/face.ts';
import type { FlowContext } from '../../../src/flows/context.ts';
import type { Change } from '../../../src/resources/change.ts';
import { smallDisk } from '../../harness/small-disk.ts';

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

const change = (id: string): Change => ({ id, action: 'create', summary: `create ${id}`, steps: [] });

/** An apply of three changes to `a`: what its events come to, case by case. */
const casesAfter = async (t: TestContext, events: readonly Event[]): Promise<string[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-junit-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'report.xml');
  const signal = new AbortController().signal;
  const context = { hosts: [{ name: 'a' }], signal, emit: () => {} } as unknown as FlowContext;
  const plan = { host: 'a', changes: ['x', 'y', 'z'].map(change), notes: [] };
  const run = withJunit(file, 'berth apply', async ({ emit }, face) => {
    face.plan({ version: 1, profile: 'p.yaml', hosts: [plan] }, { diffs: true });
    events.forEach(emit);
    return 16;
  });
  await run(context, { plan: () => {} } as unknown as Face);
  const report = await readFile(file, 'utf8');
  return [...report.matchAll(/ name="([^"]*)" time="[^"]*">\s*([\s\S]*?)\s*<\/testcase>/g)].map(
    ([, name, outcome]) => `${name} ${outcome}`,
  );
};

const failed = new CommandFailed(
  'a: create y: exit code 1: no',
  { argv: ['mk', 'y'], exitCode: 1, stdout: 'no', stderr: '' },
  { hint: 'do better' },
);
const applied: readonly Event[] = [
  { kind: 'phase-started', host: 'a', phase: 'apply', total: 3 },
  { kind: 'step-started', host: 'a', phase: 'apply', id: 'x', title: 'create x' },
  { kind: 'step-ended', host: 'a', phase: 'apply', id: 'x', milliseconds: 5, failed: false },
  { kind: 'step-started', host: 'a', phase: 'apply', id: 'y', title: 'create y' },
  {
    kind: 'step-ended',
    host: 'a',
    phase: 'apply',
    id: 'y',
    milliseconds: 5,
    failed: true,
    detail: 'exit code 1: no',
    code: 'CommandFailed',
  },
];
const failure =
  'y: create y <failure type="CommandFailed" message="exit code 1: no">a: create y: exit code 1: no\nhint: do better\n--- mk y\nno</failure>';

test('a change that failed tells all of it, alone, and those behind it were not begun', async (t) => {
  assert.deepEqual(await casesAfter(t, [...applied, { kind: 'failed', host: 'a', error: failed }]), [
    'x: create x ',
    failure,
    'z: create z <skipped message="not begun"/>',
  ]);
});

test('changes that were taken back are no green cases', async (t) => {
  const back = new Fail('RolledBack', 'a: the host is again as it was', { cause: failed });
  const cases = await casesAfter(t, [
    ...applied,
    { kind: 'phase-started', host: 'a', phase: 'rollback', total: 0 },
    { kind: 'phase-ended', host: 'a', phase: 'rollback', milliseconds: 5, failed: false },
    { kind: 'failed', host: 'a', error: back },
  ]);
  assert.deepEqual(cases, [
    'x: create x <skipped message="made, and taken back"/>',
    failure,
    'z: create z <skipped message="not begun"/>',
    'berth came to its end <error type="RolledBack" message="a: the host is again as it was">a: the host is again as it was</error>',
  ]);
});

test('a plan that nobody carries out is no list of changes that failed to come', async (t) => {
  assert.deepEqual(await casesAfter(t, [{ kind: 'phase-started', host: 'a', phase: 'probe' }]), []);
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
  assert.match(report, /<failure type="DeadlineExceeded" message="late">late<\/failure>/);
  assert.doesNotMatch(report, /berth.prepare/);
  assert.match(report, /waited for •••/);
  assert.doesNotMatch(report, new RegExp(secret));
});

test('a report that cannot be written is told beside what ended the run, and not in its place', async (t) => {
  const folder = smallDisk(t);
  await writeFile(join(folder, 'full'), Buffer.alloc(64 << 10));
  const told: string[] = [];
  const face = { failure: ({ code }: Fail) => told.push(code) } as unknown as Face;
  const signal = new AbortController().signal;
  const context = { hosts: [{ name: 'a' }], signal, emit: () => {} } as unknown as FlowContext;
  const ends = (work: () => Promise<number>) =>
    withJunit(join(folder, 'report.xml'), 'berth apply', work)(context, face);
  const ended = new Fail('Locked', 'a: somebody else is at work');
  await assert.rejects(
    ends(() => Promise.reject(ended)),
    ended,
  );
  assert.equal(await ends(async () => 18), 18);
  assert.deepEqual(told, ['DiskFull', 'DiskFull']);
  await assert.rejects(
    ends(async () => 0),
    { code: 'DiskFull' },
  );
});
