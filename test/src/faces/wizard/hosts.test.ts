import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { profileIn } from '../../../../src/faces/wizard/document.ts';
import { hostsIn, type WizardState } from '../../../../src/faces/wizard/state.ts';
import type { Candidate } from '../../../../src/inventory/candidates/candidate.ts';
import {
  at,
  editing,
  fresh,
  notes,
  pasted,
  pressed,
  rowAt,
  rows,
  text,
  told,
  typed,
  withHosts,
} from './sitting.ts';

const names = (state: WizardState): string[] => hostsIn(state.sources).map(({ name }) => name);

test('a new profile is a valid one as soon as it has a host', () => {
  assert.equal(profileIn(fresh().sources), undefined);
  const state = withHosts(fresh(), 'ops@192.0.2.10:2222');
  assert.deepEqual(
    profileIn(state.sources)?.hosts.map(({ name, address }) => [name, address.kind]),
    [['node-1', 'ssh']],
  );
  assert.match(text(state), /hosts:\n {2}- name: node-1\n {4}ssh:\n {6}host: 192\.0\.2\.10\n/);
});

test('what is typed is judged while it is typed, and is not lost when it is wrong', () => {
  const wrong = typed(fresh(), 'ops@192.0.2.10:2x');
  assert.match(rowAt(wrong).problem ?? '', /write user@host:port/);
  const stays = pressed(wrong, 'enter');
  assert.deepEqual(names(stays), []);
  const right = pressed(typed(pressed(stays, 'erase'), '2'), 'enter');
  assert.deepEqual(names(right), ['node-1']);
});

test('a list is pasted at once, in the forms in which people have lists', () => {
  const state = pressed(
    pasted(
      fresh(),
      'web=ops@web.example.com\n192.0.2.11 db-1 # the old one\nssh -p 2200 root@192.0.2.12\n[2001:db8::7]:22, edge.example.net\n',
    ),
    'enter',
  );
  assert.deepEqual(
    hostsIn(state.sources).map(({ form }) => form),
    [
      { name: 'web', ssh: { host: 'web.example.com', user: 'ops' } },
      { name: 'db-1', ssh: { host: '192.0.2.11' } },
      { name: 'node-3', ssh: { host: '192.0.2.12', user: 'root', port: 2200 } },
      { name: 'node-4', ssh: { host: '2001:db8::7', port: 22 } },
      { name: 'edge', ssh: { host: 'edge.example.net' } },
    ],
  );
});

test('of a pasted list with a wrong entry nothing is added, and the entry is named', () => {
  const state = pasted(fresh(), 'a.example\nb c d\nc.example\n');
  assert.match(rowAt(state).problem ?? '', /"b c d" is more than a host/);
  assert.deepEqual(names(pressed(state, 'enter')), []);
});

test('a name that berth cannot write is told, and not exchanged', () => {
  assert.match(rowAt(typed(fresh(), '日本=ops@a.example')).problem ?? '', /"日本" is no name for a host/);
});

test('a name that is taken gets a number, and who adds the host is told', () => {
  const state = withHosts(fresh(), 'web.a.example', 'web.b.example');
  assert.deepEqual(names(state), ['web', 'web-1']);
  assert.equal(state.notice?.text, 'one host added; names that were taken got numbers: web → web-1');
  const grouped = withHosts(editing('hosts: [{ name: a, local: {} }]\ngroups: { db: {} }\n'), 'db');
  assert.deepEqual(names(grouped), ['a', 'db-1'], 'no host has the name of a group');
});

test('hosts with one address and port are added, with a word about it', () => {
  const state = withHosts(fresh(), 'a=192.0.2.1', 'b=ops@192.0.2.1:22');
  assert.deepEqual(names(state), ['a', 'b']);
  assert.equal(state.notice?.text, 'one host added; b has the address and port of a');
  assert.equal(withHosts(state, 'c=192.0.2.1:2222').notice?.text, 'one host added');
});

