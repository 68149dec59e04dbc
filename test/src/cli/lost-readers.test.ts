import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { berth } from './run-berth.ts';

/** A script of bash in which `$0` is berth; answers its exit code and what it said as an error. */
const shell = (script: string, cwd = '/'): Promise<{ exitCode: unknown; stderr: string }> =>
  new Promise((resolve) => {
    execFile('bash', ['-c', script, berth], { cwd, timeout: 120_000 }, (error, _stdout, stderr) =>
      resolve({ exitCode: error?.code ?? 0, stderr }),
    );
  });

test('a file that takes no more is told in a line', async () => {
  const { exitCode, stderr } = await shell('"$0" errors > /dev/full');
  assert.equal(exitCode, 16);
  assert.match(
    stderr,
    /^berth: standard output cannot be written: ENOSPC[^\n]*\[DiskFull\]\nhint: [^\n]*\n$/,
  );
});

test('and is told, and no reason to stop, where there is work at hosts', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-unheard-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'p.yaml'), 'hosts: [{ name: a, ssh: { host: 127.0.0.1, port: 1 } }]\n');
  const { exitCode, stderr } = await shell(
    '"$0" plan p.yaml --log-file log > /dev/full; code=$?; tail -1 log >&2; exit $code',
    folder,
  );
  assert.equal(exitCode, 11, stderr);
  assert.match(stderr, /standard output cannot be written: ENOSPC/);
  assert.match(stderr, /"kind":"ended","exitCode":11/);
  assert.doesNotMatch(stderr, /^ +at /m);
});

test('what is lost of the output of a run that went well is a failure', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-unheard-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'p.yaml'), 'hosts: [{ name: a, ssh: { host: 127.0.0.1, port: 1 } }]\n');
  const { exitCode, stderr } = await shell('"$0" hosts p.yaml --json > /dev/full', folder);
  assert.equal(exitCode, 16, stderr);
  assert.match(
    stderr,
    /^berth: standard output cannot be written: ENOSPC[^\n]*\[DiskFull\]\nhint: [^\n]*\n$/,
  );
});

test('a reader that has seen enough is no failure', async () => {
  const { exitCode, stderr } = await shell('set -o pipefail; "$0" errors | head -1 > /dev/null');
  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
});
