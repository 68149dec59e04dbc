import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { createTwoFilesPatch } from 'diff';
import { Fail } from '../../../src/core/fail.ts';
import { removeFromProfile, setInProfile, withEdit } from '../../../src/profile/edit-profile.ts';
import { profileOf, resolveSources } from '../../../src/profile/parse-profile.ts';
import type { ProfileSources, SourceText } from '../../../src/profile/profile.ts';

const sources = (
  ...files: readonly [file: string, text: string, role?: SourceText['role']][]
): ProfileSources => ({
  files: files.map(([file, text, role = 'profile']) => ({ file, text, role })),
  set: [],
  external: new Map(),
});

/** Lines that an edit takes away and brings, and no others. */
const changes = (
  from: ProfileSources,
  host: string | undefined,
  path: readonly (string | number)[],
  value: unknown,
): string[] => {
  const { file, text } = setInProfile(from, host, path, value);
  const before = from.files.find((one) => one.file === file)?.text ?? '';
  const patch = createTwoFilesPatch(file, file, before, text, '', '', { context: 0 });
  return [file, ...patch.split('\n').filter((line) => /^[-+](?![-+]{2})/.test(line))];
};

const shipped = sources([
  'single-node.yaml',
  readFileSync(new URL('../../../profiles/single-node.yaml', import.meta.url), 'utf8'),
]);

test('a value on a line is exchanged, and nothing else of the file: not even the distance of a comment', () => {
  assert.deepEqual(changes(shipped, 'node-1', ['spec', 'cni', 'networks', 0, 'masquerade'], 'plugin'), [
    'single-node.yaml',
    '-        masquerade: node',
    '+        masquerade: plugin',
  ]);
  assert.deepEqual(changes(shipped, 'node-1', ['spec', 'cni', 'networks', 0, 'subnets'], ['10.9.0.0/16']), [
    'single-node.yaml',
    '-        subnets: [10.88.0.0/16]                   # must be free in your network',
    '+        subnets: [10.9.0.0/16]                   # must be free in your network',
  ]);
});

test('a value that was a default gets its key, in the section that it belongs to', () => {
  assert.deepEqual(changes(shipped, 'node-1', ['spec', 'kernel', 'sysctls', 'vm.max_map_count'], 262144), [
    'single-node.yaml',
    '+    sysctls:',
    '+      vm.max_map_count: 262144',
  ]);
  const bare = sources(['a.yaml', 'hosts: # one\n  - name: a\n    local: {}\n']);
  assert.deepEqual(changes(bare, 'a', ['spec', 'policy', 'default'], 'reject'), [
    'a.yaml',
    '+spec:',
    '+  policy:',
    '+    default: reject',
  ]);
});

test('an entry of a list that stands nowhere brings the whole list', () => {
  const bare = sources(['a.yaml', 'hosts:\n  - name: a\n    local: {}\n']);
  const { text } = setInProfile(bare, 'a', ['spec', 'cni', 'networks', 0, 'subnets'], ['10.9.0.0/16']);
  const [host] = profileOf(resolveSources(sources(['a.yaml', text]))).hosts;
  assert.deepEqual(host?.spec.cni.networks, [
    { name: 'mynet', type: 'bridge', bridge: 'cni0', subnets: ['10.9.0.0/16'], masquerade: 'node' },
  ]);
});

const fleet = sources(
  ['base.yaml', 'spec:\n  kernel: { sysctls: { vm.swappiness: 1, kernel.panic: 1 } } # all\n', 'include'],
  [
    'fleet.yaml',
    `vars: { level: smoke }
groups:
  edge:
    spec:
      kernel:
        sysctls:
          vm.swappiness: 2   # edge
hosts:
  - { name: a, local: {}, groups: [edge] }
  - name: b
    local: {}
    spec: &own
      # of b alone
      policy: { default: reject }
  - { name: c, local: {}, spec: *own }
spec:
  verify:
    level: "\${level}"
`,
  ],
  ['prod.yaml', 'spec: { registries: { insecure: [a.example] } }\n', 'overlay'],
);

