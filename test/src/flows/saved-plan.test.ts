import assert from 'node:assert/strict';
import test from 'node:test';
import { Fail } from '../../../src/core/fail.ts';
import { Secret } from '../../../src/core/secret.ts';
import {
  digestOfProfile,
  looksLikePlan,
  openChange,
  parsePlanFile,
  planFileText,
  savePlan,
} from '../../../src/flows/saved-plan.ts';
import { parseProfile } from '../../../src/profile/parse-profile.ts';
import type { Change, Content } from '../../../src/resources/change.ts';
import { factsOf } from '../resources/facts.ts';

const profileIn = (folder: string) =>
  parseProfile(
    `hosts: [{ name: a, local: {} }]\nspec: { artifacts: { folder: files } }\n`,
    `${folder}/p.yaml`,
  );

const program: Content = { kind: 'local-file', path: '/cache/sha256/abc', sha256: 'abc', bytes: 3 };
const text: Content = { kind: 'text', text: 'x\n' };
const secret = (value: string): Content => ({ kind: 'secret', text: new Secret(value) });

const write = (path: string, content: Content): Change => ({
  id: `file:${path}`,
  action: 'create',
  summary: `write ${path}`,
  tag: 'crictl',
  steps: [{ kind: 'write', path, content, mode: 0o644 }],
});

const changes = [
  write('/usr/bin/a', program),
  write('/etc/a', text),
  write('/etc/s', secret('a long secret')),
];
const saved = savePlan([{ facts: factsOf({}), plan: { host: 'a', changes, notes: ['n'] } }], {
  profile: profileIn('/one'),
  berth: '1.2.3',
  tags: undefined,
  now: new Date('2026-01-02T03:04:05Z'),
});
const file = planFileText(saved);

const failsWith = (code: string, message: RegExp, work: () => unknown): void =>
  assert.throws(work, (error) => error instanceof Fail && error.code === code && message.test(error.message));

test('a plan comes back from its file as it was, and holds neither secrets nor places of this machine', () => {
  assert.ok(looksLikePlan(file));
  assert.doesNotMatch(file, /a long secret|\/cache\//);
  assert.deepEqual(parsePlanFile(file, 'plan', '1.2.3'), JSON.parse(JSON.stringify(saved)));
  assert.equal(saved.hosts[0]?.changes[0]?.tag, 'crictl');
});

test('a profile is no plan, also where it is JSON', () => {
  assert.ok(!looksLikePlan('hosts: []\n'));
  assert.ok(!looksLikePlan('{ "apiVersion": "berth.dev/v1", "kind": "NodeProfile", "hosts": [] }'));
});

test('a file that is damaged anywhere is refused as such', () => {
  for (const cut of [200, 900, file.length - 3])
    failsWith('BadUsage', /damaged plan/, () => parsePlanFile(file.slice(0, cut), 'plan', '1.2.3'));
  failsWith('BadUsage', /damaged plan/, () =>
    parsePlanFile(file.replace('"/etc/a"', '"/etc/b"'), 'plan', '1.2.3'),
  );
  failsWith('BadUsage', /made by berth 1\.2\.3; this is berth 2\.0\.0/, () =>
    parsePlanFile(file, 'plan', '2.0.0'),
  );
});

test('contents are put back in their places when they are what they were', () => {
  const plan = parsePlanFile(file, 'plan', '1.2.3');
  const elsewhere: Content = { ...program, path: '/other/cache/abc' };
  const now = new Map<string, Content>([
    ['/usr/bin/a', elsewhere],
    ['/etc/a', text],
    ['/etc/s', secret('a long secret')],
  ]);
  const opened = plan.hosts[0]?.changes.map((change) => openChange(change, plan, now));
  const contents = opened?.flatMap(({ steps }) =>
    steps.flatMap((step) => ('content' in step ? [step.content] : [])),
  );
  assert.deepEqual(contents?.slice(0, 2), [elsewhere, text]);
  const [, , last] = contents ?? [];
  assert.ok(last?.kind === 'secret' && last.text.reveal() === 'a long secret');
});

test('a program that cannot be had, another secret and another template are refused', () => {
  const plan = parsePlanFile(file, 'plan', '1.2.3');
  const open = (index: number, path: string, content: Content) => () => {
    const change = plan.hosts[0]?.changes[index];
    assert.ok(change);
    openChange(change, plan, new Map([[path, content]]));
  };
  failsWith(
    'ChecksumMismatch',
    /\/usr\/bin\/a with sha256 abc/,
    open(0, '/usr/bin/a', { ...program, sha256: 'abd' }),
  );
  failsWith('HostMoved', /\/etc\/a would be today/, open(1, '/etc/a', { kind: 'text', text: 'y\n' }));
  failsWith('HostMoved', /secret content of \/etc\/s/, open(2, '/etc/s', secret('another secret')));
});

test('the digest of a profile says what it means, wherever the checkout lies', () => {
  assert.equal(digestOfProfile(profileIn('/one')), digestOfProfile(profileIn('/some/where/else')));
  const other = parseProfile(
    'hosts: [{ name: a, local: {} }]\nspec: { policy: { default: reject } }\n',
    '/one/p.yaml',
  );
  assert.notEqual(digestOfProfile(profileIn('/one')), digestOfProfile(other));
});
