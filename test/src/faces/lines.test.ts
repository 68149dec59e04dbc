import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import test from 'node:test';
import type { Event } from '../../../src/core/events.ts';
import { CommandFailed, Fail } from '../../../src/core/fail.ts';
import { plain as plainDialect } from '../../../src/faces/ci/plain.ts';
import { jsonFace } from '../../../src/faces/json.ts';
import { plainProgress } from '../../../src/faces/plain.ts';

const story: Event[] = [
  { kind: 'phase-started', host: 'a', phase: 'connect' },
  { kind: 'phase-ended', host: 'a', phase: 'connect', milliseconds: 95, failed: false },
  { kind: 'phase-started', host: 'a', phase: 'apply', total: 2 },
  { kind: 'step-started', host: 'a', phase: 'apply', id: 'package:runc', title: 'install runc' },
  { kind: 'note', level: 'debug', host: 'a', message: 'apt says hello' },
  { kind: 'step-ended', host: 'a', phase: 'apply', id: 'package:runc', milliseconds: 2100, failed: false },
  { kind: 'step-started', host: 'a', phase: 'apply', id: 'release', title: 'upload the release' },
  { kind: 'bytes', host: 'a', id: 'release', done: 5, total: 48 * 1024 * 1024 },
  {
    kind: 'step-ended',
    host: 'a',
    phase: 'apply',
    id: 'release',
    milliseconds: 10,
    failed: true,
    detail: 'disk full',
  },
  { kind: 'note', level: 'warn', message: 'SIGINT' },
  { kind: 'phase-ended', host: 'a', phase: 'apply', milliseconds: 2200, failed: true },
  {
    kind: 'checked',
    host: 'a',
    check: { id: 'redis.ping', title: 'PING', ok: true, milliseconds: 7, detail: 'PONG' },
  },
];

const printed = (run: (out: PassThrough) => void): string => {
  const out = new PassThrough();
  run(out);
  return String(out.read() ?? '');
};

const plain = (verbose: boolean): string =>
  printed((out) => {
    const now = () => new Date('2026-01-02T03:04:05.678Z');
    const progress = plainProgress(out, {
      style: (_format, text) => text,
      verbose,
      dialect: plainDialect,
      now,
    });
    for (const event of story) progress.emit(event);
  });

test('plain lines tell a run with the time of each, under a heading for what the run is at', () => {
  assert.equal(
    plain(false),
    `2026-01-02T03:04:05Z  == Look and prepare
2026-01-02T03:04:05Z  a  connect
2026-01-02T03:04:05Z  a  ok  connect (95 ms)
2026-01-02T03:04:05Z  == Apply
2026-01-02T03:04:05Z  a  apply: 2 steps
2026-01-02T03:04:05Z  a  ok  install runc (2.1 s)
2026-01-02T03:04:05Z  a  failed  upload the release (10 ms, 48.0 MiB): disk full
2026-01-02T03:04:05Z  warn: SIGINT
2026-01-02T03:04:05Z  a  failed  apply (2.2 s)
2026-01-02T03:04:05Z  a  ok  redis.ping: PONG (7 ms)
`,
  );
});

test('--verbose adds the starts of steps and the small talk', () => {
  assert.match(plain(true), /a {2}… {3}install runc\n\S+ {2}a {2}debug: apt says hello\n/);
});

const json = (run: (face: ReturnType<typeof jsonFace>) => void): unknown[] =>
  printed((out) => run(jsonFace(out, '0.0.0')))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

const started = { kind: 'started', version: 1, berth: '0.0.0' };

test('JSON is one event a line, as the flow emitted it', () => {
  assert.deepEqual(
    json((face) => {
      for (const event of story) face.emit(event);
    }),
    [started, ...JSON.parse(JSON.stringify(story))],
  );
});

test('a failure is told once, with all that it carries', () => {
  const error = new CommandFailed(
    'a: no',
    { argv: ['false'], exitCode: 1, stdout: '', stderr: 'no' },
    { hint: 'try again', context: { unit: 'berthd' } },
  );
  const lines = json((face) => {
    face.emit({ kind: 'failed', host: 'a', error });
    face.failure(error);
    face.failure(new Fail('Cancelled', 'interrupted'));
    face.end(130);
  });
  const form = {
    code: 'CommandFailed',
    message: 'a: no',
    hint: 'try again',
    context: { unit: 'berthd' },
    argv: ['false'],
    exitCode: 1,
    stdout: '',
    stderr: 'no',
  };
  assert.deepEqual(lines, [
    started,
    { kind: 'failed', host: 'a', error: form },
    { kind: 'failed', error: { code: 'Cancelled', message: 'interrupted' } },
    { kind: 'ended', exitCode: 130 },
  ]);
});