test('a value is edited where it lives: in an include, a group, a host or an overlay', () => {
  const sysctl = (host: string, name: string, value: number) =>
    changes(fleet, host, ['spec', 'kernel', 'sysctls', name], value);
  assert.deepEqual(sysctl('a', 'vm.swappiness', 9), [
    'fleet.yaml',
    '-          vm.swappiness: 2   # edge',
    '+          vm.swappiness: 9   # edge',
  ]);
  assert.deepEqual(sysctl('b', 'vm.swappiness', 9), [
    'base.yaml',
    '-  kernel: { sysctls: { vm.swappiness: 1, kernel.panic: 1 } } # all',
    '+  kernel: { sysctls: { vm.swappiness: 9, kernel.panic: 1 } } # all',
  ]);
  assert.deepEqual(changes(fleet, 'b', ['spec', 'policy', 'default'], 'accept'), [
    'fleet.yaml',
    '-      policy: { default: reject }',
    '+      policy: { default: accept }',
  ]);
  assert.deepEqual(changes(fleet, 'a', ['spec', 'registries', 'insecure'], ['a.example', 'b.example']), [
    'prod.yaml',
    '-spec: { registries: { insecure: [a.example] } }',
    '+spec: { registries: { insecure: [a.example, b.example] } }',
  ]);
});

test('what stands nowhere is said of the one host, and of no other', () => {
  const edited = setInProfile(fleet, 'a', ['spec', 'kernel', 'sysctls', 'fs.nr_open'], 7);
  assert.equal(edited.file, 'fleet.yaml');
  const [a, b] = profileOf(resolveSources(withEdit(fleet, edited))).hosts;
  assert.equal(a?.spec.kernel.sysctls['fs.nr_open'], '7');
  assert.equal(b?.spec.kernel.sysctls['fs.nr_open'], undefined);
});

test('several edits follow each other', () => {
  let now = fleet;
  for (const [name, value] of [
    ['vm.swappiness', 3],
    ['kernel.panic', 4],
    ['fs.nr_open', 5],
  ] as const)
    now = withEdit(now, setInProfile(now, 'a', ['spec', 'kernel', 'sysctls', name], value));
  const [a] = profileOf(resolveSources(now)).hosts;
  const sysctls: Readonly<Record<string, string>> = a?.spec.kernel.sysctls ?? {};
  assert.deepEqual(
    ['vm.swappiness', 'kernel.panic', 'fs.nr_open'].map((name) => sysctls[name]),
    ['3', '4', '5'],
  );
});

test('a value that comes through a variable or an alias is not edited, with the reason', () => {
  const refused = (host: string, path: readonly string[], value: unknown, why: RegExp) =>
    assert.throws(
      () => setInProfile(fleet, host, path, value),
      (error) => error instanceof Fail && error.code === 'BadUsage' && why.test(error.message),
    );
  refused('a', ['spec', 'verify', 'level'], 'node', /comes through a variable \(\$\{level\}\)/);
  refused('c', ['spec', 'policy', 'default'], 'accept', /comes through an alias/);
  refused('d', ['spec', 'policy', 'default'], 'accept', /fleet\.yaml has no host d/);
});

