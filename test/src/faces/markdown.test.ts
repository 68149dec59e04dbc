import assert from 'node:assert/strict';
import test from 'node:test';
import type { Check, Event, Phase } from '../../../src/core/events.ts';
import { CommandFailed, Fail } from '../../../src/core/fail.ts';
import { markdownText } from '../../../src/faces/markdown.ts';
import { type Summary, summaryFace } from '../../../src/faces/summary.ts';
import type { Change } from '../../../src/resources/change.ts';

const empty: Summary = {
  exitCode: 0,
  plan: undefined,
  made: new Map(),
  wentBack: new Map(),
  checks: new Map(),
  checksBack: new Map(),
  failures: [],
  warnings: [],
  reports: [],
  messages: [],
};

const check = (more: Partial<Check>): Check => ({
  id: 'redis.exec',
  title: 'a program runs in it',
  ok: true,
  milliseconds: 5,
  detail: 'seen',
  ...more,
});

const planOf = (diff: string): Summary['plan'] => {
  const change: Change = { id: 'file:/x', action: 'create', summary: 'write /x', diff, steps: [] };
  return { version: 1, profile: 'p.yaml', hosts: [{ host: 'a', changes: [change], notes: [] }] };
};

test('what a host says is text: no cell, link, element or fence of it is markup', () => {
  const hostile = 'a | b\n<img src=x> [link](http://x) `code` *bold* ```\nend';
  const red = check({ ok: false, detail: hostile, evidence: [{ title: '<b>', text: '````\n# no heading' }] });
  const error = new CommandFailed(hostile, {
    argv: ['x'],
    exitCode: 1,
    stdout: '',
    stderr: '```\n</details>',
  });
  const text = markdownText('berth verify', {
    ...empty,
    exitCode: 16,
    checks: new Map([['a|b', { checks: [red], milliseconds: 5 }]]),
    failures: [{ host: 'a', error }],
  });
  assert.match(text, /^\| a\\\|b \|/m);
  assert.ok(text.includes('a \\| b \\<img src=x\\> \\[link\\](http://x) \\`code\\` \\*bold\\*'), text);
  assert.match(text, /<summary>&lt;b&gt;<\/summary>/);
  // Fences are longer than what they hold.
  assert.match(text, /^`````text\n````\n# no heading\n`````$/m);
  assert.match(text, /^````text\nx\n```\n<\/details>\n````$/m);
});

test('the page of a host that cannot be reached names host, code, hint and exit code', () => {
  const error = new CommandFailed(
    'a: no',
    { argv: ['false'], exitCode: 1, stdout: '', stderr: '' },
    { hint: 'mend it' },
  );
  const text = markdownText('berth apply p.yaml', {
    ...empty,
    exitCode: 16,
    failures: [{ host: 'a', error }],
  });
  assert.match(text, /^### berth apply p\.yaml: ✗ failed \(exit code 16\)$/m);
  assert.match(text, /^- ✗ a: no \(CommandFailed\)\n {2}hint: mend it$/m);
  assert.match(text, /^\| a \| {2}\| {2}\| {2}\| ✗ failed \|$/m);
});

test('changes that were made are counted, those that were not are none of them, and who went back is told', () => {
  const change = (id: string): Change => ({ id, action: 'create', summary: id, steps: [] });
  const changes = ['x', 'y'].map(change);
  const hosts = ['failed', 'done', 'back', 'stuck', 'not-begun'].map((host) => ({
    host,
    changes,
    notes: [],
  }));
  const pageAfter = (...events: readonly Event[]): string => {
    let page = '';
    const face = summaryFace((summary) => {
      page = markdownText('berth apply', summary);
    });
    face.plan({ version: 1, profile: 'p.yaml', hosts }, { diffs: true });
    events.forEach(face.emit);
    face.end(16);
    return page;
  };
  const phase = (host: string, name: Phase): Event => ({ kind: 'phase-started', host, phase: name });
  const step = (host: string, name: Phase, id: string, failed = false): Event => ({
    kind: 'step-ended',
    host,
    phase: name,
    id,
    milliseconds: 5,
    failed,
  });
  const end = (host: string, name: Phase, failed = false): Event => ({
    kind: 'phase-ended',
    host,
    phase: name,
    milliseconds: 5,
    failed,
  });
  const page = pageAfter(
    phase('failed', 'apply'),
    step('failed', 'apply', 'x', true),
    phase('done', 'apply'),
    step('done', 'apply', 'x'),
    step('done', 'apply', 'y'),
    phase('back', 'apply'),
    step('back', 'apply', 'x'),
    step('back', 'apply', 'y', true),
    phase('back', 'rollback'),
    step('back', 'rollback', 'x'),
    end('back', 'rollback'),
    phase('stuck', 'apply'),
    step('stuck', 'apply', 'x'),
    phase('stuck', 'rollback'),
    end('stuck', 'rollback', true),
    { kind: 'failed', host: 'stuck', error: new Fail('Unreachable', 'stuck: it does not answer') },
  );
  const counts = [...page.matchAll(/^\| ([a-z-]+) \| ([^|]+) \|/gm)].slice(2).map(([, ...cells]) => cells);
  assert.deepEqual(counts, [
    ['failed', '0 of 2'],
    ['done', '2'],
    ['back', '1 of 2'],
    ['stuck', '1 of 2'],
    ['not-begun', '0 of 2'],
  ]);
  const ends = [...page.matchAll(/^\| ([a-z-]+) \|.*\| (✗[^|]*) \|$/gm)].map(([, ...cells]) => cells);
  assert.deepEqual(ends, [
    ['back', '✗ went back'],
    ['stuck', '✗ the way back failed'],
  ]);
  assert.match(pageAfter(), /^\| failed \| 2 \|/m, 'what was only planned');
  const asked = pageAfter(phase('back', 'rollback'), end('back', 'rollback'));
  assert.match(asked, /^\| back \|.*\| {2}\|$/m, 'a rollback that was asked for is no failure');
});

test('a plan is folded with its diffs, and loses them where the page would be refused for its size', () => {
  const small = markdownText('berth plan', { ...empty, exitCode: 2, plan: planOf('+one line') });
  assert.match(small, /<details><summary>Plan: 1 to create<\/summary>\n\n```diff\n[\s\S]*\+one line/);
  const large = markdownText('berth plan', { ...empty, exitCode: 2, plan: planOf('+x\n'.repeat(200_000)) });
  assert.ok(Buffer.byteLength(large) < 300_000);
  assert.match(large, /write \/x\n/);
  assert.match(large, /Some of it was left out here/);
});