test('who goes on with a typed host has it, as by Enter', () => {
  const waiting = typed(withHosts(fresh(), 'a.example'), 'b.example, c.example');
  const onward = [
    pressed(waiting, 'next'),
    pressed(at(waiting, 'Continue'), 'enter'),
    pressed(waiting, 'back', 'next'),
    pressed(at(waiting, 'a  '), 'enter', 'back', 'next'),
  ];
  for (const state of onward) {
    assert.equal(state.step, 'connections');
    assert.deepEqual(names(state), ['a', 'b', 'c']);
    assert.equal(state.notice?.text, '2 hosts added');
    assert.equal(state.wishes[0]?.kind, 'meet');
  }
});

test('a typed host that cannot stand keeps the page, and is in focus', () => {
  for (const [host, why] of [
    ['bad/host', /Add: .*neither a host name nor an address/],
    [' , ', /Add: names no host/],
  ] as const) {
    const state = pressed(at(typed(withHosts(fresh(), 'a.example'), host), 'a  '), 'next');
    assert.equal(state.step, 'hosts');
    assert.equal(rowAt(state).label, 'Add');
    assert.match(state.notice?.text ?? '', why);
  }
});

test('who goes on with a typed inventory is asked which of its hosts become nodes, once', () => {
  const asked = pressed(typed(at(withHosts(fresh(), 'a.example'), 'From Ansible'), 'hosts.ini'), 'next');
  const origin = { kind: 'ansible', place: 'hosts.ini' } as const;
  assert.deepEqual(asked.wishes, [{ kind: 'find', origin }]);
  assert.deepEqual([asked.step, rowAt(asked).label], ['hosts', 'From Ansible']);
  const sheet = told(asked, { kind: 'found', origin, candidates, remarks: [] });
  assert.equal(pressed(at(sheet, 'Add 3 hosts'), 'enter', 'next').step, 'connections');
  const trouble = { code: 'BadUsage', message: 'there is no hosts.ini', remedy: undefined } as const;
  assert.equal(pressed(told(asked, { kind: 'not-found', origin, trouble }), 'next').step, 'connections');
});

test('a host can be opened, and each of its values is judged by the schema', () => {
  let state = pressed(at(withHosts(fresh(), 'ops@192.0.2.10'), 'node-1'), 'enter');
  state = typed(at(state, 'Port'), '99999');
  assert.equal(rowAt(state).problem, 'must be at most 65535');
  assert.doesNotMatch(text(state), /port/, 'the profile is not made worse');
  state = typed(pressed(state, 'clear'), '2222');
  assert.equal(rowAt(state).problem, undefined);
  assert.match(text(state), /port: 2222/);
  state = pressed(state, 'clear');
  assert.doesNotMatch(text(state), /port/, 'an empty answer takes the key away');
  state = typed(at(state, 'Keys'), '~/.ssh/one, ~/.ssh/two');
  assert.match(text(state), /- ~\/\.ssh\/one\n {8}- ~\/\.ssh\/two/);
  state = pressed(at(state, 'sudo password'), 'right');
  assert.match(text(state), /sudoPassword:\n {6}prompt: true/);
});

test('a comma that is being typed stays under the hand', () => {
  let state = pressed(at(withHosts(fresh(), '192.0.2.10'), 'node-1'), 'enter');
  state = typed(at(state, 'Keys'), 'one, ');
  const row = rowAt(state);
  assert.ok(row.kind === 'text' && row.text === 'one, ');
});

test('hosts go, the last one too, and others come after them', () => {
  const two = withHosts(fresh(), 'a.example', 'b.example');
  const one = pressed(at(two, 'a  '), 'delete');
  assert.deepEqual(names(one), ['b']);
  const none = pressed(at(one, 'b  '), 'delete');
  assert.deepEqual(names(none), []);
  const again = withHosts(none, 'c.example');
  assert.deepEqual(names(again), ['c']);
  assert.match(text(again), /hosts:\n {2}- name: c\n/);
});

test('text is edited anywhere in it', () => {
  const typedText = (state: WizardState) => {
    const row = rowAt(state);
    return row.kind === 'text' ? row.text : undefined;
  };
  let state = typed(fresh(), 'ops@exmple');
  state = pressed(state, ...Array.from({ length: 4 }, () => 'left' as const));
  state = typed(state, 'a');
  assert.equal(typedText(state), 'ops@example');
  assert.equal(typedText(pressed(state, 'delete')), 'ops@exaple');
  assert.equal(typedText(typed(pressed(state, 'home'), 'd')), 'dops@example');
  assert.equal(typedText(pressed(state, 'home', 'delete', 'end', 'erase')), 'ps@exampl');
});