test('a value that is taken away leaves the lines and comments around it alone', () => {
  const text = `hosts:
  # the first
  - name: a # down
    ssh: { host: a.example, user: ops }   # one line
  # the second
  - name: b
    ssh:
      host: b.example
      port: 2222 # odd
spec: { swap: off } # because
`;
  const from = sources(['a.yaml', text]);
  const without = (path: readonly (string | number)[]): string | undefined =>
    removeFromProfile(from, path)?.text;
  assert.equal(without(['hosts', 1, 'ssh', 'port']), text.replace('      port: 2222 # odd\n', ''));
  assert.equal(without(['hosts', 1]), text.replace(/ {2}# the second\n(?:.*\n){4}/, ''));
  // A comment above the first entry may be about all of them: it stays.
  assert.equal(without(['hosts', 0]), text.replace(/ {2}- name: a.*\n.*\n/, ''));
  assert.equal(without(['hosts', 0, 'ssh', 'user']), text.replace(', user: ops }   #', ' } #'));
  assert.equal(without(['spec', 'crictl']), undefined, 'what stands nowhere is not taken away');
});

test('mappings that fill an empty list on a line stand below each other', () => {
  const from = sources([
    'a.yaml',
    'hosts: [{ name: a, local: {} }]\nspec: { registries: { mirrors: [] } }\n',
  ]);
  const { text } = setInProfile(
    from,
    undefined,
    ['spec', 'registries', 'mirrors'],
    [{ registry: 'docker.io', mirrors: ['m.example'] }],
  );
  assert.deepEqual(profileOf(resolveSources(sources(['a.yaml', text]))).hosts[0]?.spec.registries.mirrors, [
    { registry: 'docker.io', mirrors: ['m.example'] },
  ]);
  const block = sources([
    'a.yaml',
    'hosts: [{ name: a, local: {} }]\nspec:\n  registries:\n    mirrors: []\n',
  ]);
  assert.match(
    setInProfile(
      block,
      undefined,
      ['spec', 'registries', 'mirrors'],
      [{ registry: 'docker.io', mirrors: ['m.example'] }],
    ).text,
    /mirrors:\n {6}- registry: docker\.io\n/,
  );
});

test('a new key has the indentation of its neighbours, whatever that is, and so has what it brings', () => {
  const wide = sources([
    'a.yaml',
    `hosts:
    # one
    - name: a # down
      ssh:
          host: a.example
spec:
    engine:
        name: berth   # ours

    swap: off
`,
  ]);
  assert.deepEqual(changes(wide, 'a', ['spec', 'verify', 'level'], 'smoke'), [
    'a.yaml',
    '+    verify:',
    '+        level: smoke',
  ]);
  assert.deepEqual(changes(wide, 'a', ['spec', 'registries', 'insecure'], ['a.example']), [
    'a.yaml',
    '+    registries:',
    '+        insecure:',
    '+            - a.example',
  ]);
  assert.deepEqual(changes(wide, undefined, ['hosts', 0, 'ssh', 'port'], 22), [
    'a.yaml',
    '+          port: 22',
  ]);
  assert.deepEqual(changes(wide, undefined, ['hosts', 0, 'sudo'], false), ['a.yaml', '+      sudo: false']);
});

test('lines that end as on Windows do so after an edit too', () => {
  const text = 'hosts:\r\n  - name: a # one\r\n    local: {}\r\nspec:\r\n  swap: off  # why\r\n';
  const from = sources(['a.yaml', text]);
  const edited = setInProfile(from, 'a', ['spec', 'verify', 'level'], 'smoke');
  assert.equal(edited.text, `${text}  verify:\r\n    level: smoke\r\n`);
});

const ranges = (list: string) => `hosts:
- name: a
  local: {}
spec:
  cni:
    networks:
    - name: mynet
      subnets:
${list}      masquerade: node # why
`;

test('a list of lines keeps its comments and its columns when entries change or come', () => {
  const path = ['spec', 'cni', 'networks', 0, 'subnets'];
  const two = sources(['a.yaml', ranges('      - 10.88.0.0/16   # x\n      - fd00::/64 # six\n')]);
  assert.deepEqual(changes(two, undefined, path, ['10.89.0.0/16', 'fd00::/64']), [
    'a.yaml',
    '-      - 10.88.0.0/16   # x',
    '+      - 10.89.0.0/16   # x',
  ]);
  const one = sources(['a.yaml', ranges('      - 10.88.0.0/16   # x\n')]);
  assert.deepEqual(changes(one, undefined, path, ['10.88.0.0/16', 'fd00::/64']), [
    'a.yaml',
    '+      - fd00::/64',
  ]);
  assert.deepEqual(changes(two, undefined, path, ['fd00::/64']), ['a.yaml', '-      - 10.88.0.0/16   # x']);
  assert.deepEqual(changes(one, undefined, ['spec', 'registries', 'insecure'], ['a.example']), [
    'a.yaml',
    '+  registries:',
    '+    insecure:',
    '+    - a.example',
  ]);
});

test('what an alias elsewhere stands for is not taken away, with the reason', () => {
  const shared = sources([
    'a.yaml',
    `hosts:
  - name: a
    ssh:
      host: a.example
      user: &who ops
  - name: b
    ssh: { host: b.example, user: *who }
`,
  ]);
  for (const path of [
    ['hosts', 0, 'ssh', 'user'],
    ['hosts', 0],
  ])
    assert.throws(
      () => removeFromProfile(shared, path),
      (error) =>
        error instanceof Fail &&
        error.code === 'BadUsage' &&
        /the alias \*who stands for it/.test(error.message),
    );
  assert.doesNotThrow(() => removeFromProfile(shared, ['hosts', 1]));
});
