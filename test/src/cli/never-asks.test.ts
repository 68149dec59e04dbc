import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { Command } from 'commander';
import { makeProgram } from '../../../src/cli/program.ts';
import { berth, runBerth } from './run-berth.ts';

/** A profile of a host that nobody reaches, whose sudo password a person would have to type. */
const profileFor = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-asks-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'p.yaml');
  writeFileSync(
    file,
    'hosts: [{ name: a, ssh: { host: 127.0.0.1, port: 1, password: { prompt: true }, identityFiles: [] } }]\n',
  );
  return file;
};

/** What makes these ask at all. */
const asking: Readonly<Record<string, readonly string[]>> = { doctor: ['--fix'], verify: ['--reboot'] };

/** Every command that takes an answer in advance, with the words that lead to it. */
const asked = (command: Command, before: readonly string[] = []): string[][] =>
  command.commands.flatMap((one) => {
    const words = [...before, one.name()];
    const asks = one.options.some(({ long }) => long === '--yes');
    return [...(asks ? [words] : []), ...asked(one, words)];
  });

test('each command that asks refuses to where nobody can answer, and names the option that answers', async (t) => {
  const file = profileFor(t);
  const commands = asked(await makeProgram(() => undefined));
  for (const name of ['apply', 'rollback', 'reset', 'doctor', 'verify'])
    assert.ok(
      commands.some(([first]) => first === name),
      name,
    );
  for (const words of commands) {
    const ran = await runBerth([...words, file, ...(asking[words[0] ?? ''] ?? [])]);
    assert.equal(ran.exitCode, 10, `${words.join(' ')}: ${ran.stdout}${ran.stderr}`);
    assert.match(ran.stderr, /\[BadUsage\]\nhint: .*--yes/, words.join(' '));
  }
});

test('--ci asks nothing on a terminal either', (t) => {
  const file = profileFor(t);
  // util-linux's script gives it a terminal.
  const typed = (args: string): string =>
    spawnSync('script', ['-qec', `'${berth}' ${args}`, '/dev/null'], { encoding: 'utf8', input: 'y\n' })
      .stdout;
  assert.match(typed(`apply '${file}' --ci`), /there is no terminal to ask on before hosts are changed/);
  assert.match(typed(`apply '${file}' --json`), /there is no terminal to ask on before hosts are changed/);
});

test('a secret that a person would have to type is refused with the sources that need none', async () => {
  // The host answers, or the password would not be needed.
  const source = `import { secretReader } from '${new URL('../../../src/cli/secrets.ts', import.meta.url)}';
    const read = secretReader([], { signal: AbortSignal.timeout(5000), mayAsk: false, suspend: (task) => task() });
    await read({ kind: 'prompt' }, 'password of a').catch(({ code, message, hint }) => console.log(code, message, hint));`;
  const said = execFileSync(process.execPath, [
    '--input-type=module-typescript',
    '--no-warnings',
    '-e',
    source,
  ]);
  assert.match(
    String(said),
    /BadUsage password of a: .*--ci forbids questions name a file or an environment/,
  );
});