const candidates: readonly Candidate[] = [
  { name: 'web-1', way: { ssh: { host: 'web-1' } }, groups: ['web'], about: 'web-1 in web' },
  { name: 'web-2', way: { ssh: { host: 'web-2' } }, groups: ['web'], about: 'web-2 in web' },
  { name: 'old', way: { ssh: { host: 'old' } }, groups: [], about: 'old' },
];

test('an import asks the tool, and who becomes a node is chosen', () => {
  const asked = pressed(typed(at(fresh(), 'From Ansible'), 'hosts.ini'), 'enter');
  const origin = { kind: 'ansible', place: 'hosts.ini' } as const;
  assert.deepEqual(asked.wishes, [{ kind: 'find', origin }]);
  let state = told(asked, { kind: 'found', origin, candidates, remarks: [] });
  assert.deepEqual(
    rows(state).map(({ label }) => label),
    ['Add 3 hosts', 'Choose none', 'web-1  web-1 in web', 'web-2  web-2 in web', 'old', 'Back to the hosts'],
  );
  state = pressed(at(state, 'old'), 'enter');
  state = pressed(at(state, 'Add 2'), 'enter');
  assert.deepEqual(names(state), ['web-1', 'web-2']);
  assert.deepEqual(
    profileIn(state.sources)?.hosts.map(({ groups }) => groups),
    [['web'], ['web']],
  );
});

test('what an import could not take over is told beside the hosts', () => {
  const origin = { kind: 'ansible', place: 'hosts' } as const;
  const remarks = ['web-1: ansible_user is encrypted by ansible-vault: type it into the host'];
  const state = told(fresh(), { kind: 'found', origin, candidates, remarks });
  assert.deepEqual(notes(state).slice(1), [
    `! ${remarks[0]}`,
    '  → Open a host once it is added, and type what lacks; one that was left out can be typed as well.',
  ]);
  const none = told(fresh(), { kind: 'found', origin, candidates: [], remarks: ['all of them are Windows'] });
  assert.equal(none.notice?.text, 'No hosts are named there. all of them are Windows');
});

test('hosts that cannot stand in a profile are left out by name, and the others are imported', () => {
  const origin = { kind: 'ansible', place: 'hosts' } as const;
  const wrong: readonly Candidate[] = [
    { name: 'db-1', way: { ssh: { host: 'db-1', user: 'db admin' } }, groups: ['db'], about: 'db-1 in db' },
    { name: 'two-words', way: { ssh: { host: 'two words' } }, groups: [], about: 'two words' },
  ];
  let state = told(fresh(), { kind: 'found', origin, candidates: [...candidates, ...wrong], remarks: [] });
  assert.deepEqual(notes(state).slice(1, 3), [
    '! left out, "db admin" is no user name (db-1)',
    '! left out, "two words" is neither a host name nor an address (two-words)',
  ]);
  state = pressed(at(state, 'Add 3 hosts'), 'enter');
  assert.deepEqual(names(state), ['web-1', 'web-2', 'old']);
  const none = told(fresh(), { kind: 'found', origin, candidates: wrong.slice(1), remarks: [] });
  assert.equal(
    none.notice?.text,
    'None of the hosts can be taken. left out, "two words" is neither a host name nor an address (two-words)',
  );
});

test('an address that is none is named', () => {
  assert.equal(
    rowAt(typed(fresh(), 'a.example, fe80::1%eth0')).problem,
    '"fe80::1%eth0" is neither a host name nor an address',
  );
  assert.match(
    rowAt(typed(fresh(), '999.1.1.1')).problem ?? '',
    /999\.1\.1\.1 is neither a host name nor an address/,
  );
});

