import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';

/** What log_lines says of a log that crictl prints by this script: a stream each to its own output, in the log's order. */
const logLines = (t: TestContext, crictl: string): { status: number | null; said: string } => {
  const here = mkdtempSync(join(tmpdir(), 'berth-log-lines-'));
  t.after(() => rmSync(here, { recursive: true }));
  const streams = join(import.meta.dirname, '../../../../src/flows/verify/streams.sh');
  const { status, stdout, stderr } = spawnSync(
    'sh',
    ['-c', `set -u; . '${streams}'; cri() { ${crictl}; }; log_lines`],
    { encoding: 'utf8', env: { ...process.env, here, box: 'c0ffee' } },
  );
  assert.equal(stderr, '');
  return { status, said: stdout };
};

test('a long line is one, though an entry of the other stream lies between its parts', (t) => {
  const { status, said } = logLines(
    t,
    'echo out 1; printf %016384d 0; echo err 1 >&2; printf "%03616d\\n" 1',
  );
  assert.equal(status, 0, said);
  assert.match(said, /^long line of 20000$/m);
});

test('a long line that is not all there yet is waited for', (t) => {
  assert.equal(logLines(t, 'echo out 1; echo err 1 >&2; printf "%016384d\\n" 0').status, 1);
});

test('a line that came on the wrong stream is not taken for one that is there', (t) => {
  assert.equal(logLines(t, 'echo out 1; echo err 1; printf "%020000d\\n" 1').status, 1);
});
