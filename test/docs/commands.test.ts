import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test from 'node:test';
import { makeProgram } from '../../src/cli/program.ts';
import { runCommand } from '../../src/core/command.ts';
import { artifactCache, Running } from '../e2e/berth.ts';
import { embeddedHost } from '../harness/embedded.ts';
import { commands } from './commands.ts';
import { fencedCommands } from './fenced-commands.ts';

const checkout = resolve(import.meta.dirname, '../..');

const pages = [
  'README.md',
  'bench/README.md',
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
      if (!/^[a-z][a-z-]*$/.test(name)) continue;
      const command = names.get(name);
      if (command === undefined) {
        // `berth 0.1` and the like are no commands, and neither is prose after the name of the program.
        if (name !== 'help') wrong.push(`${page}: ${span}`);
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

test('the commands that only read do on a real host what the pages say', async (t) => {
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
  const env = { PATH: `${join(checkout, 'src/cli')}:${process.env['PATH']}`, BERTH_CACHE: artifactCache };
  /** Pages call the same profile node.yaml and fleet.yaml, and name its only host or not: typed once is enough. */
  const typedTwins = new Set<string>();
  for (const [command, known] of Object.entries(commands)) {
    const twin = command
      .replace(/^src\/cli\//, '')
      .replace('node.yaml', 'fleet.yaml')
      .replace(' --hosts node-1', '');
    if (known.by !== 'typing' || typedTwins.has(twin)) continue;
    typedTwins.add(twin);
    await t.test(command, async () => {
      const typed = command.replace(/^src\/cli\//, '');
      const signal = AbortSignal.timeout(120_000);
      const options = { signal, cwd: folder, env, deadlineSeconds: 120 };
      const ran = await runCommand(['bash', '--noprofile', '--norc', '-c', typed], options);
      const text = `${ran.stdout}${ran.stderr}`;
      assert.ok((known.exitCodes ?? [0]).includes(ran.exitCode ?? -1), `exit code ${ran.exitCode}: ${text}`);
      assert.match(text, known.says);
    });
  }
});
