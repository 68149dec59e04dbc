import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { signingKeys } from '../../../../runtime/images/policy/openpgp/keys.ts';
import { openSigned } from '../../../../runtime/images/policy/openpgp/message.ts';
import {
  framedUserId,
  keyPacket,
  newTestKey,
  signatureBody,
  signaturePacket,
  subkeyPacket,
  type TestKey,
  type TestSignature,
  userIdPacket,
} from '../../../harness/openpgp.ts';

/** Seconds since 1970. */
const NOW = 1_800_000_000;
const BORN = NOW - 100_000;
const [CERTIFIES, SIGNS] = [1, 2];

const owner = newTestKey(BORN);
const subkey = newTestKey(BORN + 1);
const stranger = newTestKey(BORN + 2);

/** What the owner says of the key, or of the user ID with this name. */
const says = (type: number, more: Partial<TestSignature> = {}, name?: string): Buffer =>
  signaturePacket({
    by: owner,
    type,
    about: [owner.framed, ...(name === undefined ? [] : [framedUserId(name)])],
    createdAt: BORN,
    ...more,
  });

const certified = (more: Partial<TestSignature> = {}, name = 'a'): Buffer =>
  Buffer.concat([userIdPacket(name), says(0x13, { keyFlags: SIGNS, ...more }, name)]);

const keys = (...files: readonly (readonly Buffer[])[]): string[] =>
  signingKeys(
    files.map((packets) => Buffer.concat(packets)),
    NOW * 1000,
  ).map(({ fingerprint }) => fingerprint);
const named = (...wanted: readonly TestKey[]): string[] =>
  wanted.map(({ fingerprint }) => fingerprint.toString('hex'));

test('a key that its owner certifies may sign', () => {
  assert.deepEqual(keys([keyPacket(owner), certified()]), named(owner));
  assert.deepEqual(keys([keyPacket(owner), says(0x1f, { keyFlags: SIGNS })]), named(owner));
  assert.deepEqual(keys([keyPacket(owner), certified({ keyFlags: CERTIFIES })]), []);
  assert.deepEqual(keys([keyPacket(owner), userIdPacket('a')]), []);
});

test('a revoked key is none, wherever its revocation stands and whatever hash it has', () => {
  assert.deepEqual(keys([keyPacket(owner), says(0x20), certified()]), []);
  assert.deepEqual(keys([keyPacket(owner), certified(), says(0x20)]), []);
  assert.deepEqual(keys([keyPacket(owner), says(0x20, { hash: 'sha1' }), certified()]), []);
  assert.deepEqual(
    keys([keyPacket(owner), says(0x20, { more: [[0x80 | 99, Buffer.alloc(1)]] }), certified()]),
    [],
  );
  assert.deepEqual(keys([keyPacket(owner), says(0x20, { by: stranger }), certified()]), named(owner));
});

test('a copy that is not revoked does not bring a revoked key back, in the same file and in another', () => {
  const [good, revoked] = [
    [keyPacket(owner), certified()],
    [keyPacket(owner), says(0x20), certified()],
  ];
  for (const files of [[good, revoked], [revoked, good], [[...good, ...revoked]], [[...revoked, ...good]]])
    assert.deepEqual(keys(...files), []);
  const bound = [...good, subkeyPacket(subkey), binds()];
  const unbound = [...good, subkeyPacket(subkey), revokes()];
  assert.deepEqual(keys(bound, unbound), named(owner));
  assert.deepEqual(keys(unbound, bound), named(owner));
});

test('a certification by a hash that collides is none', () => {
  assert.deepEqual(keys([keyPacket(owner), certified({ hash: 'sha1' })]), []);
});

test('what else an owner signs says nothing of the key', () => {
  const expired = certified({ keyFlags: CERTIFIES, keyExpiresAfter: 10 });
  for (const type of [0x00, 0x02, 0x30, 0x40, 0x50])
    assert.deepEqual(keys([keyPacket(owner), expired, says(type, { createdAt: NOW }, 'a')]), []);
  // A signature of the key alone does not say what one of it as a user's does.
  assert.deepEqual(keys([keyPacket(owner), says(0x13, { keyFlags: SIGNS })]), []);
});

test('a certification that its owner took back counts no more, until the owner certifies again', () => {
  const takenBack = says(0x30, { createdAt: BORN + 5 }, 'a');
  assert.deepEqual(keys([keyPacket(owner), certified(), takenBack]), []);
  assert.deepEqual(keys([keyPacket(owner), userIdPacket('a'), takenBack, certified()]), []);
  assert.deepEqual(keys([keyPacket(owner), certified(), takenBack, certified({}, 'b')]), named(owner));
  assert.deepEqual(
    keys([keyPacket(owner), certified(), takenBack, certified({ createdAt: BORN + 6 })]),
    named(owner),
  );
});

