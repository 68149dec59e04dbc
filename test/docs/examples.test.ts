import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test, { type TestContext } from 'node:test';
import { loadConfig } from '../../runtime/config/load.ts';
import { makeProgram } from '../../src/cli/program.ts';
import { loadProfile } from '../../src/profile/load-profile.ts';

const checkout = resolve(import.meta.dirname, '../..');

const pages = ['README.md', ...readdirSync(join(checkout, 'docs')).map((name) => `docs/${name}`)].filter(
  (name) => name.endsWith('.md'),
);

interface Example {
  readonly page: string;
  readonly text: string;
}

/** Blocks of a language, without those that say that they are a part of something. */
const blocksOf = (language: string): readonly Example[] =>
  pages.flatMap((page) =>
    [
      ...readFileSync(join(checkout, page), 'utf8').matchAll(
        new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'),
      ),
    ].map(([, text = '']) => ({ page, text })),
  );

/** What a reader pipes into a file. */
const documentsIn = (): readonly Example[] =>
  blocksOf('sh').flatMap(({ page, text }) =>
    [...text.matchAll(/<<'YAML'\n(.*?)^YAML$/gms)].map(([, inside = '']) => ({ page, text: inside })),
  );

const emptyFolder = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-examples-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

test('each profile in the documentation is valid', async (t) => {
  const folder = emptyFolder(t);
  process.env['REGION'] = 'eu';
  t.after(() => delete process.env['REGION']);
  const examples = [...blocksOf('yaml'), ...documentsIn()].filter(({ text }) => /^hosts:/m.test(text));
  assert.ok(
    new Set(examples.map(({ page }) => page)).size >= 5,
    'README, get-started, profile, kubernetes, clouds',
  );
  const file = join(folder, 'profile.yaml');
  for (const { page, text } of examples)
    await t.test(`${page}: ${text.split('\n').find((line) => !line.startsWith('#'))}`, async () => {
      writeFileSync(file, text);
      await loadProfile(file);
    });
});

test('each crio.conf in the documentation is one that berthd reads', async (t) => {
  const examples = blocksOf('toml');
  assert.ok(examples.length >= 2);
  for (const { page, text } of examples)
    await t.test(`${page}: ${text.split('\n')[0]}`, async (t) => {
      const folder = emptyFolder(t);
      mkdirSync(join(folder, 'none'));
      // Handlers need not be on this machine, but a node has one.
      const handler = '[crio.runtime.runtimes.any]\nruntime_path = "/bin/sh"\n';
      writeFileSync(join(folder, 'crio.conf'), `${text}${handler}`);
      writeFileSync(join(folder, 'policy.json'), '{"default":[{"type":"reject"}]}');
      const { ignored } = await loadConfig({
        file: join(folder, 'crio.conf'),
        dropInDir: join(folder, 'none'),
        registriesFile: join(folder, 'none', 'registries.conf'),
        registriesDir: join(folder, 'none'),
        signaturesDir: join(folder, 'none'),
        policyFile: join(folder, 'policy.json'),
      });
      assert.deepEqual(
        ignored.filter((line) => /: crio\./.test(line)),
        [],
      );
    });
});

/** The command lines among the examples of a help, without what is said to people. */
const exampleLines = (help: string): readonly string[] => {
  const [, examples = ''] = help.split(/^Examples?:$/m);
  return examples
    .replace(/ \\\n */g, ' ')
    .split('\n')
    .flatMap((line) => line.split(/ && (?=berth )/).map((part, index) => (index === 0 ? part : `  ${part}`)))
    .flatMap((line) => /^ {2}(?:source <\()?(berth(?: .*)?)$/.exec(line)?.[1] ?? [])
    .map((line) => line.replace(/ {2,}.*$/, '').replace(/\)$| > .*$/, ''));
};

const unquoted = (word: string): string => word.replace(/^(['"])(.*)\1$/, '$2');

test('each example of the help is a command line that berth takes', async (t) => {
  const helped = await makeProgram(() => undefined);
  const all = [helped, ...helped.commands, ...helped.commands.flatMap(({ commands }) => commands)];
  const lines = all.flatMap((command) => {
    let help = '';
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    const found = exampleLines(help);
    assert.ok(found.length > 0, `${command.name()} has examples`);
    return found;
  });
  assert.ok(lines.length > 50, String(lines.length));
  for (const line of new Set(lines))
    await t.test(line, async () => {
      const program = await makeProgram(() => undefined);
      for (const command of program.commands)
        for (const one of [command, ...command.commands]) one.action(() => undefined);
      const words = line.match(/'[^']*'|\S+/g)?.slice(1) ?? [];
      if (words.length > 0) await program.parseAsync(words.map(unquoted), { from: 'user' });
    });
});

test('the README counts the specs of critest as the list of those that do not pass does', () => {
  const readme = readFileSync(join(checkout, 'README.md'), 'utf8');
  const expected = readFileSync(join(checkout, 'test/critest/expected.md'), 'utf8');
  const rows = expected.split('\n').filter((line) => /\| (failed|skipped) \|/.test(line));
  const [, all, passed, confined] = /Of the (\d+) .*?, (\d+) pass .*; (\d+) want AppArmor/.exec(readme) ?? [];
  assert.equal(Number(passed), Number(all) - rows.length);
  assert.equal(Number(confined), rows.filter((line) => line.includes('| without AppArmor |')).length);
});
