import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { durationsFile, keepDurations, readDurations } from '../../../../src/faces/live/durations-file.ts';
import type { Sample } from '../../../../src/faces/live/estimate.ts';

const sample: Sample = { profile: '/p.yaml', host: 'a', phase: 'apply', milliseconds: 1200, count: 3 };

const folderOf = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-durations-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

test('durations are kept where the XDG specification says, in a file of the user alone', (t) => {
  const folder = folderOf(t);
  const path = durationsFile({ XDG_STATE_HOME: folder, HOME: '/nowhere' });
  assert.equal(path, join(folder, 'berth', 'durations.json'));
  assert.equal(durationsFile({ HOME: '/home/ops' }), '/home/ops/.local/state/berth/durations.json');
  assert.equal(
    durationsFile({ XDG_STATE_HOME: 'relative', HOME: '/home/ops' }),
    '/home/ops/.local/state/berth/durations.json',
  );

  keepDurations(path, [sample]);
  const other: Sample = { ...sample, phase: 'verify', grades: ['smoke', 'node'] };
  keepDurations(path, [other]);
  assert.deepEqual(readDurations(path), [sample, other]);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(dirname(path)), ['durations.json']);
});

test('what cannot be read says nothing, and is replaced by what can', (t) => {
  const path = join(folderOf(t), 'durations.json');
  assert.deepEqual(readDurations(path), []);
  for (const text of ['', '{"version":1,"samp', '{"version":1,"samples":[{"host":7}]}', '[]']) {
    writeFileSync(path, text);
    assert.deepEqual(readDurations(path), [], text);
  }
  keepDurations(path, [sample]);
  assert.deepEqual(readDurations(path), [sample]);
});

test('a file of another version is neither read nor overwritten', (t) => {
  const path = join(folderOf(t), 'durations.json');
  const text = '{"version":2,"what":"a later berth knows"}';
  writeFileSync(path, text);
  assert.deepEqual(readDurations(path), []);
  keepDurations(path, [sample]);
  assert.equal(readFileSync(path, 'utf8'), text);
});

test('a folder that cannot be written to is no error and leaves nothing', (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, 'berth'), 'a file where the folder should be');
  keepDurations(join(folder, 'berth', 'durations.json'), [sample]);
  mkdirSync(join(folder, 'x', 'durations.json'), { recursive: true });
  keepDurations(join(folder, 'x', 'durations.json'), [sample]);
  assert.deepEqual(readdirSync(join(folder, 'x')), ['durations.json']);
});
