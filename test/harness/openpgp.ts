import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';

/*
 * Packets of OpenPGP (RFC 9580) as no careful program makes them, and as old ones did: gpg refuses to. Keys are Ed25519's.
 */

export interface TestKey {
  readonly body: Buffer;
  /** As signatures about it see it (section 5.2.4). */
  readonly framed: Buffer;
  readonly fingerprint: Buffer;
  readonly privateKey: KeyObject;
}

const number = (value: number, bytes: number): Buffer => {
  const written = Buffer.alloc(bytes);
  written.writeUIntBE(value, 0, bytes);
  return written;
};

/** @param createdAt seconds since 1970 */
export function newTestKey(createdAt: number): TestKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
  const body = Buffer.concat([Buffer.from([4]), number(createdAt, 4), Buffer.from([27]), point]);
  const framed = Buffer.concat([Buffer.from([0x99]), number(body.length, 2), body]);
  return { body, framed, fingerprint: createHash('sha1').update(framed).digest(), privateKey };
}

/** Section 4.2.1, with a length of four bytes. */
export const packet = (tag: number, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from([0xc0 | tag, 255]), number(body.length, 4), body]);

export const keyPacket = ({ body }: TestKey): Buffer => packet(6, body);
export const subkeyPacket = ({ body }: TestKey): Buffer => packet(14, body);
export const userIdPacket = (name: string): Buffer => packet(13, Buffer.from(name));

/** What signatures about a user ID see of it, behind the key. */
export const framedUserId = (name: string): Buffer =>
  Buffer.concat([Buffer.from([0xb4]), number(Buffer.byteLength(name), 4), Buffer.from(name)]);

export interface TestSignature {
  readonly by: TestKey;
  readonly type: number;
  /** What is signed. */
  readonly about: readonly Buffer[];
  /** Seconds since 1970. */
  readonly createdAt: number;
  /** Seconds after its creation. */
  readonly expiresAfter?: number;
  /** Seconds after the creation of the key that it is about. */
  readonly keyExpiresAfter?: number;
  readonly keyFlags?: number;
  /** Body of the signature in it. */
  readonly embedded?: Buffer;
  /** Further subpackets: kind, with 0x80 for a critical one, and what it holds. */
  readonly more?: readonly (readonly [kind: number, body: Buffer])[];
  readonly hash?: 'sha1' | 'sha256';
}

const subpacket = (kind: number, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from([255]), number(body.length + 1, 4), Buffer.from([kind]), body]);

/** The body of a signature of version 4 (section 5.2.3). */
export function signatureBody(wanted: TestSignature): Buffer {
  const { by, type, about, createdAt, expiresAfter, keyExpiresAfter, keyFlags, embedded } = wanted;
  const { more = [], hash = 'sha256' } = wanted;
  const hashed = Buffer.concat([
    subpacket(2, number(createdAt, 4)),
    subpacket(33, Buffer.concat([Buffer.from([4]), by.fingerprint])),
    ...(expiresAfter === undefined ? [] : [subpacket(3, number(expiresAfter, 4))]),
    ...(keyExpiresAfter === undefined ? [] : [subpacket(9, number(keyExpiresAfter, 4))]),
    ...(keyFlags === undefined ? [] : [subpacket(27, Buffer.from([keyFlags]))]),
    ...(embedded === undefined ? [] : [subpacket(32, embedded)]),
    ...more.map(([kind, body]) => subpacket(kind, body)),
  ]);
  const head = Buffer.from([4, type, 27, hash === 'sha1' ? 2 : 8]);
  const signed = Buffer.concat([head, number(hashed.length, 2), hashed]);
  const tail = Buffer.concat([Buffer.from([4, 255]), number(signed.length, 4)]);
  const digest = createHash(hash)
    .update(Buffer.concat([...about, signed, tail]))
    .digest();
  return Buffer.concat([signed, number(0, 2), digest.subarray(0, 2), sign(undefined, digest, by.privateKey)]);
}

export const signaturePacket = (wanted: TestSignature): Buffer => packet(2, signatureBody(wanted));

/** Section 5.9, binary. */
export const literalPacket = (content: Buffer): Buffer =>
  packet(11, Buffer.concat([Buffer.from('b'), Buffer.alloc(5), content]));

/** Section 5.6. */
export const compressedPacket = (...inside: readonly Buffer[]): Buffer =>
  packet(8, Buffer.concat([Buffer.from([1]), deflateRawSync(Buffer.concat(inside))]));
