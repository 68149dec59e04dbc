import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { keepDurations } from '../../../../src/faces/live/durations-file.ts';
import type { Sample } from '../../../../src/faces/live/estimate.ts';
import { Terminal, type TerminalOptions } from '../../../harness/terminal.ts';

const play = fileURLToPath(new URL('play.ts', import.meta.url));
const node = [process.execPath, '--disable-warning=ExperimentalWarning'];

const stateOf = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-live-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

const playing = (
  t: TestContext,
  { hosts = 3, seconds = 600 }: { readonly hosts?: number; readonly seconds?: number },
  options: TerminalOptions,
): Promise<Terminal> =>
  Terminal.start(t, [...node, play, String(hosts), String(seconds)], {
    ...options,
    env: { XDG_STATE_HOME: stateOf(t), ...options.env },
  });

test('keys open hosts and their logs and lead back, on a screen of its own', async (t) => {
  const terminal = await playing(t, {}, { columns: 80, rows: 24 });
  const list = await terminal.shows(/3 hosts: 2 failed, 1 running[\s\S]*remedy: the package lists/);
  assert.match(list, /48\.0 of 124\.0 MiB {2}upload berth/);
  assert.equal(await terminal.isAlternate(), true);
  await terminal.press('Down');
  await terminal.shows(/› node-2/);
  await terminal.press('Enter');
  const host = await terminal.shows(/^node-2 +checks: 2 green, 1 red, 1 not run/);
  assert.match(host, /journal of berthd\n +pull of registry/);
  await terminal.press('l');
  await terminal.shows(/node-2 {2}↑↓ scroll[\s\S]*of 27/);
  await terminal.press('g');
  await terminal.shows(/^ +0\.\d {2}▸ connect/);
  await terminal.press('q');
  await terminal.shows(/› node-2/);
  await terminal.press('c');
  await terminal.press('?');
  await terminal.shows(/^keys\n/);
  await terminal.press('Escape');
  await terminal.shows(/› node-2/);
});

test('a terminal that changes its size gets a whole picture of that size, and nothing of the one before', async (t) => {
  const terminal = await playing(t, { hosts: 50 }, { columns: 120, rows: 40 });
  await terminal.shows(/connect +probe +prepare/);
  for (const [columns, rows] of [
    [60, 20],
    [30, 8],
    [20, 3],
    [100, 30],
    [90, 50],
  ] as const) {
    await terminal.resize(columns, rows);
    await pause(1500);
    const screen = await terminal.screen();
    const lines = screen.split('\n');
    const about = `${columns}x${rows}:\n${screen}`;
    // All rows but the last, which is for the cursor; and each thing once.
    assert.equal(lines.length, rows - 1, about);
    assert.equal(lines.filter((line) => line.includes('50 hosts: 2 failed')).length, rows < 5 ? 0 : 1, about);
    assert.equal(lines.filter((line) => line.includes('✗ node-2')).length, 1, about);
    assert.equal(lines.filter((line) => line.startsWith('  … ')).length, 1, about);
    assert.ok(
      lines.every((line) => line.length <= columns),
      about,
    );
  }
});

test('afterwards the first screen has what was there, warnings, notes of no host, the summary and every failure, and nothing of the view', async (t) => {
  const terminal = await playing(t, { seconds: 2 }, { columns: 100, rows: 30 });
  await terminal.shows(/↑↓ choose/);
  await terminal.shows(/ended 0/);
  assert.equal(await terminal.isAlternate(), false);
  const left = await terminal.scrollback();
  assert.match(
    left,
    /^before the view\nnode-1 {2}about to delete \/etc\/old\.conf\nan archive is checked by its published checksum\nnode-2 .*✗ verify.*1 of 4 checks red\nnode-3 .*✗ apply.*\nnode-1 .*✓ apply.*✓ verify.*\nberth: node-3: install runc, socat[\s\S]*E: Failed to fetch[\s\S]*hint: the package lists[\s\S]*the outcome\nended 0/,
  );
  assert.doesNotMatch(left, /↑↓|▸/);
});

test('keys that are pressed before there is a view leave nothing in the outcome', async (t) => {
  const terminal = await playing(t, { seconds: 2 }, { columns: 100, rows: 30 });
  await terminal.press('x');
  await terminal.shows(/before the view/);
  await terminal.press('x');
  await terminal.shows(/↑↓ choose/);
  await terminal.shows(/ended 0/);
  assert.match(await terminal.scrollback(), /^before the view\nnode-1 {2}about to delete/);
});

test('who reads a log when the run ends reads on, and what came of it is shown when they leave', async (t) => {
  for (const leaving of ['q', 'C-c']) {
    const terminal = await playing(t, { seconds: 3 }, { columns: 100, rows: 30 });
    await terminal.shows(/↑↓ choose/);
    await terminal.press('l');
    await terminal.shows(/node-2 {2}↑↓ scroll/);
    await terminal.shows(/node-2 {2}the run is over: q shows what came of it/);
    await terminal.press('g');
    await terminal.shows(/^ +0\.\d {2}▸ connect/);
    assert.equal(await terminal.isAlternate(), true);
    await terminal.press('?');
    await terminal.shows(/^keys\n/);
    await terminal.press('q');
    await terminal.shows(/the run is over/);
    await terminal.press(leaving);
    await terminal.shows(/ended 0/);
    const left = await terminal.scrollback();
    assert.match(
      left,
      /^before the view\nnode-1 {2}about to delete[\s\S]*✗ verify[\s\S]*hint: the package lists[\s\S]*the outcome\nended 0/,
    );
    assert.doesNotMatch(left, /interrupt/i);
  }
});

