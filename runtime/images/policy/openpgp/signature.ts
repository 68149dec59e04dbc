import { createHash, type KeyObject, verify } from 'node:crypto';
import { Bytes } from './packets.ts';

/** A signature of version 4 (RFC 9580, section 5.2.3). */
export interface Signature {
  /** Section 5.2.1: 0x00 of data, 0x10–0x13 of a user ID, 0x18 of a subkey, 0x20 and 0x28 revoke. */
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

/** Undefined: of another version, or with a hash that proves nothing any more. */
export function parseSignature(body: Buffer): Signature | undefined {
  const bytes = new Bytes(body);
  if (bytes.number(1) !== 4) return undefined;
  const [type, algorithm, hash] = [bytes.number(1), bytes.number(1), HASHES[bytes.number(1)]];
  const hashed = subpackets(bytes.take(bytes.number(2)));
  const signed = body.subarray(0, bytes.at);
  const unhashed = subpackets(bytes.take(bytes.number(2)));
  bytes.take(2);
  const createdAt = numberIn(hashed, 2);
  if (hash === undefined || createdAt === undefined) return undefined;
  return {
    type,
    algorithm,
    hash,
    signed,
    createdAt,
    expiresAfter: numberIn(hashed, 3) || undefined,
    keyExpiresAfter: numberIn(hashed, 9) || undefined,
    keyFlags: hashed.find(({ kind }) => kind === 27)?.body[0],
    issuers: [...hashed, ...unhashed].flatMap(issuerIn),
    values: bytes.rest(),
  };
}

interface Subpacket {
  readonly kind: number;
  readonly body: Buffer;
}

/** Section 5.2.3.7. */
function subpackets(data: Buffer): Subpacket[] {
  const bytes = new Bytes(data);
  const found: Subpacket[] = [];
  while (bytes.left > 0) {
    const first = bytes.number(1);
    const length =
      first < 192 ? first : first < 255 ? ((first - 192) << 8) + bytes.number(1) + 192 : bytes.number(4);
    const body = bytes.take(length);
    // The highest bit says that who does not know it must not go on; nothing that we do not know is of use to us.
    found.push({ kind: (body[0] ?? 0) & 0x7f, body: body.subarray(1) });
  }
  return found;
}

const numberIn = (all: readonly Subpacket[], wanted: number): number | undefined => {
  const found = all.find(({ kind, body }) => kind === wanted && body.length >= 4);
  return found?.body.readUInt32BE(0);
};

const issuerIn = ({ kind, body }: Subpacket): string[] => {
  if (kind === 16) return [body.toString('hex')];
  return kind === 33 ? [body.subarray(1).toString('hex')] : [];
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