test('a signature of the key that says nothing of its flags and its end leaves what the certification says', () => {
  const designates = says(0x1f, { createdAt: NOW - 1 });
  assert.deepEqual(keys([keyPacket(owner), designates, certified({ keyFlags: CERTIFIES })]), []);
  const [key] = signingKeys(
    [Buffer.concat([keyPacket(owner), designates, certified({ keyExpiresAfter: 10 })])],
    NOW * 1000,
  );
  assert.equal(key?.expiresAt, BORN + 10);
});

test('a certification whose time is over counts no more', () => {
  assert.deepEqual(keys([keyPacket(owner), certified({ expiresAfter: 10 })]), []);
});

/** The subkey's word that it belongs to the owner. */
const agreement = (more: Partial<TestSignature> = {}): Buffer =>
  signatureBody({ by: subkey, type: 0x19, about: [owner.framed, subkey.framed], createdAt: BORN, ...more });

const binds = (more: Partial<TestSignature> = {}): Buffer =>
  says(0x18, { about: [owner.framed, subkey.framed], keyFlags: SIGNS, embedded: agreement(), ...more });

const revokes = (more: Partial<TestSignature> = {}): Buffer =>
  says(0x28, { about: [owner.framed, subkey.framed], ...more });

const withSubkey = (...signatures: readonly Buffer[]): string[] =>
  keys([keyPacket(owner), certified({ keyFlags: CERTIFIES }), subkeyPacket(subkey), ...signatures]);

test('a subkey signs where its owner binds it and it agrees, until the owner revokes it', () => {
  assert.deepEqual(withSubkey(binds()), named(subkey));
  assert.deepEqual(withSubkey(), []);
  assert.deepEqual(withSubkey(binds(), revokes()), []);
  assert.deepEqual(withSubkey(binds(), revokes({ hash: 'sha1' })), []);
});

test('a subkey that does not say that it belongs to the key does not sign for it', () => {
  assert.deepEqual(withSubkey(says(0x18, { about: [owner.framed, subkey.framed], keyFlags: SIGNS })), []);
  assert.deepEqual(withSubkey(binds({ embedded: agreement({ by: stranger }) })), []);
  assert.deepEqual(withSubkey(binds({ embedded: agreement({ type: 0x18 }) })), []);
  assert.deepEqual(withSubkey(binds({ embedded: agreement({ hash: 'sha1' }) })), []);
  assert.deepEqual(
    withSubkey(binds({ embedded: agreement({ about: [stranger.framed, subkey.framed] }) })),
    [],
  );
});

test('a subkey is bound no longer than its binding holds', () => {
  assert.deepEqual(withSubkey(binds({ expiresAfter: 10 })), []);
  assert.deepEqual(withSubkey(binds({ expiresAfter: NOW })), named(subkey));
});

test('a signature with a critical subpacket that is not known is none', () => {
  const unknown = { more: [[0x80 | 99, Buffer.alloc(1)]] } as const;
  assert.deepEqual(keys([keyPacket(owner), certified(unknown)]), []);
  assert.deepEqual(keys([keyPacket(owner), certified({ more: [[99, Buffer.alloc(1)]] })]), named(owner));
  assert.deepEqual(
    keys([keyPacket(owner), certified({ more: [[0x80 | 30, Buffer.alloc(1)]] })]),
    named(owner),
  );
  assert.deepEqual(withSubkey(binds(unknown)), []);
});

test("gpg's key that certifies alone signs by its subkey, and by none that its owner revoked", (t) => {
  const home = mkdtempSync(join(tmpdir(), 'berth-gpg-'));
  const env = { ...process.env, GNUPGHOME: home };
  t.after(() => {
    execFileSync('gpgconf', ['--kill', 'all'], { env });
    rmSync(home, { recursive: true, force: true });
  });
  const run = (input: string, ...args: readonly string[]): Buffer =>
    execFileSync('gpg', ['--batch', '--quiet', '--pinentry-mode', 'loopback', '--passphrase', '', ...args], {
      env,
      input,
      stdio: 'pipe',
    });
  run('', '--quick-generate-key', 'sub@test', 'ed25519', 'cert', '1y');
  const fingerprint =
    /^fpr:+([0-9A-F]+)/m.exec(run('', '--with-colons', '--list-keys').toString())?.[1] ?? '';
  for (const [algorithm, use] of [
    ['rsa2048', 'sign'],
    ['cv25519', 'encr'],
  ] as const)
    run('', '--quick-add-key', fingerprint, algorithm, use, '2y');
  const message = run('{}', '--sign', '--default-sig-expire', '1y');
  const known = signingKeys([run('', '--armor', '--export')], Date.now());
  assert.equal(known.length, 1);
  assert.equal(openSigned(message, known, Date.now()).toString(), '{}');
  execFileSync('gpg', ['--quiet', '--command-fd', '0', '--no-tty', '--edit-key', fingerprint], {
    env,
    input: ['key 1', 'revkey', 'y', '1', '', 'y', 'save', ''].join('\n'),
    stdio: 'pipe',
  });
  assert.deepEqual(signingKeys([run('', '--armor', '--export')], Date.now()), []);
});
