import assert from 'node:assert/strict';
import test from 'node:test';
import { stripVTControlCharacters, styleText } from 'node:util';
import type { Check } from '../../../src/core/events.ts';
import { checksText } from '../../../src/faces/checks-text.ts';
import type { Style } from '../../../src/faces/style.ts';

const unpainted: Style = (_format, text) => text;
const painted: Style = (format, text) => styleText(format, text, { validateStream: false });

const green = (id: string, title: string, detail: string, milliseconds = 12): Check => ({
  id,
  title,
  detail,
  milliseconds,
  ok: true,
});
const textOf = (checks: readonly Check[], options: Parameters<typeof checksText>[2]): string =>
  checksText('node-1', { checks, milliseconds: 1300 }, options);
const journal = { title: 'journal of berthd', text: 'line one\nline two\n' };
const red: Check = {
  id: 'redis.start',
  title: 'the container starts',
  detail: 'start container: runc: exec format error',
  milliseconds: 40,
  ok: false,
  evidence: [{ title: 'what it complained', text: '\u001b[2Jexec format error' }, journal],
  remedy: 'use an image for this architecture',
};

test('green checks are a table, and the time below it is that of all together, side by side', () => {
  const checks = [
    green('socket.version', 'answers crictl version', 'berth 0.1.0, CRI v1'),
    green('redis.ping', 'PING over TCP', 'PONG', 1234),
  ];
  assert.equal(
    textOf(checks, { width: 80, style: unpainted }),
    `node-1
 ✓ socket.version  answers crictl version  berth 0.1.0, CRI v1  12 ms
 ✓ redis.ping      PING over TCP           PONG                 1.2 s

node-1: all 2 checks are green, in 1.3 s
`,
  );
});

test('what was found on a host that went back is told as that', () => {
  const after = { checks: [red], milliseconds: 1300, wentBack: true } as const;
  const text = checksText('node-1', after, { width: 80, style: unpainted });
  assert.match(text, /^node-1, after going back\n/);
  assert.match(text, /\nnode-1, after going back: 1 of one check is red, in 1\.3 s\n$/);
});

test('a red check is explained below the table, with its evidence and remedy', () => {
  const text = textOf([green('redis.create', 'a container is made', '0123456789abc'), red], {
    width: 80,
    style: unpainted,
  });
  assert.equal(
    text,
    `node-1
 ✓ redis.create  a container is made   0123456789abc                       12 ms
 ✗ redis.start   the container starts  start container: runc: exec forma…  40 ms

   redis.start: the container starts
       start container: runc: exec format error
     what it complained
       exec format error
     journal of berthd
       line one
       line two
     remedy: use an image for this architecture

node-1: 1 of 2 checks is red, in 1.3 s
`,
  );
});

test('evidence that several red checks share is shown once', () => {
  const text = textOf([red, { ...red, id: 'redis.exec' }], { width: 80, style: unpainted });
  assert.equal(text.split('line two').length - 1, 1);
});

test('long evidence is shown from its end, and says so', () => {
  const long = { title: 'log', text: Array.from({ length: 100 }, (_, index) => `line ${index}`).join('\n') };
  const text = textOf([{ ...red, evidence: [long] }], { width: 80, style: unpainted });
  assert.match(text, /… 88 lines before\n {7}line 88\n/);
  assert.match(text, /line 99/);
  assert.match(text, /some of it was left out: --log-file FILE and --json have all/);
});

test('journals that have most lines in common are told line by line once, and a screen holds what many checks saw', () => {
  const lines = (from: number) => Array.from({ length: 10 }, (_, index) => `at ${from + index}`).join('\n');
  const checks = Array.from({ length: 30 }, (_, index) => ({
    ...red,
    id: `check.${index}`,
    evidence: [
      { title: 'journal of berthd', text: lines(index) },
      { title: 'what it printed', text: `${'x'.repeat(5000)}${index}` },
    ],
  }));
  const text = textOf(checks, { width: 80, style: unpainted });
  assert.equal(text.split(/ at 5$/m).length - 1, 1);
  const shown = text.split('\n').filter((line) => /^ {7}(at|x)/.test(line));
  assert.equal(shown.length, 60);
  assert.ok(shown.every((line) => line.length < 260));
  assert.match(text, /some of it was left out/);
});

test('no row is wider than the terminal, whatever a host answers', () => {
  const checks = [
    green(
      'redis.a-very-long-identifier-of-a-check',
      'a title that somebody wrote without counting its letters',
      'x'.repeat(300),
      754_321,
    ),
    green('b', 'short', 'many\nlines\tand\u0007 bells'),
  ];
  for (const width of [60, 80, 120]) {
    const rows = stripVTControlCharacters(textOf(checks, { width, style: painted })).split('\n');
    assert.deepEqual(
      rows.filter((row) => row.length > width),
      [],
    );
  }
});

test('on a terminal what is told below the table breaks between words, under itself; elsewhere lines stay whole', () => {
  const talkative: Check = {
    ...red,
    detail:
      'network mynet: plugin bridge is in none of /opt/cni/bin, /usr/lib/cni, /usr/libexec/cni; look there',
    evidence: [],
    remedy: 'run berth apply: it installs the plugins; spec.cni.pluginDirs says where they are looked for',
  };
  const skipped: Check = { ...green('dns.name', 'a pod resolves a name', talkative.detail), notRun: true };
  const checks = [skipped, talkative];
  const folded = textOf(checks, { width: 60, style: unpainted, folds: true });
  assert.match(folded, /^ {3}dns\.name: network mynet: plugin bridge is in none of\n {7}\/opt/m);
  assert.match(
    folded,
    /^ {7}network mynet: .* none of\n {9}\/opt.* look\n {9}there\n {5}remedy: .*;\n {13}spec\.cni.* looked\n {13}for$/m,
  );
  assert.deepEqual(
    folded.split('\n').filter((line) => line.length > 60),
    [],
  );
  const whole = textOf(checks, { width: 60, style: unpainted });
  assert.match(whole, /^ {5}remedy: .* looked for$/m);
  assert.match(
    textOf(checks, { width: 60, style: painted, folds: true }),
    /\u001b\[33mremedy\u001b\[39m: run/,
  );
});

test('no check at all is not a success', () => {
  assert.match(textOf([], { width: 80, style: unpainted }), /nothing was checked/);
});

test('green and red are colours too', () => {
  const text = textOf([red, green('a', 'b', 'c')], { width: 80, style: painted });
  assert.match(text, /\u001b\[31m✗/);
  assert.match(text, /\u001b\[32m✓/);
});
