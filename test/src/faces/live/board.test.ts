import assert from 'node:assert/strict';
import test from 'node:test';
import type { Event } from '../../../../src/core/events.ts';
import { Fail } from '../../../../src/core/fail.ts';
import { type Board, boardAfter, emptyBoard, type HostBoard } from '../../../../src/faces/live/board.ts';
import { commandTexts, doings, doingText, phaseLines } from '../../../../src/faces/live/progress-lines.ts';
import { ranked } from '../../../../src/faces/live/standing.ts';
import { toldPhases } from '../../../../src/faces/live/told-phases.ts';
import { troubleLines } from '../../../../src/faces/live/trouble-lines.ts';
import { fleet, looked, phase, redPull, type Told } from './story.ts';

const now = 60_000;

/** The board after events that happen a second apart, from 0 ms. */
const boardOf = (events: readonly Event[]): Board =>
  events.reduce((board, event, index) => boardAfter(board, event, index * 1000), emptyBoard);

const hostOf = (events: readonly Event[]): HostBoard => {
  const host = boardOf(events).hosts.get('a');
  assert.ok(host);
  return host;
};

const applying: Event[] = [
  { kind: 'phase-started', host: 'a', phase: 'apply', total: 2 },
  { kind: 'step-started', host: 'a', phase: 'apply', id: 'x', title: 'install x' },
];

test('an event makes a new board and leaves the old one as it was', () => {
  const before = boardOf(applying);
  const copy = structuredClone([...before.hosts]);
  const after = boardAfter(
    before,
    { kind: 'phase-ended', host: 'a', phase: 'apply', milliseconds: 1, failed: false },
    9,
  );
  assert.notEqual(after, before);
  assert.deepEqual([...before.hosts], copy);
});

test('a phase counts the steps that were made, and remembers how it ended itself', () => {
  const ended: Event[] = [
    ...applying,
    { kind: 'step-ended', host: 'a', phase: 'apply', id: 'x', milliseconds: 5, failed: false },
  ];
  assert.equal(hostOf(ended).phases[0]?.done, 1);
  assert.deepEqual(hostOf(ended).steps, []);
  const failed: Event[] = [
    ...ended,
    { kind: 'step-ended', host: 'a', phase: 'apply', id: 'y', milliseconds: 5, failed: true },
    { kind: 'phase-ended', host: 'a', phase: 'apply', milliseconds: 4200, failed: true },
  ];
  assert.equal(hostOf(failed).phases[0]?.done, 1);
  assert.deepEqual(
    hostOf(failed).phases.map(({ state, milliseconds }) => [state, milliseconds]),
    [['failed', 4200]],
  );
});

test('bytes that are ahead of their step wait for it, and go with it', () => {
  const ahead: Event[] = [...applying, { kind: 'bytes', host: 'a', id: 'y', done: 5, total: 10 }];
  assert.deepEqual(
    doings(hostOf(ahead), now).map(({ id, bytes }) => [id, bytes]),
    [['x', undefined]],
  );
  const arrived: Event[] = [
    ...ahead,
    { kind: 'step-ended', host: 'a', phase: 'apply', id: 'x', milliseconds: 5, failed: false },
    { kind: 'step-started', host: 'a', phase: 'apply', id: 'y', title: 'upload y' },
  ];
  assert.deepEqual(
    doings(hostOf(arrived), now).map(({ id, bytes }) => [id, bytes]),
    [['y', { done: 5, total: 10 }]],
  );
  const over: Event[] = [
    ...arrived,
    { kind: 'step-ended', host: 'a', phase: 'apply', id: 'y', milliseconds: 5, failed: false },
  ];
  assert.equal(hostOf(over).transfers.size, 0);
});

