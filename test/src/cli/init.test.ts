import assert from 'node:assert/strict';
import {
  chownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { startSshd } from '../../harness/sshd.ts';
import { Terminal, type TerminalOptions } from '../../harness/terminal.ts';
import { berth, runBerth } from './run-berth.ts';

const folderOf = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-init-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** Nobody listens at port 1. */
const existing = `# Written by hand, and loved.
hosts:
  # The first one.
  - name: node-1
    ssh: { host: 127.0.0.1, port: 1, connectTimeout: 1, useConfig: false } # it is down
spec:
  swap: keep     # for the old jobs
  cni:
    networks:
      - name: mynet # ours
        subnets: [10.88.0.0/16]
`;

const normal: TerminalOptions = { columns: 80, rows: 24 };

/** For who has berth where the shell looks for programs. */
const inPath = { env: { PATH: `${dirname(berth)}:${process.env['PATH']}` } };

/** The wizard on a terminal, with its first page. */
const opened = async (
  t: TestContext,
  file: string,
  options: Partial<TerminalOptions> = {},
): Promise<Terminal> => {
  const terminal = await Terminal.start(t, [berth, 'init', file], { ...normal, ...options });
  await terminal.shows(/Where are the hosts\?/);
  return terminal;
};

const titles = [
  /Where are the hosts\?/,
  /Do they answer\?/,
  /What runs on them\?/,
  /Which network do pods get\?/,
  /Where do images come from\?/,
  /Kubernetes, or not\?/,
  /Is this right\?/,
];

const onTo = async (terminal: Terminal, step: number, from = 0): Promise<void> => {
  for (const title of titles.slice(from + 1, step + 1)) {
    await terminal.press('C-n');
    await terminal.shows(title);
  }
};

test('without a terminal nobody is asked, and what else there is to do is said', async (t) => {
  const folder = folderOf(t);
  const ran = await runBerth(['init', 'berth.yaml'], { cwd: folder });
  assert.equal(ran.exitCode, 10);
  assert.match(ran.stderr, /the wizard needs a terminal.*\nhint: Copy an example from profiles\//);
  assert.deepEqual(readdirSync(folder), []);
  const alone = await runBerth([], { cwd: folder });
  assert.equal(alone.exitCode, 10);
  assert.match(alone.stderr, /^Usage: berth/m);
});

test('Ctrl-C on each page leaves the file as it was, and the terminal too', async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'berth.yaml');
  writeFileSync(file, existing);
  for (const step of titles.keys()) {
    const terminal = await opened(t, file);
    assert.equal(await terminal.isAlternate(), true);
    await terminal.press('-l', 'other.example');
    await terminal.press('Enter');
    await terminal.shows(/one host added/);
    await onTo(terminal, step);
    await terminal.press('C-c');
    const screen = await terminal.shows(/ended 130/);
    assert.match(screen, /Nothing was written: .*berth\.yaml is as it was/);
    assert.equal(await terminal.isAlternate(), false);
    assert.equal(readFileSync(file, 'utf8'), existing);
    assert.deepEqual(readdirSync(folder), ['berth.yaml']);
  }
});

test('a profile that is there is edited: its comments, its order and its other lines stay', async (t) => {
  const file = join(folderOf(t), 'my fleet.yaml');
  writeFileSync(file, existing, { mode: 0o640 });
  const terminal = await opened(t, file, inPath);
  await onTo(terminal, 3);
  await terminal.press('Down', 'Down', 'Down', 'Down', 'Right');
  await terminal.shows(/● plugin/);
  await onTo(terminal, 6, 3);
  await terminal.press('Down', 'Enter');
  const screen = await terminal.shows(/ended 0/);
  assert.equal(readFileSync(file, 'utf8'), `${existing}        masquerade: plugin\n`);
  assert.match(screen, /The same without questions:\n {2}berth apply '.*\/my fleet\.yaml' --yes/);
});

test('a host that does not answer says why and what to do, on the page', async (t) => {
  const file = join(folderOf(t), 'berth.yaml');
  writeFileSync(file, existing);
  const terminal = await opened(t, file, { columns: 120, rows: 40 });
  await onTo(terminal, 1);
  const screen = await terminal.shows(/1 did not/);
  assert.match(screen, /✗ node-1: 127\.0\.0\.1:1 cannot be reached: the connection/);
  assert.match(screen, /→ .*sshd/);
  await terminal.press('C-c');
});

