import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { promisify } from 'node:util';
import { Fail } from '../../../../src/core/fail.ts';
import { type Frame, linesOf, parseFrame } from '../../../../src/flows/verify/frame.ts';
import { verdictOf } from '../../../../src/flows/verify/verdict.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const line = (id: string, status: number, out: string): string =>
  ['frame', id, status, '1700000000000000000', '1700000000041500000', base64(out), base64('')].join('\t');

const collect = async (chunks: readonly (string | Buffer)[]): Promise<string[]> => {
  const lines: string[] = [];
  for await (const text of linesOf(
    (async function* () {
      yield* chunks;
    })(),
  ))
    lines.push(text);
  return lines;
};

test('a frame tells what a step printed and how long it took', () => {
  assert.deepEqual(parseFrame(line('redis.ping', 0, 'PONG\tü\n')), {
    id: 'redis.ping',
    status: 0,
    milliseconds: 41.5,
    stdout: 'PONG\tü\n',
    stderr: '',
  });
});

test('a line that is no frame is passed over, half a frame is an error', () => {
  assert.equal(parseFrame('Welcome to node-1'), undefined);
  assert.equal(parseFrame(''), undefined);
  for (const half of ['frame\tx\t0\t1', `frame\tx\t0\t1\t2\t${base64('out')}`, 'frame\tx\tzero\t1\t2\t\t'])
    assert.throws(
      () => parseFrame(half),
      (error) => error instanceof Fail && error.code === 'CommandFailed',
    );
});

test('a clock that is set back gives no negative time', () => {
  assert.equal(parseFrame('frame\tx\t0\t200\t100\t\t')?.milliseconds, 0);
});

test('lines are whole however the stream is cut', async () => {
  const bytes = Buffer.from('ä\nbc\n\nd');
  for (let at = 0; at <= bytes.length; at += 1)
    assert.deepEqual(await collect([bytes.subarray(0, at), bytes.subarray(at)]), ['ä', 'bc', '', 'd']);
});

test('a line without end is refused', async () => {
  await assert.rejects(collect(['x'.repeat(200_000), 'x'.repeat(200_000)]), /line without end/);
});

const prelude = readFileSync(new URL('../../../../src/flows/verify/prelude.sh', import.meta.url), 'utf8');

const run = async (shell: readonly string[], script: string): Promise<Frame[]> => {
  const [program = 'sh', ...flags] = shell;
  const { stdout } = await promisify(execFile)(program, [...flags, '-c', prelude + script], {
    timeout: 20_000,
    maxBuffer: 8 * 2 ** 20,
  });
  return stdout.split('\n').flatMap((text) => parseFrame(text) ?? []);
};

for (const shell of [['sh'], ['busybox', 'sh'], ['bash', '--posix']]) {
  const name = shell.join(' ');

  test(`${name}: a step that hangs is ended at its deadline`, async () => {
    const [frame] = await run(shell, 'step slow 1 sleep 60\n');
    assert.ok(frame && frame.milliseconds >= 900 && frame.milliseconds < 10_000);
    const verdict = verdictOf(frame, { title: 'slow', judge: () => assert.fail('it did not end well') });
    assert.deepEqual(verdict.ok, false);
  });

  test(`${name}: a step that prints without end is ended, and its beginning is reported`, async () => {
    const [frame] = await run(shell, 'step loud 15 yes\n');
    assert.ok(frame && frame.status !== 0);
    assert.equal(frame.stdout.length, 65536);
  });

  test(`${name}: repeating stops when it works, when its time is over, and when there is no such program`, async () => {
    const frames = await run(
      shell,
      `count() { echo x >>"$work/n"; [ "$(wc -l <"$work/n")" -ge 3 ]; }
repeat 5 count; frame works "$begin"
repeat 1 false; frame over "$begin"
repeat 9 no-such-program; frame missing "$begin"
`,
    );
    assert.deepEqual(
      frames.map(({ id, status }) => [id, status]),
      [
        ['works', 0],
        ['over', 1],
        ['missing', 127],
      ],
    );
    assert.ok((frames[2]?.milliseconds ?? 0) < 500);
  });

  test(`${name}: a step of a lane is reported when it ends, and not when its lane does`, async () => {
    const frames = await run(
      shell,
      `beside_it() { step early 5 true; : >"$work/early"; until [ -e "$work/on" ]; do sleep 0.1; done; }
lane aside beside_it
until [ -e "$work/early" ]; do sleep 0.1; done
step walk 5 true
: >"$work/on"
collect
`,
    );
    assert.deepEqual(
      frames.map(({ id }) => id),
      ['early', 'walk'],
    );
  });

  test(`${name}: frames of lanes that report at the same time stay whole`, async () => {
    const frames = await run(
      shell,
      `many() { for n in 1 2 3 4 5; do step "$here-$n" 15 head -c 65536 /dev/zero; done; }
for one in 1 2 3 4; do lane "$one" many; done
many
collect
`,
    );
    assert.equal(frames.length, 25);
    assert.equal(new Set(frames.map(({ id }) => id)).size, 25);
    for (const { id, stdout } of frames) assert.equal(stdout, '\0'.repeat(65536), id);
  });

  test(`${name}: a lane that broke off in the middle of its report holds nobody up`, async () => {
    const frames = await run(
      shell,
      `broken() { read -r turn <&5; : >"$work/taken"; exec sleep 60; }
take_away() { not_run clean-up 'it was interrupted'; }
lane aside broken
until [ -e "$work/taken" ]; do sleep 0.1; done
exit 0
`,
    );
    assert.deepEqual(
      frames.map(({ id }) => id),
      ['clean-up'],
    );
  });
}
