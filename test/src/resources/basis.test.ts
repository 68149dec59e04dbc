import assert from 'node:assert/strict';
import test from 'node:test';
import { basisOf, digestOfBasis, movedBetween, movedText } from '../../../src/resources/basis.ts';
import { factsOf, type ShortFacts } from './facts.ts';

const sealed = (text: string): string => `sealed ${text.length}`;
const basis = (short: ShortFacts) => basisOf(factsOf(short), sealed);

const host: ShortFacts = {
  files: { '/etc/a': { text: 'x\n', changedAt: 1000 }, '/etc/key': { text: 'guess me\n', mode: '600' } },
  packages: { runc: { state: 'installed', version: '1.1.5' } },
  units: {
    'd.service': { activeState: 'active', startedAt: 1000, mainProcess: { pid: 7, executable: '/r/1/node' } },
  },
  sysctls: { 'net.ipv4.ip_forward': { value: '1' } },
  clock: 2000,
  listsAgeSeconds: 10,
};

test('what moves by itself is not part of what a plan was decided from', () => {
  const later: ShortFacts = {
    ...host,
    files: { ...host.files, '/etc/a': { text: 'x\n', changedAt: 1500 } },
    units: {
      'd.service': {
        activeState: 'active',
        startedAt: 1600,
        mainProcess: { pid: 8, executable: '/r/1/node' },
      },
    },
    clock: 3000,
    listsAgeSeconds: 1010,
  };
  const facts = factsOf(later);
  const memoryBytes = { total: facts.system.memoryBytes.total, available: 1 };
  const now = basisOf({ ...facts, system: { ...facts.system, memoryBytes, unpacks: 'zstd' } }, sealed);
  assert.deepEqual(movedBetween(basis(host), now), []);
  assert.equal(digestOfBasis(now), digestOfBasis(basis(host)));
});

test('what a plan was decided from is told by topic and key, from what to what', () => {
  const moved: ShortFacts = {
    ...host,
    files: { '/etc/key': { text: 'guess me\n', mode: '600' }, '/etc/b': { link: '/etc/a' } },
    packages: { runc: { state: 'installed', version: '1.1.6' } },
    units: { 'd.service': { activeState: 'failed' } },
    sysctls: { 'net.ipv4.ip_forward': { value: '0' } },
    system: { identity: 'another' },
  };
  const texts = movedBetween(basis(host), basis(moved)).map(movedText);
  const expected = [
    /^files \/etc\/a: file 644 0:0 sha256 [0-9a-f]{12}… → nothing$/,
    /^files \/etc\/b: nothing → link to \/etc\/a$/,
    /^kernel sysctls net\.ipv4\.ip_forward value: 1 → 0$/,
    /^packages packages runc version: 1\.1\.5 → 1\.1\.6$/,
    /^system identity: [0-9a-f]+ → another$/,
    /^units d\.service activeState: active → failed$/,
    /^units d\.service mainProcess executable: \/r\/1\/node → nothing$/,
  ];
  assert.equal(texts.length, expected.length, texts.join('\n'));
  for (const [index, pattern] of expected.entries()) assert.match(texts[index] ?? '', pattern);
  assert.notEqual(digestOfBasis(basis(host)), digestOfBasis(basis(moved)));
});

test('of a file that only its owner may read no plain digest is kept, wherever it is mentioned', () => {
  const { files } = factsOf(host);
  const key = files.get('/etc/key');
  assert.ok(key?.kind === 'file');
  const { sha256, mode, owner } = key;
  const origins = [
    { kind: 'file', path: '/etc/key', before: { kind: 'file', sha256, mode, owner } },
  ] as const;
  const text = JSON.stringify(basis({ ...host, origins }));
  assert.doesNotMatch(text, new RegExp(sha256));
  assert.match(text, /sealed 64/);
});
