import { createHash, type KeyObject, verify } from 'node:crypto';
import { Bytes } from './packets.ts';

/** A signature of version 4 (RFC 9580, section 5.2.3). */
export interface Signature {
  /**
   * Section 5.2.1: 0x00 of data, 0x10–0x13 of a user ID, 0x18 of a subkey, 0x19 by one, 0x1f of a key; 0x20, 0x28 and 0x30
   * revoke.
   */
  readonly type: number;
  readonly algorithm: number;
  readonly hash: string;
  /** From the version on to the end of the hashed subpackets: it is signed too. */
  readonly signed: Buffer;
  /** Seconds since 1970. */
  readonly createdAt: number;
  /** Seconds after its creation. */
  readonly expiresAfter: number | undefined;
  /** Of a key that it is about: seconds after the creation of the key. */
  readonly keyExpiresAfter: number | undefined;
  /** What the key may do; undefined: nothing is said. */
  readonly keyFlags: number | undefined;
  /** Key ID or fingerprint of who claims to have made it, in hexadecimal digits. */
  readonly issuers: readonly string[];
  /** Bodies of signatures in this one. */
  readonly embedded: readonly Buffer[];
  readonly values: Buffer;
}

/** A key that verifies. */
export interface VerifyingKey {
  readonly algorithm: number;
  readonly key: KeyObject;
  /** Of ECDSA: bytes of each of the two numbers. */
  readonly size: number;
}

/** SHA-2 alone: SHA-1 and what was before collide. Section 9.5. */
const HASHES: Readonly<Record<number, string>> = { 8: 'sha256', 9: 'sha384', 10: 'sha512', 11: 'sha224' };

/** Who revokes a key by one of these means it: nobody gains by a collision there. */
const WEAK_HASHES: Readonly<Record<number, string>> = { 1: 'md5', 2: 'sha1', 3: 'ripemd160' };

const revokesKey = (type: number): boolean => type === 0x20 || type === 0x28;

/**
 * Subpackets that we know (section 5.2.3.7), if only as nothing that makes a signature weaker. Not notations (20), critical
 * ones of which have to be known by name, and not those that give others a say (5 and 6, trust; 12, who may revoke).
 */
const KNOWN = new Set([2, 3, 4, 7, 9, 11, 16, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 32, 33, 34, 35, 39]);

/** Undefined: of another version, with a hash that proves nothing any more, or with what we do not know and should. */
export function parseSignature(body: Buffer): Signature | undefined {
  const bytes = new Bytes(body);
  if (bytes.number(1) !== 4) return undefined;
  const [type, algorithm, hashId] = [bytes.number(1), bytes.number(1), bytes.number(1)];
  const hash = HASHES[hashId] ?? (revokesKey(type) ? WEAK_HASHES[hashId] : undefined);
  const hashed = subpackets(bytes.take(bytes.number(2)));
  const signed = body.subarray(0, bytes.at);
  const unhashed = subpackets(bytes.take(bytes.number(2)));
  bytes.take(2);
  const createdAt = numberIn(hashed, 2);
  if (hash === undefined || createdAt === undefined) return undefined;
  const all = [...hashed, ...unhashed];
  if (!revokesKey(type) && all.some(({ kind, isCritical }) => isCritical && !KNOWN.has(kind)))
    return undefined;
  return {
    type,
    algorithm,
    hash,
    signed,
    createdAt,
    expiresAfter: numberIn(hashed, 3) || undefined,
    keyExpiresAfter: numberIn(hashed, 9) || undefined,
    keyFlags: flagsIn(hashed),
    issuers: all.flatMap(issuerIn),
    embedded: all.filter(({ kind }) => kind === 32).map(({ body }) => body),
    values: bytes.rest(),
  };
}

interface Subpacket {
  readonly kind: number;
  /** Who does not know it must not take the signature for one. */
  readonly isCritical: boolean;
  readonly body: Buffer;
}

/** Section 5.2.3.7. */
function subpackets(data: Buffer): Subpacket[] {
  const bytes = new Bytes(data);
  const found: Subpacket[] = [];
  while (bytes.left > 0) {
    const head = bytes.number(1);
    const length =
      head < 192 ? head : head < 255 ? ((head - 192) << 8) + bytes.number(1) + 192 : bytes.number(4);
    const body = bytes.take(length);
    const [first = 0] = body;
    found.push({ kind: first & 0x7f, isCritical: first >= 0x80, body: body.subarray(1) });
  }
  return found;
}

const numberIn = (all: readonly Subpacket[], wanted: number): number | undefined => {
  const found = all.find(({ kind, body }) => kind === wanted && body.length >= 4);
  return found?.body.readUInt32BE(0);
};

/** None is set where it is empty. */
const flagsIn = (all: readonly Subpacket[]): number | undefined => {
  const found = all.find(({ kind }) => kind === 27);
  return found === undefined ? undefined : (found.body[0] ?? 0);
};

/** Sections 5.2.3.12 and 5.2.3.35: a key ID, or the fingerprint of a key of version 4. */
const issuerIn = ({ kind, body }: Subpacket): string[] => {
  if (kind === 16 && body.length === 8) return [body.toString('hex')];
  return kind === 33 && body.length === 21 && body[0] === 4 ? [body.subarray(1).toString('hex')] : [];
};

/** Whether the key made the signature of `data` (section 5.2.4). */
export function isMadeBy(
  signature: Signature,
  { algorithm, key, size }: VerifyingKey,
  data: Buffer,
): boolean {
  if (signature.algorithm !== algorithm) return false;
  const length = Buffer.alloc(6);
  length.writeUInt16BE(0x04ff);
  length.writeUInt32BE(signature.signed.length, 2);
  const whole = Buffer.concat([data, signature.signed, length]);
  const values = new Bytes(signature.values);
  switch (algorithm) {
    case 1:
    case 3: {
      const bytes = Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
      return verify(signature.hash, whole, key, padded(values.integer(), bytes));
    }
    case 19: {
      const pair = Buffer.concat([padded(values.integer(), size), padded(values.integer(), size)]);
      return verify(signature.hash, whole, { key, dsaEncoding: 'ieee-p1363' }, pair);
    }
    case 22: {
      const pair = Buffer.concat([padded(values.integer(), 32), padded(values.integer(), 32)]);
      return verify(undefined, createHash(signature.hash).update(whole).digest(), key, pair);
    }
    case 27:
      return verify(undefined, createHash(signature.hash).update(whole).digest(), key, values.take(64));
    default:
      return false;
  }
}

/** Numbers are written without the zeros in front. */
const padded = (bytes: Buffer, length: number): Buffer =>
  bytes.length >= length ? bytes : Buffer.concat([Buffer.alloc(length - bytes.length), bytes]);
