import assert from 'node:assert/strict';
import test from 'node:test';
import type { BeforeRecord, History } from '../../../src/host/facts/history.ts';
import { planRollback } from '../../../src/resources/rollback.ts';
import { factsOf, type ShortFacts, sha256Of } from './facts.ts';

const planned = (
  records: readonly BeforeRecord[],
  facts: ShortFacts,
  installed: Readonly<Record<string, string>> = {},
  objects: ReadonlyMap<string, string> = new Map(),
) => {
  const history: History = {
    before: new Map([[1, records]]),
    newest: 1,
    specs: new Map(),
    objects,
    installed: new Map(Object.entries(installed)),
    available: new Map(),
  };
  return planRollback({ records, history, facts: factsOf(facts), release: { root: '/usr/lib/berth' } });
};

/** What a host that went back would be blamed for. */
const blamed = (records: readonly BeforeRecord[], facts: ShortFacts): string[] =>
  planned(records, facts).changes.flatMap(({ id, mayStay }) => (mayStay ? [] : [id]));

const disturbed: BeforeRecord = { kind: 'disturbed', name: 'a.service' };
const running = { 'a.service': { fileState: 'enabled', activeState: 'active' } } as const;

test('a host that went back is not blamed for what others keep there by now', () => {
  assert.deepEqual(
    blamed([{ kind: 'folder', path: '/etc/a' }, disturbed], {
      files: { '/etc/a': { folder: 'full' } },
      units: running,
    }),
    [],
  );
  assert.deepEqual(
    blamed([{ kind: 'module', name: 'overlay' }, disturbed], {
      modules: { overlay: 'active' },
      units: running,
    }),
    [],
  );
  assert.deepEqual(
    blamed([{ kind: 'interface', name: 'cni0' }, disturbed], { interfaces: ['cni0'], units: running }),
    [],
  );
  assert.deepEqual(
    blamed([{ kind: 'undo', name: 'ufw:x', script: 'true' }, disturbed], { units: running }),
    [],
    'what can be undone twice restarts nothing',
  );
});

test('on an image-based host packages go by the image, and their versions stay', () => {
  const records: BeforeRecord[] = [
    { kind: 'version', name: 'runc', from: undefined, to: '1.1' },
    { kind: 'version', name: 'glibc', from: '2.40', to: '2.41' },
  ];
  const { changes, notes } = planned(
    records,
    { manager: 'dnf', image: 'layered' },
    { runc: '1.1', glibc: '2.41' },
  );
  assert.deepEqual(
    changes.map(({ summary }) => summary),
    ['take runc off the image, from the next boot on'],
  );
  assert.match(notes.join('\n'), /glibc stays at 2\.41/);
  assert.ok(changes[0]?.mayStay, 'it is there until the next boot');
});

test('what a group alone may read is not shown, as little as what root alone may', () => {
  const sha256 = sha256Of('a secret');
  const diffs = [0o600, 0o640, 0o644].map((mode) => {
    const before = { kind: 'file', sha256, mode, owner: '0:7' } as const;
    const records: BeforeRecord[] = [{ kind: 'file', path: '/etc/a', before }];
    return planned(records, {}, {}, new Map([[sha256, 'a secret']])).changes[0]?.diff?.includes('a secret');
  });
  assert.deepEqual(diffs, [undefined, undefined, true]);
});

test('a file that a package takes along when it goes comes back after it; what berth made goes before', () => {
  const sha256 = sha256Of('theirs');
  const { changes } = planned(
    [
      { kind: 'version', name: 'cri-o', from: undefined, to: '1.36.1' },
      { kind: 'file', path: '/etc/crictl.yaml', before: { kind: 'file', sha256, mode: 0o644, owner: '0:0' } },
      { kind: 'file', path: '/etc/berth/policy.json', before: { kind: 'absent' } },
    ],
    {
      files: { '/etc/crictl.yaml': { text: 'ours' }, '/etc/berth/policy.json': { text: 'ours' } },
      packages: { 'cri-o': { state: 'installed', version: '1.36.1' } },
    },
    { 'cri-o': '1.36.1' },
    new Map([[sha256, 'theirs']]),
  );
  assert.deepEqual(
    changes.map(({ id }) => id),
    ['file:/etc/berth/policy.json', 'packages', 'file:/etc/crictl.yaml'],
  );
});
