import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { parse as parseToml } from 'smol-toml';
import { parse as parseYaml } from 'yaml';
import { parseSysctls, parseUnitFile } from '../../../src/node/parsers.ts';
import { quoting } from '../../../src/node/quoting.ts';
import { loadTemplates } from '../../../src/node/templates.ts';

/** What breaks quoting somewhere, to be strung together. */
const pieces = [
  ...[
    '"',
    "'",
    '\\',
    '\\\\',
    '`',
    '$',
    '$(reboot)',
    '${HOME}',
    '%',
    '%n',
    '#',
    ';',
    '=',
    '[',
    ']',
    '{',
    '}',
    '{{x}}',
  ],
  ...[
    '\n',
    '\r\n',
    '\t',
    ' ',
    '  ',
    '\u0000',
    '\u001b[2J',
    '\u007f',
    '\u0085',
    '\u2028',
    '\u2029',
    '\ufeff',
    '\u202e',
  ],
  ...[
    'é',
    '日本',
    '😀',
    '-n',
    '--',
    '/*',
    '*/',
    '<!--',
    'a',
    'Z',
    '0',
    'null',
    'true',
    ': ',
    '- ',
    '&a',
    '*a',
    '!',
    '|',
    '>',
  ],
  ...[
    '\n[Service]\nExecStart=/bin/false',
    '"\n[evil]\nx = "',
    "'; reboot; '",
    '\\u0000',
    '\\"',
    "'''",
    '"""',
    '\n...\n---\n',
  ],
];

/** A linear congruential generator: the same strings in each run, so that a failure can be looked at again. */
function* hostileStrings(count: number): Generator<string> {
  let state = 20261125;
  const next = (below: number): number => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return Math.floor((state / 2 ** 32) * below);
  };
  yield* pieces;
  for (let made = 0; made < count; made++) {
    yield Array.from({ length: 1 + next(6) }, () => pieces[next(pieces.length)] ?? '').join('');
  }
}

const helper = (name: string, value: unknown): string => {
  const quoted = quoting[name];
  assert.ok(quoted, name);
  return quoted(value);
};

const refused = (name: string, value: string): boolean => {
  try {
    helper(name, value);
    return false;
  } catch {
    return true;
  }
};

const count = 3000;
const controls = /[\u0000-\u0008\u000a-\u001f\u007f]/;

test('a value comes back from JSON, TOML and YAML as it went in, alone and in a list', () => {
  for (const value of hostileStrings(count)) {
    assert.equal(JSON.parse(`{"x": ${helper('json', value)}}`).x, value);
    assert.deepEqual(JSON.parse(JSON.stringify(parseToml(`x = ${helper('toml', value)}\ny = 1\n`))), {
      x: value,
      y: 1,
    });
    assert.deepEqual(parseYaml(`x: ${helper('yaml', value)}\ny: 1\n`), { x: value, y: 1 });
    assert.deepEqual(parseYaml(`x: ${helper('yaml', [value, 'z'])}\n`), { x: [value, 'z'] });
    assert.deepEqual(JSON.parse(JSON.stringify(parseToml(`x = ${helper('toml', [value, 'z'])}\n`))), {
      x: [value, 'z'],
    });
  }
});

test('a value in a unit file is one word on one line, or refused', () => {
  for (const value of hostileStrings(count)) {
    if (controls.test(value)) {
      assert.ok(refused('systemd', value), JSON.stringify(value));
      continue;
    }
    const unit = parseUnitFile(`[Service]\nEnvironment=${helper('systemd', value)}\nType=simple\n`);
    const [environment, ...rest] = unit.get('Service') ?? [];
    assert.deepEqual([environment?.[0], rest, unit.size], ['Environment', [['Type', 'simple']], 1]);
    assert.equal(wordOf(environment?.[1] ?? ''), value);
  }
});