test('NO_COLOR: not one colour, and the wizard works', async (t) => {
  const file = join(folderOf(t), 'berth.yaml');
  writeFileSync(file, existing);
  const colour = /\u001b\[[0-9;]*m/;
  const painted = await opened(t, file);
  assert.match(await painted.screen({ colours: true }), colour);
  const plain = await opened(t, file, { env: { NO_COLOR: '1' } });
  assert.doesNotMatch(await plain.screen({ colours: true }), colour);
  await onTo(plain, 2);
  await plain.press('?');
  await plain.shows(/│ For Kubernetes: /);
  assert.doesNotMatch(await plain.screen({ colours: true }), colour);
});

test('a terminal that becomes narrow, and wide again, shows the same page in its size', async (t) => {
  const file = join(folderOf(t), 'berth.yaml');
  writeFileSync(file, existing);
  const terminal = await opened(t, file, { columns: 100, rows: 30 });
  await onTo(terminal, 3);
  const wide = await terminal.screen();
  await terminal.resize(40, 20);
  const narrow = await terminal.shows(/^─{40}$/m);
  assert.ok(narrow.split('\n').every((line) => [...line].length <= 40));
  assert.match(narrow, /Pod ranges +10\.88\.0\.0\/16/);
  await terminal.resize(100, 30);
  await terminal.shows(/Ctrl-C leave$/m);
  assert.equal(await terminal.screen(), wide);
  await terminal.resize(20, 5);
  await terminal.shows(/wizard needs 24/);
  await terminal.resize(100, 30);
  await terminal.shows(/Ctrl-C leave$/m);
  assert.equal(await terminal.screen(), wide);
});

test('Ctrl-Z gives the terminal to the shell, and fg brings the page back as it was', async (t) => {
  const file = join(folderOf(t), 'berth.yaml');
  writeFileSync(file, existing);
  const terminal = await Terminal.start(t, ['bash', '--norc', '-i'], { ...normal, env: { PS1: 'shell> ' } });
  await terminal.shows(/shell>/);
  await terminal.press('-l', `${berth} init ${file}`);
  await terminal.press('Enter');
  await terminal.shows(/Where are the hosts\?/);
  await terminal.press('-l', 'other.exa');
  const before = await terminal.shows(/other\.exa/);
  await terminal.press('C-z');
  await terminal.shows(/Stopped/);
  assert.equal(await terminal.isAlternate(), false);
  await terminal.press('fg', 'Enter');
  await terminal.shows(/other\.exa/);
  assert.equal(await terminal.isAlternate(), true);
  await terminal.press('-l', 'mple');
  const after = await terminal.shows(/other\.example/);
  assert.equal(after.replace('other.example', 'other.exa    '), before);
  await terminal.press('C-c');
  await terminal.shows(/Nothing was written/);
});

/** Edits the existing profile in one place, and writes it. */
const masqueradeByPlugin = async (t: TestContext, file: string): Promise<void> => {
  const terminal = await opened(t, file);
  await onTo(terminal, 3);
  await terminal.press('Down', 'Down', 'Down', 'Down', 'Right');
  await terminal.shows(/● plugin/);
  await onTo(terminal, 6, 3);
  await terminal.press('Down', 'Enter');
  await terminal.shows(/ended 0/);
};

test("a profile that a link leads to is written where it is, and stays its owner's", async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'real.yaml');
  writeFileSync(file, existing, { mode: 0o640 });
  chownSync(file, 12345, 12346);
  symlinkSync('real.yaml', join(folder, 'berth.yaml'));
  await masqueradeByPlugin(t, join(folder, 'berth.yaml'));
  assert.match(readFileSync(file, 'utf8'), /masquerade: plugin/);
  assert.equal(readlinkSync(join(folder, 'berth.yaml')), 'real.yaml');
  const { uid, gid, mode } = statSync(file);
  assert.deepEqual([uid, gid, mode & 0o777], [12345, 12346, 0o640]);
});

test('the command for pipelines comes with a word about passwords that it would ask for, and about the cluster', async (t) => {
  const file = join(folderOf(t), 'berth.yaml');
  writeFileSync(
    file,
    'defaults: { sudoPassword: { prompt: true } }\nhosts: [{ name: a, ssh: { host: 127.0.0.1, port: 1 } }]\nspec: { kubernetes: { role: control-plane } }\n',
  );
  const terminal = await opened(t, file, inPath);
  await onTo(terminal, 6);
  await terminal.press('Down', 'Enter');
  const screen = await terminal.shows(/ended 0/);
  assert.match(screen, /It still asks for the passwords of one host: a pipeline needs another source/);
  assert.match(screen, /Then the cluster:\n {2}berth kubernetes up .*berth\.yaml/);
});

test('who started berth by its path reads that path in the commands to go on with', async (t) => {
  const file = join(folderOf(t), 'berth.yaml');
  writeFileSync(file, existing);
  const started = { columns: 120, rows: 24, cwd: join(dirname(berth), '../..') };
  const terminal = await Terminal.start(t, ['src/cli/berth', 'init', file], started);
  await terminal.shows(/Where are the hosts\?/);
  await onTo(terminal, 6);
  await terminal.press('Down', 'Enter');
  const screen = await terminal.shows(/ended 0/);
  assert.match(screen, /\n {2}src\/cli\/berth apply (.|\n)*\n {2}src\/cli\/berth plan /);
});

