import assert from 'node:assert/strict';
import test from 'node:test';
import { errorPages } from '../../../src/cli/error-pages.ts';
import { runtimeErrorPages } from '../../../src/cli/runtime-error-pages.ts';
import { Terminal } from '../../harness/terminal.ts';
import { berth, runBerth } from './run-berth.ts';

test('berth errors explains the code at the end of an error, in any case', async () => {
  const failed = await runBerth(['plan', 'no-such-file.yaml']);
  const code = /\[(\w+)\]/.exec(failed.stderr)?.[1] ?? '';
  const ran = await runBerth(['errors', code.toLowerCase()]);
  assert.equal(ran.exitCode, 0, ran.stderr);
  assert.match(ran.stdout, new RegExp(`^BadProfile \\(exit code ${failed.exitCode}\\)\\n`));
  for (const word of ['cause', 'seen', 'remedy']) assert.match(ran.stdout, new RegExp(`^${word} `, 'm'));
});

test('without a code all of them are listed; an unknown one gets a suggestion', async () => {
  const listed = await runBerth(['errors']);
  const told = [...listed.stdout.matchAll(/^(\w+) +\d+ {2}\S/gm)].map(([, code]) => code);
  assert.deepEqual(told, [...Object.keys(errorPages), ...Object.keys(runtimeErrorPages)]);
  const unknown = await runBerth(['errors', 'HostMovd']);
  assert.equal(unknown.exitCode, 10);
  assert.match(
    unknown.stderr,
    /HostMovd is no code of an error \[BadUsage\]\nhint: did you mean HostMoved\?/,
  );
});

test('on a terminal the list is broken between words, at its width', async (t) => {
  const terminal = await Terminal.start(t, [berth, 'errors'], { columns: 80, rows: 50 });
  await terminal.shows(/^ended 0$/m);
  const lines = (await terminal.scrollback()).split('\n');
  const begun = lines.findIndex((line) => line.startsWith('BadUsage '));
  assert.match(
    lines.slice(begun, begun + 2).join('\n'),
    /^BadUsage +10 {2}The command line is wrong.*\n {27}\S/,
  );
  assert.deepEqual(
    lines.filter((line) => line.length > 80),
    [],
  );
});

test('a code that crictl shows is explained too, and one that both have is explained as both', async () => {
  const unavailable = await runBerth(['errors', 'Unavailable']);
  assert.match(unavailable.stdout, /^Unavailable of berthd \(gRPC status 14\)/);
  const deadline = await runBerth(['errors', 'deadlineexceeded']);
  assert.match(
    deadline.stdout,
    /^DeadlineExceeded \(exit code 19\)\n[\s\S]*^DeadlineExceeded of berthd \(gRPC status 4\)/m,
  );
});

test('no page is wider than 80 columns, and what is seen of an error begins in one column', async () => {
  for (const code of new Set([...Object.keys(errorPages), ...Object.keys(runtimeErrorPages)])) {
    const { stdout } = await runBerth(['errors', code]);
    assert.deepEqual(
      stdout.split('\n').filter((line) => line.length > 80),
      [],
    );
  }
  const unreachable = await runBerth(['errors', 'Unreachable']);
  assert.match(unreachable.stdout, /^seen {4}node-1: .*\n {8}node-1: .*\n {8}node-1: /m);
  const refused = await runBerth(['errors', 'CloudRefused']);
  assert.match(refused.stdout, /^seen {4}node-1: .*\n {10}\S/m);
});
