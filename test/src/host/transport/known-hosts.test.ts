import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { Fail } from '../../../../src/core/fail.ts';
import { fingerprint, judgeHostKey, preferredAlgorithms } from '../../../../src/host/transport/host-key.ts';
import { findKnownKeys, knownHostsName } from '../../../../src/host/transport/known-hosts.ts';

/** Public keys as ssh-keygen makes them, and how ssh-keygen itself sees a known_hosts file. */
const folder = mkdtempSync(join(tmpdir(), 'berth-known-hosts-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

function makeKey(name: string, type = 'ed25519'): { line: string; wire: Buffer } {
  const file = join(folder, name);
  execFileSync('ssh-keygen', ['-qt', type, '-N', '', '-f', file]);
  const [kind, key = ''] = readFileSync(`${file}.pub`, 'utf8').split(' ');
  return { line: `${kind} ${key}`, wire: Buffer.from(key, 'base64') };
}

const one = makeKey('one');
const two = makeKey('two');
const ecdsa = makeKey('ecdsa', 'ecdsa');

const matches = (text: string, host: string, port = 22) =>
  findKnownKeys('known_hosts', text, knownHostsName(host, port)).map(
    ({ line, marker }) => `${line}:${marker}`,
  );

const cases: [title: string, pattern: string, host: string, port: number, found: boolean][] = [
  ['a plain name', 'node-1', 'node-1', 22, true],
  ['a name in other case', 'Node-1', 'NODE-1', 22, true],
  ['one of several names', 'node-1,192.0.2.1', '192.0.2.1', 22, true],
  ['a name that only begins alike', 'node-1', 'node-10', 22, false],
  ['a port in brackets', '[node-1]:2222', 'node-1', 2222, true],
  ['another port', '[node-1]:2222', 'node-1', 2223, false],
  ['a plain name at another port', 'node-1', 'node-1', 2222, false],
  ['a wildcard', '*.example.org', 'a.b.example.org', 22, true],
  ['a wildcard of one character', 'node-?', 'node-12', 22, false],
  ['a dot that is no wildcard', 'a.example', 'axexample', 22, false],
  ['a negated name', '*.example.org,!bad.example.org', 'bad.example.org', 22, false],
  ['an IPv6 address at a port', '[2001:db8::1]:22022', '2001:db8::1', 22022, true],
];

for (const [title, pattern, host, port, found] of cases) {
  test(`${title} ${found ? 'matches' : 'does not match'}`, () => {
    assert.deepEqual(matches(`${pattern} ${one.line}\n`, host, port), found ? ['1:none'] : []);
  });
}

test('hashed names match as ssh-keygen -H wrote them', () => {
  const file = join(folder, 'hashed');
  writeFileSync(file, `node-1 ${one.line}\n[node-2]:2222 ${two.line}\n`);
  execFileSync('ssh-keygen', ['-H', '-f', file], { stdio: 'ignore' });
  const text = readFileSync(file, 'utf8');
  assert.ok(!text.includes('node-1'));
  assert.deepEqual(matches(text, 'node-1'), ['1:none']);
  assert.deepEqual(matches(text, 'node-2', 2222), ['2:none']);
  assert.deepEqual(matches(text, 'node-3'), []);
});

test('comments, blank lines, markers and broken lines are told apart', () => {
  const text = [
    '# a comment',
    '',
    `@revoked node-1 ${one.line}`,
    `@cert-authority *.example.org,node-1 ${two.line}`,
    `@unknown node-1 ${two.line}`,
    'node-1',
    `  node-1 ${one.line} a comment`,
  ].join('\n');
  assert.deepEqual(matches(text, 'node-1'), ['3:revoked', '4:cert-authority', '7:none']);
});

test('the fingerprint is the one that ssh-keygen prints', () => {
  const printed = execFileSync('ssh-keygen', ['-lf', join(folder, 'one.pub')], { encoding: 'utf8' });
  assert.equal(fingerprint(one.wire), printed.split(' ')[1]);
});

const judge = (text: string, offered: Buffer) =>
  judgeHostKey({
    hostName: 'n1',
    name: 'node-1',
    file: '/home/me/.ssh/known_hosts',
    known: findKnownKeys('known_hosts', text, 'node-1'),
    offered,
  });

test('a known key is accepted, beside others of its type too', () => {
  assert.equal(judge(`node-1 ${one.line}\n`, one.wire), undefined);
  assert.equal(judge(`node-1 ${two.line}\nnode-1 ${one.line}\n`, one.wire), undefined);
});

test('an unknown key is refused with its fingerprint and the line that accepts it', () => {
  const fail = judge('', one.wire);
  assert.ok(fail instanceof Fail);
  assert.equal(fail.code, 'HostKeyUnknown');
  assert.ok(fail.message.includes(fingerprint(one.wire)));
  assert.ok(fail.hint?.includes(`echo 'node-1 ${one.line}' >> /home/me/.ssh/known_hosts`));
});

test('a changed key is refused with the line that says otherwise', () => {
  const fail = judge(`# x\nnode-1 ${two.line}\n`, one.wire);
  assert.equal(fail?.code, 'HostKeyChanged');
  assert.ok(fail?.message.includes('known_hosts:2'));
  assert.ok(fail?.message.includes(fingerprint(two.wire)));
});

test('a revoked key is refused even where another line accepts it', () => {
  const fail = judge(`node-1 ${one.line}\n@revoked * ${one.line}\n`, one.wire);
  assert.equal(fail?.code, 'HostKeyChanged');
  assert.ok(fail?.message.includes('@revoked at known_hosts:2'));
});

test('a key of a type that is not known for a known host is unknown, and the message says what is known', () => {
  const fail = judge(`node-1 ${ecdsa.line}\n`, one.wire);
  assert.equal(fail?.code, 'HostKeyUnknown');
  assert.ok(fail?.message.includes('ecdsa-sha2-nistp256 (known_hosts:1)'));
});

test('a certificate authority is named with the way that knows it, and accepts no plain key', () => {
  const fail = judge(`@cert-authority node-1 ${one.line}\n`, one.wire);
  assert.equal(fail?.code, 'HostKeyUnknown');
  assert.match(
    fail?.message ?? '',
    /known_hosts:1 names a certificate authority: that needs transport: openssh/,
  );
});

test('types that are known already are asked for first, and SHA-1 never', () => {
  const algorithms = preferredAlgorithms(findKnownKeys('f', `node-1 ${ecdsa.line}\n`, 'node-1'));
  assert.equal(algorithms[0], 'ecdsa-sha2-nistp256');
  assert.ok(algorithms.includes('ssh-ed25519'));
  assert.ok(!algorithms.includes('ssh-rsa'));
});
