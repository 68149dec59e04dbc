import { createHash, createPublicKey, type JsonWebKey } from 'node:crypto';
import { Bytes, dearmoured, type Packet, packetsOf, TAG } from './packets.ts';
import { isMadeBy, parseSignature, type Signature, type VerifyingKey } from './signature.ts';

/** A key of a keyring that may sign, with what its owner says of it. */
export interface SigningKey extends VerifyingKey {
  /** Hexadecimal digits; the last 16 are the key ID. */
  readonly fingerprint: string;
  /** Seconds since 1970; undefined: never. */
  readonly expiresAt: number | undefined;
}

interface Key extends VerifyingKey {
  readonly fingerprint: string;
  readonly createdAt: number;
  readonly body: Buffer;
}

/**
 * The keys in a file, armoured or not, that may sign data. A subkey counts where its primary key says so, and no key counts
 * that its owner has revoked.
 * @throws RangeError for what is no keyring
 */
export function signingKeys(file: Buffer): SigningKey[] {
  const blocks: Packet[][] = [];
  for (const packet of packetsOf(dearmoured(file))) {
    if (packet.tag === TAG.publicKey) blocks.push([packet]);
    else blocks.at(-1)?.push(packet);
  }
  return blocks.flatMap(keysOf);
}

function keysOf([first, ...rest]: readonly Packet[]): SigningKey[] {
  const primary = first === undefined ? undefined : parseKey(first.body);
  if (primary === undefined) return [];
  const found: SigningKey[] = [];
  let about: { readonly data: Buffer; readonly subkey: Key | undefined } = {
    data: framed(primary),
    subkey: undefined,
  };
  const own: Signature[] = [];
  const revoked = new Set<Key>();
  const bound = new Map<Key, Signature>();
  for (const { tag, body } of rest) {
    if (tag === TAG.userId)
      about = { data: Buffer.concat([framed(primary), userId(body)]), subkey: undefined };
    else if (tag === TAG.publicSubkey) {
      const subkey = parseKey(body);
      about = {
        data: subkey === undefined ? Buffer.alloc(0) : Buffer.concat([framed(primary), framed(subkey)]),
        subkey,
      };
    } else if (tag === TAG.signature) {
      const signature = parseSignature(body);
      if (signature === undefined || !isMadeBy(signature, primary, about.data)) continue;
      const { subkey } = about;
      if (signature.type === 0x20) return [];
      if (signature.type === 0x28 && subkey !== undefined) revoked.add(subkey);
      else if (signature.type === 0x18 && subkey !== undefined) {
        if (signature.createdAt >= (bound.get(subkey)?.createdAt ?? 0)) bound.set(subkey, signature);
      } else if (subkey === undefined) own.push(signature);
    }
  }
  // A key of which its owner says nothing that holds is nobody's.
  const newest = own.toSorted((one, other) => other.createdAt - one.createdAt)[0];
  if (newest === undefined) return [];
  if (maySign(newest)) found.push(withExpiry(primary, newest));
  const end = endOf(primary, newest);
  for (const [subkey, signature] of bound) {
    if (revoked.has(subkey) || !maySign(signature)) continue;
    const key = withExpiry(subkey, signature);
    found.push({ ...key, expiresAt: earlier(key.expiresAt, end) });
  }
  return found;
}

/** Bit 0x02 of the flags: signs data. */
const maySign = ({ keyFlags }: Signature): boolean => keyFlags === undefined || (keyFlags & 2) !== 0;

const endOf = ({ createdAt }: Key, { keyExpiresAfter }: Signature): number | undefined =>
  keyExpiresAfter === undefined ? undefined : createdAt + keyExpiresAfter;

const withExpiry = (key: Key, signature: Signature): SigningKey => ({
  algorithm: key.algorithm,
  key: key.key,
  size: key.size,
  fingerprint: key.fingerprint,
  expiresAt: endOf(key, signature),
});

const earlier = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);

/** As signatures about keys see them (section 5.2.4). */
const framed = ({ body }: Key): Buffer => {
  const head = Buffer.from([0x99, 0, 0]);
  head.writeUInt16BE(body.length, 1);
  return Buffer.concat([head, body]);
};

const userId = (body: Buffer): Buffer => {
  const head = Buffer.from([0xb4, 0, 0, 0, 0]);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
};

/** Of version 4 with an algorithm that we verify; undefined: another. */
function parseKey(body: Buffer): Key | undefined {
  const bytes = new Bytes(body);
  if (bytes.number(1) !== 4) return undefined;
  const createdAt = bytes.number(4);
  const algorithm = bytes.number(1);
  const material = materialOf(algorithm, bytes);
  if (material === undefined) return undefined;
  const head = Buffer.from([0x99, 0, 0]);
  head.writeUInt16BE(body.length, 1);
  const fingerprint = createHash('sha1').update(head).update(body).digest('hex');
  const { size, ...jwk } = material;
  return { algorithm, key: createPublicKey({ key: jwk, format: 'jwk' }), size, fingerprint, createdAt, body };
}

/** Object identifiers of curves, in hexadecimal digits (section 9.2). */
const CURVES: Readonly<Record<string, readonly [name: string, size: number]>> = {
  '2a8648ce3d030107': ['P-256', 32],
  '2b81040022': ['P-384', 48],
  '2b81040023': ['P-521', 66],
};
const ED25519 = '2b06010401da470f01';

const base64url = (bytes: Buffer): string => bytes.toString('base64url');

/** The public numbers of an algorithm (section 5.5.5) as a JSON Web Key. */
function materialOf(algorithm: number, bytes: Bytes): ({ size: number } & JsonWebKey) | undefined {
  switch (algorithm) {
    case 1:
    case 3:
      return { size: 0, kty: 'RSA', n: base64url(bytes.integer()), e: base64url(bytes.integer()) };
    case 19: {
      const curve = CURVES[bytes.take(bytes.number(1)).toString('hex')];
      const point = bytes.integer();
      if (curve === undefined || point[0] !== 4) return undefined;
      const [crv, size] = curve;
      const [x, y] = [point.subarray(1, 1 + size), point.subarray(1 + size)];
      return { size, kty: 'EC', crv, x: base64url(x), y: base64url(y) };
    }
    case 22: {
      const curve = bytes.take(bytes.number(1)).toString('hex');
      const point = bytes.integer();
      if (curve !== ED25519 || point[0] !== 0x40) return undefined;
      return { size: 32, kty: 'OKP', crv: 'Ed25519', x: base64url(point.subarray(1)) };
    }
    case 27:
      return { size: 32, kty: 'OKP', crv: 'Ed25519', x: base64url(bytes.take(32)) };
    default:
      return undefined;
  }
}