test('Ctrl-C is an interruption that is said in the view, and leaves the terminal as it was', async (t) => {
  const terminal = await playing(t, {}, { columns: 80, rows: 24 });
  await terminal.shows(/↑↓ choose/);
  await terminal.press('C-c');
  await terminal.shows(/ended 0/);
  const left = await terminal.scrollback();
  assert.match(left, /SIGINT: finishing or undoing the step at work/);
  assert.match(left, /berth: interrupted by SIGINT/);
  await terminal.press('typed after it');
  assert.match(await terminal.shows(/typed after it/), /ended 0\n.*typed after it/);
});

test('Ctrl-Z gives the terminal to the shell, and fg brings the view back', async (t) => {
  const shell = ['sh', '-i'];
  const terminal = await Terminal.start(t, shell, {
    columns: 90,
    rows: 24,
    env: { XDG_STATE_HOME: stateOf(t), PS1: 'shell$ ' },
  });
  await terminal.shows(/shell\$/);
  await terminal.press(`${[...node, play].join(' ')}`, 'Enter');
  await terminal.shows(/↑↓ choose/);
  await terminal.press('C-z');
  await terminal.shows(/Stopped[\s\S]*shell\$$/);
  assert.equal(await terminal.isAlternate(), false);
  await terminal.press('fg', 'Enter');
  await terminal.shows(/↑↓ choose/);
  await terminal.press('j');
  await terminal.shows(/› node-2/);
  await terminal.press('C-c');
  await terminal.shows(/interrupted by SIGINT[\s\S]*shell\$/);
});

const plainHere: readonly (readonly [string, Partial<TerminalOptions>])[] = [
  ['TERM=dumb', { env: { TERM: 'dumb' } }],
  ['CI', { env: { CI: 'true' } }],
  ['a screen reader', { env: { INK_SCREEN_READER: 'true' } }],
  ['five rows', { rows: 5 }],
  ['twenty columns', { columns: 20 }],
];

for (const [what, options] of plainHere)
  test(`with ${what} lines are printed as they come`, async (t) => {
    const terminal = await playing(t, { seconds: 0 }, { columns: 90, rows: 30, ...options });
    await terminal.shows(/ended 0/);
    const left = await terminal.scrollback();
    assert.match(left, /node-1 {2}ok {2}connect \(100 ms\)/);
    assert.doesNotMatch(left, /↑↓/);
  });

test('a pipe gets lines, and none that steers a terminal', async (t) => {
  const { stdout } = await promisify(execFile)(process.execPath, [...node.slice(1), play, '3', '0'], {
    env: { ...process.env, TERM: 'xterm', XDG_STATE_HOME: stateOf(t), FORCE_COLOR: undefined, CI: undefined },
  });
  assert.match(stdout, /node-1 {2}ok {2}connect \(100 ms\)$/m);
  assert.doesNotMatch(stdout, /\u001b/);
});

test('in the background of the terminal, where timeout puts it, the keyboard is left alone', async (t) => {
  const argv = ['timeout', '60', ...node, play, '3', '3'];
  const terminal = await Terminal.start(t, argv, {
    columns: 90,
    rows: 24,
    env: { XDG_STATE_HOME: stateOf(t) },
  });
  assert.doesNotMatch(await terminal.shows(/3 hosts: 2 failed/), /↑↓/);
  await terminal.shows(/the outcome\nended 0/);
});

test('NO_COLOR is honoured by the view', async (t) => {
  const coloured = await playing(t, {}, { columns: 80, rows: 24 });
  await coloured.shows(/↑↓ choose/);
  assert.match(await coloured.screen({ colours: true }), /\u001b\[3[126]m/);
  const bare = await playing(t, {}, { columns: 80, rows: 24, env: { NO_COLOR: '1' } });
  await bare.shows(/↑↓ choose/);
  assert.doesNotMatch(await bare.screen({ colours: true }), /\u001b\[3[0-8]m/);
});

test('what a run took is kept, and what is kept is expected', async (t) => {
  const folder = stateOf(t);
  const file = join(folder, 'berth', 'durations.json');
  const first = await playing(t, { seconds: 0 }, { columns: 90, rows: 30, env: { XDG_STATE_HOME: folder } });
  await first.shows(/ended 0/);
  const kept: { version: number; samples: Sample[] } = JSON.parse(readFileSync(file, 'utf8'));
  assert.equal(kept.version, 1);
  const mine = kept.samples.filter(({ host }) => host === 'node-1');
  assert.deepEqual(
    mine.map(({ phase }) => phase),
    ['connect', 'probe', 'prepare', 'plan', 'apply', 'verify'],
  );
  keepDurations(
    file,
    mine.map((sample) => ({ ...sample, milliseconds: 70_000, count: 27 })),
  );
  const second = await playing(t, {}, { columns: 90, rows: 30, env: { XDG_STATE_HOME: folder } });
  await second.shows(/2 of 27 changes +\d+ s of ~1 min 10 s/);
});
