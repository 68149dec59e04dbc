import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

const asking = fileURLToPath(new URL('asking.ts', import.meta.url));

/** What a real terminal shows while asking.ts runs on it and `keys` are typed after `question`. */
const typed = (what: string, question: string, keys: string): Promise<string> => {
  const script = `
set timeout 20
set stty_init "rows 24 columns 80"
spawn -noecho ${process.execPath} --disable-warning=ExperimentalWarning ${asking} ${what}
expect {
  "${question}" {}
  timeout { exit 1 }
}
send -- "${keys}"
expect {
  -re "(answer|failed) .*\\n" {}
  timeout { exit 2 }
}
`;
  return expecting(script);
};

const expecting = (script: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const env = { ...process.env, TERM: 'xterm', CI: undefined };
    const child = execFile('expect', ['-f', '-'], { env, timeout: 60_000 }, (error, stdout) => {
      if (error) reject(new Error(`expect: ${error.message}\n${stdout}`));
      else resolve(stripVTControlCharacters(stdout));
    });
    child.stdin?.end(script);
  });

test('a secret is taken and not shown', async () => {
  const screen = await typed('secret', 'sudo password of node-1: ', 'hunter2\\r');
  assert.match(screen, /answer "hunter2"/);
  assert.equal(screen.match(/hunter2/g)?.length, 1, screen);
});

test('Ctrl-C and Ctrl-D at a question are a cancelled command', async () => {
  assert.match(await typed('secret', 'node-1: ', '\\003'), /failed Cancelled/);
  assert.match(await typed('secret', 'node-1: ', '\\004'), /failed Cancelled/);
});

test('a question that was not answered is told without the machinery behind it', async () => {
  for (const [what, question] of [
    ['secret', 'node-1: '],
    ['consent', 'y/N*'],
  ] as const) {
    const screen = await typed(what, question, '\\004');
    assert.match(screen, /berth: the question was not answered \[Cancelled\]\r?\nfailed Cancelled/);
  }
});

test('a terminal that is closed at a question is a cancelled command', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-ask-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const out = join(folder, 'out');
  for (const [what, question] of [
    ['secret', 'node-1: '],
    ['consent', 'y/N*'],
  ] as const) {
    const command = `exec ${process.execPath} --disable-warning=ExperimentalWarning ${asking} ${what} > ${out}`;
    await expecting(`
set timeout 20
spawn -noecho sh -c "${command}"
expect {
  "${question}" {}
  timeout { exit 1 }
}
close
wait
`);
    assert.match(readFileSync(out, 'utf8'), /failed Cancelled\n$/);
  }
});

test('before hosts are changed the plan is shown with its diffs, and only yes is yes', async () => {
  const yes = await typed('consent', 'y/N*', 'y\\r');
  assert.match(yes, /\+ create \/etc\/x\r?\n +\+\+\+ \/etc\/x/);
  assert.match(yes, /Plan: 1 to create\./);
  assert.match(yes, /Apply these changes\? \[y\/N\]/);
  assert.match(yes, /answer true/);
  for (const keys of ['n\\r', '\\r', 'yess\\r'])
    assert.match(await typed('consent', 'y/N*', keys), /answer false/);
});