test('a page that is too long without diffs too is cut, and says so', () => {
  const evidence = Array.from({ length: 60 }, (_, index) => ({ title: `t${index}`, text: 'é'.repeat(8000) }));
  const text = markdownText('berth verify', {
    ...empty,
    checks: new Map([['a', { checks: [check({ ok: false, evidence })], milliseconds: 5 }]]),
  });
  assert.ok(Buffer.byteLength(text) < 300_000);
  assert.match(text, /\n…\n\nSome of it was left out here/);
  // Nothing stays open, or what follows on the page would be part of it.
  assert.equal(text.match(/<details>/g)?.length, text.match(/<\/details>/g)?.length);
  assert.equal((text.match(/^```/gm)?.length ?? 1) % 2, 0);
});

test('what is red after a way back is told beside what led there, and apart from it', () => {
  let page = '';
  const face = summaryFace((summary) => {
    page = markdownText('berth apply', summary);
  });
  const red = check({ ok: false });
  face.checks(new Map([['a', { checks: [red], milliseconds: 5 }]]));
  face.checks(new Map([['a', { checks: [red, check({ id: 'x' })], milliseconds: 5, wentBack: true }]]));
  face.end(18);
  assert.match(page, /^\| a \| {2}\| ✗ 1 of one check is red \|/m);
  assert.deepEqual(page.match(/^#### .*$/gm), [
    '#### ✗ a: redis.exec',
    '#### ✗ a, after going back: redis.exec',
  ]);
});

test('the time of checks that were done side by side is that of their verification', () => {
  const checks = [check({ milliseconds: 4000 }), check({ id: 'redis.ping', milliseconds: 3000 })];
  const text = markdownText('berth verify', {
    ...empty,
    checks: new Map([['a', { checks, milliseconds: 4200 }]]),
  });
  assert.match(text, /^\| a \|.*\| 4\.2 s \|/m);
});
