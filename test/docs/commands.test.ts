import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test, { type TestContext } from 'node:test';
import { makeProgram } from '../../src/cli/program.ts';
import { runCommand } from '../../src/core/command.ts';
import { artifactCache, Running } from '../e2e/berth.ts';
import { embeddedHost } from '../harness/embedded.ts';
import { Terminal } from '../harness/terminal.ts';
import { commands } from './commands.ts';
import { fencedCommands } from './fenced-commands.ts';

const checkout = resolve(import.meta.dirname, '../..');

const pages = [
  'README.md',
  'bench/README.md',
  'vagrant/README.md',
  ...readdirSync(join(checkout, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

const textOf = (page: string): string => readFileSync(join(checkout, page), 'utf8');

const fenced = pages.flatMap((page) => fencedCommands(page, textOf(page)));

test('every command in the documentation is run by a test, or it is said why none can', () => {
  const unknown = fenced.filter(({ command }) => !Object.hasOwn(commands, command));
  assert.deepEqual(unknown, [], 'give these commands an entry in test/docs/commands.ts');
  const used = new Set(fenced.map(({ command }) => command));
  const left = Object.keys(commands).filter((command) => !used.has(command));
  assert.deepEqual(left, [], 'no page has these commands any more: take them out of test/docs/commands.ts');
});

test('the tests that run commands of the documentation are there', () => {
  for (const [command, known] of Object.entries(commands)) {
    if (known.by === 'test') assert.ok(textOf(known.file).includes(known.words), `${command}: ${known.file}`);
    if (known.by === 'nobody') assert.ok(known.why.length > 20, command);
  }
});

test('commands and options of berth that pages name in passing exist', async () => {
  const program = await makeProgram(() => undefined);
  const names = new Map(program.commands.map((command) => [command.name(), command]));
  const wrong: string[] = [];
  for (const page of pages) {
    for (const [, span = ''] of textOf(page).matchAll(/`(berth [^`]+)`/g)) {
      const [, name = '', ...words] = span.split(/\s+/);
      // `berth 0.1` and the like are no commands.
      if (!/^[a-z][a-z-]*$/.test(name)) continue;
      const command = names.get(name);
      if (command === undefined) {
        wrong.push(`${page}: ${span}`);
        continue;
      }
      const options = [command, ...command.commands].flatMap((one) => one.options.map(({ long }) => long));
      const own = words.slice(0, words.includes('--') ? words.indexOf('--') : undefined);
      for (const option of own
        .map((word) => word.split('=')[0] ?? '')
        .filter((word) => word.startsWith('--')))
        if (option !== '--help' && !options.includes(option)) wrong.push(`${page}: ${span}`);
    }
  }
  assert.deepEqual(wrong, []);
});

/** What of the table is typed: everything, but a command that another one is but for its names only once. */
const typed = Object.entries(commands).flatMap(([command, known]) =>
  known.by === 'typing' ? [{ command: command.replace(/^src\/cli\//, ''), ...known }] : [],
);

/** Pages call the same profile node.yaml and fleet.yaml, and name its only host or not. */
const twinOf = (command: string): string =>
  command.replace('node.yaml', 'fleet.yaml').replace(' --hosts node-1', '');

const onceEach = <Typed extends { readonly command: string }>(all: readonly Typed[]): readonly Typed[] => [
  ...new Map(all.map((one) => [twinOf(one.command), one])).values(),
];

/** In an order that makes sense: back, back again, and away. */
const changing = [
  'berth rollback node.yaml',
  'berth rollback fleet.yaml --hosts node-1',
  'berth reset node.yaml',
];

test('the commands of the pages do on a real host what the pages say', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-commands-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t);
  copyFileSync(host.ssh.knownHostsFiles[0] ?? '', join(folder, 'known_hosts'));
  const profile = `groups: { canary: {} }
hosts:
  - name: node-1
    ssh: { host: ${host.ssh.host}, user: root, identityFiles: [${host.ssh.identityFiles[0]}], knownHostsFiles: [known_hosts] }
    groups: [canary]
spec:
  artifacts: { source: go }
  verify: { level: smoke }
`;
  for (const name of ['node.yaml', 'fleet.yaml']) writeFileSync(join(folder, name), profile);
  const applied = await new Running(['apply', join(folder, 'node.yaml'), '--yes']).ended;
  assert.equal(applied.exitCode, 0, applied.output);
  const env = {
    PATH: `${join(checkout, 'src/cli')}:${process.env['PATH']}`,
    BERTH_CACHE: artifactCache,
    XDG_STATE_HOME: folder,
  };
  const shell = ['bash', '--noprofile', '--norc', '-c'];

  for (const { command, says, exitCodes } of onceEach(typed.filter(({ terminal }) => terminal === undefined)))
    await t.test(command, async () => {
      const options = { signal: AbortSignal.timeout(120_000), cwd: folder, env, deadlineSeconds: 120 };
      const ran = await runCommand([...shell, command], options);
      const text = `${ran.stdout}${ran.stderr}`;
      assert.ok((exitCodes ?? [0]).includes(ran.exitCode ?? -1), `exit code ${ran.exitCode}: ${text}`);
      assert.match(text, says);
    });

  /** What stands on the terminal in the end. */
  const typeOn = async (t: TestContext, command: string, answer?: string): Promise<string> => {
    const size = { columns: 120, rows: 40 };
    const terminal = await Terminal.start(t, [...shell, command], { ...size, env, cwd: folder });
    if (answer !== undefined) {
      await terminal.shows(/\[y\/N\]/, 120);
      await terminal.press(answer, 'Enter');
    }
    await terminal.shows(/^ended \d+$/m, 120);
    return await terminal.scrollback();
  };

  for (const { command, says } of onceEach(typed.filter(({ terminal }) => terminal === 'silent')))
    await t.test(command, async (t) => {
      const text = await typeOn(t, command);
      assert.match(text, says);
      assert.match(text, /^ended 0$/m);
    });

  const asking = typed.filter(({ terminal }) => terminal === 'asks');
  assert.deepEqual(new Set(asking.map(({ command }) => twinOf(command))), new Set(changing.map(twinOf)));
  for (const wanted of changing)
    await t.test(`${wanted}, with a yes`, async (t) => {
      const text = await typeOn(t, wanted, 'y');
      assert.match(text, asking.find(({ command }) => command === wanted)?.says ?? assert.fail(wanted));
      assert.match(text, /^ended 0$/m);
    });
});