test('a download is shown by the name of its file until it is complete', () => {
  const id = 'https://mirror.example/crictl-v1.37.0-linux-amd64.tar.gz';
  const half: Event = { kind: 'bytes', host: 'a', id, done: 5, total: 10 };
  assert.equal(doingText(hostOf([half]), now), '5 of 10 B  fetch crictl-v1.37.0-linux-amd64.tar.gz');
  assert.equal(doingText(hostOf([half, { ...half, done: 10 }]), now), '');
});

test('this machine is no host of the run, and in the list only while it fetches something', () => {
  const begun: Event[] = [
    { kind: 'run-started', profile: 'p.yaml', hosts: ['a'] },
    { kind: 'phase-started', host: 'a', phase: 'verify' },
  ];
  const half: Event = {
    kind: 'bytes',
    host: 'this machine',
    id: 'https://deb.example/redis.deb',
    done: 5,
    total: 10,
  };
  const names = (events: readonly Event[]) =>
    ranked(boardOf(events), events.length * 1000).map(({ name, standing }) => `${name} ${standing}`);
  assert.deepEqual(names([...begun, half]), ['a running', 'this machine running']);
  assert.deepEqual(names([...begun, half, { ...half, done: 10 }]), ['a running']);
  assert.deepEqual(names(begun.slice(0, 1)), ['a waiting']);
});

test('the command at work is that of the step or the check, and goes with it', () => {
  const running: Event[] = [
    ...applying,
    { kind: 'command', host: 'a', phase: 'apply', id: 'x', command: 'apt-get install x' },
  ];
  assert.deepEqual(commandTexts(hostOf(running)), ['$ apt-get install x']);
  const ended: Event[] = [
    ...running,
    { kind: 'step-ended', host: 'a', phase: 'apply', id: 'x', milliseconds: 5, failed: false },
  ];
  assert.deepEqual(commandTexts(hostOf(ended)), []);
  const pulling: Event[] = [
    { kind: 'phase-started', host: 'a', phase: 'verify' },
    { kind: 'command', host: 'a', phase: 'verify', id: 'redis.pull', command: 'crictl pull redis' },
    { kind: 'bytes', host: 'a', id: 'redis.pull', done: 5, total: 10 },
  ];
  assert.equal(doingText(hostOf(pulling), now), '5 of 10 B  redis.pull');
  assert.equal(doingText(hostOf([...pulling, { kind: 'checked', host: 'a', check: redPull }]), now), '');
});

test('checks that are done side by side each have their command, until they are done', () => {
  const running: Event[] = [
    { kind: 'phase-started', host: 'a', phase: 'verify' },
    { kind: 'command', host: 'a', phase: 'verify', id: 'redis.pull', command: 'crictl pull redis' },
    { kind: 'command', host: 'a', phase: 'verify', id: 'exec.tty', command: 'crictl exec -it b tty' },
    { kind: 'command', host: 'a', phase: 'verify', id: 'network.pods', command: 'crictl runp p' },
    { kind: 'command', host: 'a', phase: 'verify', id: 'network.pods', command: 'crictl create p' },
  ];
  const host = hostOf(running);
  assert.deepEqual(commandTexts(host), [
    '$ crictl pull redis',
    '$ crictl exec -it b tty',
    '$ crictl create p',
  ]);
  // They began 1, 2 and 3 s after the first event.
  const slow = (at: number) => doings(host, at).map(({ title }) => title);
  assert.deepEqual(slow(3500), ['redis.pull', 'exec.tty']);
  assert.deepEqual(slow(4500), ['redis.pull', 'exec.tty', 'network.pods']);
  const later: Event[] = [
    ...running,
    { kind: 'command-ended', host: 'a', phase: 'verify', id: 'exec.tty' },
    { kind: 'checked', host: 'a', check: redPull },
  ];
  assert.deepEqual(commandTexts(hostOf(later)), ['$ crictl create p']);
  const over: Event[] = [
    ...later,
    { kind: 'phase-ended', host: 'a', phase: 'verify', milliseconds: 5, failed: false },
  ];
  assert.deepEqual(commandTexts(hostOf(over)), []);
});

