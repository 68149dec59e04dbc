import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { signingKeys } from '../../../../runtime/images/policy/openpgp/keys.ts';
import { openSigned } from '../../../../runtime/images/policy/openpgp/message.ts';
import {
  compressedPacket,
  framedUserId,
  keyPacket,
  literalPacket,
  newTestKey,
  packet,
  signaturePacket,
  type TestSignature,
  userIdPacket,
} from '../../../harness/openpgp.ts';

/** Seconds since 1970. */
const NOW = 1_800_000_000;
const owner = newTestKey(NOW - 100);
const known = signingKeys(
  [
    Buffer.concat([
      keyPacket(owner),
      userIdPacket('a'),
      signaturePacket({
        by: owner,
        type: 0x13,
        about: [owner.framed, framedUserId('a')],
        createdAt: NOW - 100,
      }),
    ]),
  ],
  NOW * 1000,
);

const signs = (content: Buffer, more: Partial<TestSignature> = {}): Buffer =>
  signaturePacket({ by: owner, type: 0, about: [content], createdAt: NOW - 1, ...more });

const open = (...packets: readonly Buffer[]): Buffer => openSigned(Buffer.concat(packets), known, NOW * 1000);

const content = Buffer.from('{}');
const message = [literalPacket(content), signs(content)];

test('a signed message opens, compressed or not', () => {
  assert.deepEqual(open(...message), content);
  assert.deepEqual(open(...message.toReversed()), content);
  assert.deepEqual(open(compressedPacket(compressedPacket(...message))), content);
});

test('a message opens for its one signature alone', () => {
  const other = newTestKey(NOW - 100);
  for (const packets of [
    [...message, signs(content)],
    [signs(content, { by: other }), ...message],
    [...message, literalPacket(content)],
    [literalPacket(content)],
    [signs(content)],
    [packet(10, Buffer.from('PGP')), ...message],
    [],
  ])
    assert.throws(() => open(...packets), RangeError);
});

test('what a message unfolds to has one limit, however it is folded', () => {
  const long = randomBytes(600_000);
  const packets = [literalPacket(long), signs(long)];
  assert.equal(open(compressedPacket(...packets)).length, long.length);
  assert.throws(() => open(compressedPacket(compressedPacket(...packets))), /more than 1048576 bytes/);
  const bomb = compressedPacket(literalPacket(Buffer.alloc(2 ** 20)));
  assert.throws(() => open(bomb), /more than 1048576 bytes/);
  assert.throws(() => open(bomb, bomb), /more than the one compressed packet/);
});

test('of more packets than a message has, and of more parts, none is kept', () => {
  assert.throws(() => open(Buffer.alloc(100_000, packet(21, Buffer.alloc(0)))), /more than 3 packets/);
  // A packet whose parts have one byte each.
  assert.throws(
    () => open(Buffer.from([0xcb]), Buffer.alloc(100_000, Buffer.from([224, 0]))),
    /more than 1024 parts/,
  );
});

test('a message in armour is none: signatures of images are binary', () => {
  const armoured = `-----BEGIN PGP MESSAGE-----\n\n${Buffer.concat(message).toString('base64')}\n-----END PGP MESSAGE-----\n`;
  assert.throws(() => open(Buffer.from(armoured)), /no OpenPGP packet/);
});

test('who claims to have signed is told, where it is a key ID or a fingerprint', () => {
  const other = newTestKey(NOW - 100);
  assert.throws(
    () => open(literalPacket(content), signs(content, { by: other })),
    new RegExp(`by the key ${other.fingerprint.toString('hex')}, which`),
  );
  const nobody = { ...other, fingerprint: Buffer.alloc(10_000, 'x') };
  assert.throws(
    () => open(literalPacket(content), signs(content, { by: nobody })),
    /by the key of nobody, which/,
  );
});
