import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { Terminal } from '../../harness/terminal.ts';
import { berth, runBerth } from './run-berth.ts';

/** A folder with a profile, the script of a shell, and berth on the search path as people have it. */
const stage = async (t: TestContext, shell: string) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-complete-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  symlinkSync(berth, join(folder, 'berth'));
  writeFileSync(
    join(folder, 'fleet.yaml'),
    `include: [nothing.yaml]
groups: { edge: {} }
hosts:
  - { name: alpha, groups: [edge, far], ssh: { host: 192.0.2.1 } }
  - { name: beta, ssh: { host: 192.0.2.2 } }
`,
  );
  const script = await runBerth(['completion', shell]);
  assert.equal(script.exitCode, 0, script.stderr);
  writeFileSync(join(folder, 'script'), script.stdout);
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` };
  return { folder, env };
};

/** What is typed, and what must be among the answers, and what must not. */
const cases: readonly (readonly [line: string, wanted: readonly string[], unwanted: readonly string[]])[] = [
  ['berth ve', ['verify', 'version'], ['plan']],
  ['berth verify --le', ['--level'], ['--hosts']],
  ['berth verify --level ', ['smoke', 'node', 'full'], ['fleet.yaml']],
  ['berth plan fl', ['fleet.yaml'], ['script']],
  ['berth plan fleet.yaml --hosts ', ['alpha', 'beta', 'edge', 'far'], []],
  ['berth plan fleet.yaml --hosts alpha,b', ['alpha,beta'], ['alpha,alpha']],
  ['berth plan --tags kernel,cn', ['kernel,cni'], []],
  ['berth lock --arch x64,a', ['x64,arm64'], []],
  ['berth completion ', ['bash', 'zsh', 'fish'], ['fleet.yaml']],
  ['berth help ver', ['verify'], ['plan']],
  ['berth help hosts ', ['create', 'delete'], ['plan', 'fleet.yaml', 'local-up-cluster']],
];

/** What is typed, and what stands on the line after Tab and one more letter: only a list may go on with a comma. */
const single: readonly (readonly [line: string, completed: string])[] = [
  ['berth verify fleet.yaml --level fu', 'berth verify fleet.yaml --level full x'],
  ['berth bundle fleet.yaml --compress gz', 'berth bundle fleet.yaml --compress gzip x'],
  ['berth export fleet.yaml --arch ar', 'berth export fleet.yaml --arch arm64 x'],
  ['berth explain fleet.yaml spec --host al', 'berth explain fleet.yaml spec --host alpha x'],
  ['berth ssh -p fleet.yaml al', 'berth ssh -p fleet.yaml alpha x'],
  ['berth errors HostKeyC', 'berth errors HostKeyChanged x'],
  ['berth kubernetes local', 'berth kubernetes local-up-cluster x'],
  ['berth completion ba', 'berth completion bash x'],
  ['berth help explai', 'berth help explain x'],
  ['berth help hosts cre', 'berth help hosts create x'],
  ['berth verify fleet.yaml --level=fu', 'berth verify fleet.yaml --level=full x'],
  ['berth export fleet.yaml --arch=ar', 'berth export fleet.yaml --arch=arm64 x'],
  ['berth explain fleet.yaml spec --host=al', 'berth explain fleet.yaml spec --host=alpha x'],
];

/** A second value where one alone can stand. */
const tooMany = [
  ['berth verify --level full,s', 'full,smoke'],
  ['berth ssh -p fleet.yaml alpha,b', 'alpha,beta'],
  ['berth errors Locked,Fet', 'Locked,Fetch'],
] as const;

const check = (answers: readonly string[], [line, wanted, unwanted]: (typeof cases)[number]): void => {
  for (const word of wanted) assert.ok(answers.includes(word), `${line} has not ${word}: ${answers}`);
  for (const word of unwanted) assert.ok(!answers.includes(word), `${line} has ${word}: ${answers}`);
};

test('bash knows commands, options, values, files and names of hosts', async (t) => {
  const { folder, env } = await stage(t, 'bash');
  // What bash does when Tab is pressed, but for the terminal: compopt works within a completion alone.
  const ask = `source ./script; compopt() { :; }
    read -r -a COMP_WORDS <<<"$1"; [[ $1 == *' ' ]] && COMP_WORDS+=('')
    COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _berth; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const answersTo = (line: string): string[] =>
    execFileSync('bash', ['--norc', '-c', ask, 'bash', line], { cwd: folder, env })
      .toString()
      .trim()
      .split('\n');
  for (const one of cases) check(answersTo(one[0]), one);
  for (const [line, answer] of tooMany) check(answersTo(line), [line, [], [answer]]);
  const split = `source ./script; COMP_WORDS=(berth verify --level = sm); COMP_CWORD=4; _berth; echo "$COMPREPLY"`;
  const answer = execFileSync('bash', ['--norc', '-c', split], { cwd: folder, env }).toString();
  assert.equal(answer, 'smoke\n', '--level=sm');
});