test('a time that has nothing to count beside it says of what it is', () => {
  const textsAt = (events: readonly Event[], at: number) =>
    phaseLines(hostOf(events), at, undefined, 80).map((line) => line.map(({ text }) => text).join(''));
  const probing: Event[] = [{ kind: 'phase-started', host: 'a', phase: 'probe' }];
  assert.deepEqual(textsAt(probing, 1500), ['probe   1 s']);
  assert.deepEqual(textsAt(probing, 500), []);
  const verifying: Event[] = [{ kind: 'phase-started', host: 'a', phase: 'verify' }];
  assert.deepEqual(textsAt(verifying, 1500), ['verify   1 s']);
  assert.deepEqual(textsAt([...verifying, { kind: 'checked', host: 'a', check: redPull }], 1500), [
    '1 check   1 s',
  ]);
});

test('what a host waits for is seen until it goes on', () => {
  const waiting: Event[] = [
    ...applying,
    { kind: 'note', level: 'info', host: 'a', message: 'waiting for apt' },
  ];
  assert.equal(doingText(hostOf(waiting), now), 'waiting for apt');
  const on: Event[] = [
    ...waiting,
    { kind: 'step-ended', host: 'a', phase: 'apply', id: 'x', milliseconds: 5, failed: false },
  ];
  assert.equal(hostOf(on).note, undefined);
});

test('failures and red checks are troubles with all that was told of them; checks that were not run are none', () => {
  const error = new Fail('Unreachable', 'a: no route', { hint: 'look at its network' });
  const host = hostOf([
    { kind: 'failed', host: 'a', error },
    { kind: 'checked', host: 'a', check: redPull },
    { kind: 'checked', host: 'a', check: { ...redPull, id: 'b', notRun: true } },
    { kind: 'checked', host: 'a', check: { ...redPull, id: 'c', ok: true } },
  ]);
  assert.deepEqual(host.troubles, [
    { kind: 'failure', error },
    { kind: 'check', check: redPull, wentBack: false },
  ]);
  assert.deepEqual(host.checks, { green: 1, red: 1, notRun: 1 });
  assert.match(
    host.log.map(({ text }) => text).join('\n'),
    /journal of berthd\n +pull of registry[\s\S]*remedy: can the host/,
  );
});

test('what a verification makes ready for itself is shown and is no check', () => {
  const serving: Event[] = [
    { kind: 'phase-started', host: 'a', phase: 'verify' },
    { kind: 'step-started', host: 'a', phase: 'verify', id: 'image', title: 'serve the redis image' },
  ];
  assert.equal(doingText(hostOf(serving), now), 'serve the redis image');
  const checked: Event[] = [
    ...serving,
    { kind: 'step-ended', host: 'a', phase: 'verify', id: 'image', milliseconds: 5, failed: false },
    { kind: 'checked', host: 'a', check: redPull },
    { kind: 'checked', host: 'a', check: { ...redPull, id: 'b', notRun: true } },
  ];
  assert.equal(hostOf(checked).phases[0]?.done, 2);
});

test('a verification that comes again counts its own checks', () => {
  const again: Event[] = [
    { kind: 'phase-started', host: 'a', phase: 'verify' },
    { kind: 'checked', host: 'a', check: redPull },
    { kind: 'phase-ended', host: 'a', phase: 'verify', milliseconds: 1, failed: true },
    { kind: 'phase-started', host: 'a', phase: 'rollback' },
    { kind: 'phase-ended', host: 'a', phase: 'rollback', milliseconds: 1, failed: false },
    { kind: 'phase-started', host: 'a', phase: 'verify' },
  ];
  assert.deepEqual(hostOf(again).checks, { green: 0, red: 0, notRun: 0 });
  assert.deepEqual(
    hostOf(again).phases.map(({ phase, state }) => [phase, state]),
    [
      ['verify', 'failed'],
      ['rollback', 'done'],
      ['verify', 'running'],
    ],
  );
});