/** systemd.syntax(7) and systemd.unit(5): quotes, escapes, specifiers, variables. */
const wordOf = (quoted: string): string => {
  assert.match(quoted, /^"(?:[^"\\]|\\["\\])*"$/);
  const inner = quoted.slice(1, -1).replace(/\\(["\\])/g, '$1');
  assert.doesNotMatch(inner.replaceAll('%%', '').replaceAll('$$', ''), /[%$]/);
  return inner.replaceAll('%%', '%').replaceAll('$$', '$');
};

test('a value in a format without quoting stays on its line, or is refused', () => {
  for (const value of hostileStrings(count)) {
    if (controls.test(value)) {
      assert.ok(refused('line', value), JSON.stringify(value));
      continue;
    }
    const text = helper('line', value);
    if (text !== '')
      assert.deepEqual(
        [...parseSysctls(`a.b = ${text}\nc.d = 1\n`)],
        [
          ['a.b', text],
          ['c.d', '1'],
        ],
      );
  }
});

test('a value in a script is one argument of a real shell', () => {
  const values = [...hostileStrings(300)].filter((value) => !value.includes('\u0000'));
  const script = values.map((value) => `printf '%s\\0' ${helper('sh', value)}`).join('\n');
  const output = execFileSync('sh', ['-s'], { input: script, encoding: 'utf8' });
  assert.deepEqual(output.split('\0').slice(0, -1), values);
  assert.ok(refused('sh', 'a\u0000b'));
});

test('what becomes a part of a name is a word, or refused', () => {
  for (const value of hostileStrings(count)) {
    assert.equal(refused('word', value), !/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(value), JSON.stringify(value));
  }
});

test("berth's own templates take hostile values as values, or refuse them", async () => {
  const render = await loadTemplates();
  for (const value of hostileStrings(300)) {
    const registries = parseToml(
      render('/etc/containers/registries.conf.d/zz-berth.conf', {
        unqualifiedSearch: [value],
        registries: [
          { prefix: value, insecure: true, blocked: false, mirrors: [{ location: value, insecure: false }] },
        ],
      }),
    );
    assert.deepEqual(JSON.parse(JSON.stringify(registries)), {
      'unqualified-search-registries': [value],
      registry: [{ prefix: value, location: value, insecure: true, mirror: [{ location: value }] }],
    });
    const sysctls = () => render('/etc/sysctl.d/90-berth.conf', { sysctls: [{ key: 'vm.x', value }] });
    if (controls.test(value) || value.trim() === '') assert.throws(sysctls);
    else assert.deepEqual([...parseSysctls(sysctls())], [['vm.x', value.trim()]]);
  }
});

const folderWith = (t: { after(release: () => void): void }, files: Record<string, string>): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-templates-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
};

test('a name that means nothing is an error with the template and its line, wherever it stands', async (t) => {
  const uses = [
    '{{missing}}',
    '{{spec.missing}}',
    '{{json missing}}',
    '{{sh spec.missing}}',
    '{{#if missing}}x{{/if}}',
  ];
  const more = [
    '{{#each missing}}x{{/each}}',
    '{{#unless spec.missing}}x{{/unless}}',
    '{{#with missing}}x{{/with}}',
    '{{unknown spec}}',
  ];
  for (const use of [...uses, ...more]) {
    const render = await loadTemplates(folderWith(t, { 'file.txt.hbs': `one\ntwo\n${use}\n` }));
    assert.throws(
      () => render('/file.txt', { spec: {} }),
      (error) => error instanceof Error && /file\.txt\.hbs:3: /.test(error.message),
      use,
    );
  }
});

test('what a template makes is read by the parser of its format before it goes anywhere', async (t) => {
  const broken: Record<string, [text: string, said: RegExp]> = {
    'a.toml': ['x = 1\ny = oops\n', /line 2/],
    'a.json': ['{\n  "x": 1\n  "y": 2 }', /line 3/],
    'a.yaml': ['x: 1\n y: [\n', /not valid/],
    'a.service': ['[Service]\nExecStart\n', /line 2/],
    'a.env': ['A=1\nB C=2\n', /line 2/],
  };
  for (const [name, [text, said]] of Object.entries(broken)) {
    const render = await loadTemplates(folderWith(t, { [`${name}.hbs`]: text }));
    assert.throws(
      () => render(`/${name}`, {}),
      (error) => error instanceof Error && error.message.includes(`${name}.hbs`) && said.test(error.message),
      name,
    );
  }
  await assert.rejects(
    loadTemplates(folderWith(t, { 'a.conf.hbs': 'x\n{{#if y}}\n' })),
    /a\.conf\.hbs:\d+: is no template/,
  );
});