test('a screen reader hears sentences, on the terminal as it is', async (t) => {
  const file = join(folderOf(t), 'berth.yaml');
  writeFileSync(file, existing);
  const terminal = await opened(t, file, { env: { INK_SCREEN_READER: 'true' } });
  assert.equal(await terminal.isAlternate(), false);
  assert.match(await terminal.screen(), /Step 1 of 7: Where are the hosts\?/);
  await terminal.press('Up');
  const screen = await terminal.shows(/node-1 {2}127\.0\.0\.1:1, button\. Row 1 of/);
  assert.doesNotMatch(screen, /[│›▸]/);
  await terminal.press('C-c');
  assert.match(await terminal.shows(/ended 130/), /Control C leaves\.\n+Nothing was written/);
});

test('who edited the file meanwhile is not written over', async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'berth.yaml');
  writeFileSync(file, existing);
  const terminal = await opened(t, file);
  await terminal.press('Up', 'Enter');
  await terminal.shows(/One host/);
  await terminal.press('-l', 'x');
  await terminal.shows(/node-1x/);
  await terminal.press('Escape');
  await terminal.shows(/Where are the hosts/);
  await onTo(terminal, 6);
  writeFileSync(file, `${existing}# by somebody else\n`);
  await terminal.press('Down', 'Enter');
  const screen = await terminal.shows(/ended 10/);
  assert.match(screen, /was changed by somebody else/);
  assert.equal(readFileSync(file, 'utf8'), `${existing}# by somebody else\n`);
  assert.deepEqual(readdirSync(folder), ['berth.yaml']);
});

test('a byte order mark before a profile is no change of somebody else, and stays', async (t) => {
  const file = join(folderOf(t), 'berth.yaml');
  writeFileSync(file, `\u{feff}${existing}`);
  await masqueradeByPlugin(t, file);
  assert.equal(readFileSync(file, 'utf8'), `\u{feff}${existing}        masquerade: plugin\n`);
});

test('who made the file meanwhile keeps it', async (t) => {
  const file = join(folderOf(t), 'berth.yaml');
  const terminal = await opened(t, file);
  await terminal.press('-l', 'a.example');
  await terminal.press('Enter');
  await terminal.shows(/one host added/);
  await onTo(terminal, 6);
  writeFileSync(file, existing);
  await terminal.press('Down', 'Enter');
  assert.match(await terminal.shows(/ended 10/), /was made by somebody else/);
  assert.equal(readFileSync(file, 'utf8'), existing);
});

test('berth alone on a terminal is the wizard, and a list is pasted into it', async (t) => {
  const folder = folderOf(t);
  const terminal = await Terminal.start(t, [berth], { ...normal, cwd: folder });
  await terminal.shows(/No hosts yet/);
  await terminal.press('-l', '\u001b[200~web=ops@192.0.2.1\ndb=ops@192.0.2.2\n\u001b[201~');
  await terminal.shows(/db=ops@192\.0\.2\.2/);
  await terminal.press('Enter');
  await terminal.shows(/2 hosts added/);
  await terminal.press('Enter');
  await terminal.shows(/› ▸ Continue/);
  await onTo(terminal, 6);
  await terminal.press('Down', 'Enter');
  await terminal.shows(/ended 0/);
  const text = readFileSync(join(folder, 'berth.yaml'), 'utf8');
  assert.match(text, /^# A profile of berth/);
  const ran = await runBerth(['validate', 'berth.yaml'], { cwd: folder });
  assert.equal(ran.exitCode, 0, ran.stderr);
  assert.match(ran.stdout, /valid, 2 hosts/);
});

test('the wizard works over SSH', async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'berth.yaml');
  writeFileSync(file, existing);
  await using sshd = await startSshd();
  const ssh = [
    ...['ssh', '-tt', '-F', 'none', '-p', String(sshd.port), '-i', sshd.identity],
    ...['-o', `UserKnownHostsFile=${sshd.knownHosts}`, 'root@127.0.0.1'],
  ];
  const terminal = await Terminal.start(t, [...ssh, `${berth} init ${file}`], normal);
  await terminal.shows(/Where are the hosts\?/);
  await terminal.press('Up');
  await terminal.shows(/› ▸ node-1/);
  await onTo(terminal, 1);
  await terminal.shows(/1 did not/);
  await terminal.press('C-c');
  await terminal.shows(/Nothing was written(.|\n)*ended 130/);
});