test('what is red after a way back is told apart from what led there', () => {
  const again: Event[] = [
    { kind: 'phase-started', host: 'a', phase: 'verify' },
    { kind: 'checked', host: 'a', check: redPull },
    { kind: 'phase-started', host: 'a', phase: 'rollback' },
    { kind: 'phase-started', host: 'a', phase: 'verify' },
    { kind: 'checked', host: 'a', check: redPull },
  ];
  const headlines = hostOf(again)
    .troubles.flatMap((trouble) => troubleLines(trouble, { width: 200, rows: 1 }))
    .map((line) => line.map(({ text }) => text).join(''));
  const told = 'redis.pull: the image is fetched: exit status 1: manifest unknown';
  assert.deepEqual(headlines, [`✗ ${told}`, `✗ after going back: ${told}`]);
});

test('a second look stands where it is while it is at work, and is one with the first when it went well', () => {
  const told = (...story: readonly (readonly Told[])[]) =>
    toldPhases(hostOf(story.flat().map(([, event]) => event)).phases).map(
      ({ phase, state, milliseconds }) => `${phase} ${state} ${milliseconds?.toFixed(0)}`,
    );
  const applied = [looked('a'), phase('a', 'apply', 3, 9)];
  const first = [
    'connect done 100',
    'probe done 400',
    'prepare done 2000',
    'plan done 100',
    'apply done 6000',
  ];
  const [begun, ended] = [phase('a', 'prepare', 9, 9.5).slice(0, 1), phase('a', 'prepare', 9, 9.5)];
  assert.deepEqual(told(...applied, begun), [...first, 'prepare running undefined']);
  assert.deepEqual(told(...applied, ended), first.with(2, 'prepare done 2500'));
  assert.deepEqual(told(...applied, phase('a', 'prepare', 9, 9.5, true)), [...first, 'prepare failed 500']);
});

test('a log keeps its last lines, and texts of hosts cannot steer the terminal', () => {
  const notes = Array.from(
    { length: 2500 },
    (_, index): Event => ({
      kind: 'note',
      level: 'info',
      host: 'a',
      message: `line ${index}\u001b[2J\u0007`,
    }),
  );
  const { log } = hostOf(notes);
  assert.equal(log.length, 2000);
  assert.equal(log.at(-1)?.text, 'line 2499\ufffd');
});

test('hosts are in the order of the profile, those that nobody announced behind them', () => {
  const board = boardOf([
    { kind: 'run-started', profile: 'x.yaml', hosts: ['b', 'a'] },
    { kind: 'phase-started', host: 'z', phase: 'connect' },
    { kind: 'phase-started', host: 'a', phase: 'connect' },
  ]);
  assert.deepEqual([...board.hosts.keys()], ['b', 'a', 'z']);
});

test('what matters comes first: failed, running, waiting, done', () => {
  const [first = '', second = '', third = '', fourth = ''] = fleet(4);
  const connect = (host: string, failed = false): Event[] => [
    { kind: 'phase-started', host, phase: 'connect' },
    { kind: 'phase-ended', host, phase: 'connect', milliseconds: 100, failed },
  ];
  const events: Event[] = [
    { kind: 'run-started', profile: 'x', hosts: fleet(4) },
    ...connect(first),
    ...connect(third),
    { kind: 'phase-started', host: third, phase: 'probe' },
    ...connect(fourth, true),
  ];
  const order = (at: number) => ranked(boardOf(events), at).map(({ name, standing }) => [name, standing]);
  assert.deepEqual(order(60_000), [
    [fourth, 'failed'],
    [third, 'running'],
    [first, 'waiting'],
    [second, 'waiting'],
  ]);
  // Between two phases a host is not taken off the list.
  assert.deepEqual(order(2000)[1], [first, 'running']);
});