test('many hosts come behind those that are there in one edit, whose comments stay', () => {
  const before = `hosts:
  # The first.
  - name: a # by hand
    ssh: { host: a.example }
    # Its end.
spec: { swap: keep } # why
`;
  const origin = { kind: 'ssh_config', place: '' } as const;
  const many = Array.from({ length: 150 }, (_, index) => ({
    name: `n${index}`,
    way: { ssh: { host: `n${index}.example` } },
    groups: [`g${index % 3}`],
    about: '',
  }));
  let state = told(editing(before), { kind: 'found', origin, candidates: many, remarks: [] });
  const started = performance.now();
  state = pressed(at(state, 'Add 150 hosts'), 'enter');
  // One edit for each of them took half a minute.
  assert.ok(performance.now() - started < 15_000);
  assert.deepEqual(names(state), ['a', ...many.map(({ name }) => name)]);
  const lines = before.trimEnd().split('\n');
  assert.deepEqual(
    text(state)
      .split('\n')
      .filter((line) => lines.includes(line)),
    lines,
  );
});

test('an import that is slow takes no page away from under the hands', () => {
  const origin = { kind: 'gce', place: '' } as const;
  const elsewhere = pressed(withHosts(fresh(), 'a.example'), 'next');
  const state = told(elsewhere, { kind: 'found', origin, candidates, remarks: [] });
  assert.equal(state.sheet, undefined);
  assert.match(state.notice?.text ?? '', /ask again on the first page/);
});

test('each way to a host is told in a few words', () => {
  const state = editing(
    'hosts:\n  - { name: a, vagrant: { machine: web } }\n  - { name: b, embedded: { name: quick } }\n  - { name: c, local: {} }\n  - { name: d, ssh: { host: "2001:db8::1", port: 2222, user: ops } }\n  - { name: e, ssh: { host: "::1" } }\n  - { name: f, ssh: { user: ops } }\n',
  );
  assert.deepEqual(
    rows(state)
      .slice(0, 6)
      .map(({ label }) => label),
    [
      'a  vagrant web',
      'b  embedded quick',
      'c  this machine',
      'd  ops@[2001:db8::1]:2222',
      'e  ::1',
      'f  no address yet',
    ],
  );
});

test('a tool that fails says why and what to do', () => {
  const origin = { kind: 'gce', place: '' } as const;
  const trouble = {
    code: 'Unsupported',
    message: 'there is no gcloud on this machine',
    remedy: 'Install it.',
  } as const;
  const state = told(fresh(), { kind: 'not-found', origin, trouble });
  assert.deepEqual(state.notice, { level: 'bad', text: 'there is no gcloud on this machine. Install it.' });
  const quoted = { ...trouble, message: 'gcloud says no: No account is selected.' };
  const other = told(fresh(), { kind: 'not-found', origin, trouble: quoted });
  assert.equal(other.notice?.text, 'gcloud says no: No account is selected. Install it.');
});

test('a text may name variables, and is judged as what they stand for', () => {
  const profile =
    'vars: { user: ops }\nhosts:\n  - name: a\n    ssh: { host: a.example, user: "${user}" } # one\n';
  let state = pressed(at(editing(profile), 'a  '), 'enter');
  state = typed(at(state, 'User'), '-2');
  assert.equal(rowAt(state).problem, undefined);
  assert.match(text(state), /user: "\$\{user\}-2" \} # one/);
  state = typed(state, '/');
  assert.match(rowAt(state).problem ?? '', /is no user name/);
  assert.equal(text(state), profile, 'what was there before');
});

test('a value that an alias brings is left to the file, with a word about it', () => {
  const profile = 'vars: { user: &who ops }\nhosts:\n  - name: a\n    ssh: { host: a.example, user: *who }\n';
  let state = pressed(at(editing(profile), 'a  '), 'enter');
  state = typed(at(state, 'User'), 'x');
  assert.match(rowAt(state).problem ?? '', /comes through an alias of YAML.*change what the anchor says/);
  assert.equal(text(state), profile);
});

test('a profile that is there keeps its comments, its order and every line that nobody changed', () => {
  const before = readFileSync(new URL('../../../../profiles/single-node.yaml', import.meta.url), 'utf8');
  let state = pressed(at(editing(before), 'node-1'), 'enter');
  state = pressed(at(state, 'Address'), 'clear');
  state = typed(state, '198.51.100.7');
  state = typed(at(state, 'Port'), '2222');
  const lines = text(state).split('\n');
  const changed = lines.filter((line) => !before.split('\n').includes(line));
  assert.deepEqual(changed, ['      host: 198.51.100.7', '      port: 2222']);
  assert.deepEqual(
    before.split('\n').filter((line) => !lines.includes(line)),
    ['      host: 192.0.2.10'],
  );
});