test('fish completes the same', async (t) => {
  const { folder, env } = await stage(t, 'fish');
  const script = 'source ./script; complete -C $argv[1]';
  const answersTo = (line: string): string[] =>
    execFileSync('fish', ['--no-config', '-c', script, line], { cwd: folder, env })
      .toString()
      .split('\n')
      .map((answer) => answer.split('\t')[0] ?? '');
  for (const one of cases) check(answersTo(one[0]), one);
  for (const [line, answer] of tooMany) check(answersTo(line), [line, [], [answer]]);
});

/** How a person sits before a shell: what makes it show all answers at once, and be still about everything else. */
const seats = {
  bash: {
    argv: ['bash', '--norc', '--noprofile', '-i'],
    setUp:
      "PS1='$ '; bind 'set show-all-if-ambiguous on'; bind 'set enable-bracketed-paste off'; source ./script",
  },
  zsh: {
    argv: ['zsh', '-f'],
    setUp:
      "PS1='$ '; autoload -U compinit; compinit -u -d ./dump; source ./script; setopt no_list_ambiguous no_automenu",
  },
};

for (const [shell, { argv, setUp }] of Object.entries(seats))
  test(`${shell} completes the same on a terminal when Tab is pressed`, async (t) => {
    const { folder, env } = await stage(t, shell);
    const size = { columns: 120, rows: 50 };
    const terminal = await Terminal.start(t, argv, { ...size, cwd: folder, env: { PATH: env.PATH } });
    await terminal.press('-l', `${setUp}; echo re''ady`);
    await terminal.press('Enter');
    await terminal.shows(/^ready$/m);
    // zsh ends an option that takes a value with the sign that parts them, which goes when a blank is typed.
    for (const [line, wanted] of cases) {
      // Not C-c: a signal may overtake what is typed after it, and take that away too.
      await terminal.press('C-u');
      await terminal.press('C-l');
      await terminal.press('-l', line);
      await terminal.press('Tab');
      // Where there is one answer it is on the line, else all stand below it.
      const words = wanted.map((word) => word.split(',').at(-1) ?? '');
      const screen = await terminal.shows(new RegExp(`(^|[\\s,])${words.at(-1)}([\\s,=]|$)`, 'm'), 15);
      const answers = screen.split(/\s+/).flatMap((word) => [word, ...word.split(/[,=]/)]);
      check(answers, [line, words, []]);
    }
    for (const [line, completed] of single) {
      await terminal.press('C-u');
      await terminal.press('C-l');
      await terminal.press('-l', line);
      await terminal.press('Tab');
      await terminal.press('x');
      await terminal.shows(new RegExp(`^\\$ ${completed}$`, 'm'), 15);
    }
  });

test('names for a completion come without running what the profile names', async (t) => {
  const { folder, env } = await stage(t, 'bash');
  const file = join(folder, 'p.yaml');
  writeFileSync(
    file,
    `vars: { a: { command: [touch, ${join(folder, 'ran')}] } }
hosts: [{ name: "$(touch x)" }, { name: good }]
`,
  );
  const names = await runBerth(['completion', '--hosts-of', file], { env });
  assert.equal(names.stdout, 'good\n');
  assert.throws(() => execFileSync('ls', [join(folder, 'ran')], { stdio: 'ignore' }));
  const none = await runBerth(['completion', '--hosts-of', join(folder, 'nothing.yaml')], { env });
  assert.deepEqual([none.exitCode, none.stdout], [0, '\n']);
});

test('a completion without a shell says which there are', async () => {
  const ran = await runBerth(['completion']);
  assert.equal(ran.exitCode, 10);
  assert.match(ran.stderr, /name one of bash, zsh, fish/);
});
