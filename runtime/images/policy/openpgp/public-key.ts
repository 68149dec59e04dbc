import { createHash, createPublicKey, type JsonWebKey } from 'node:crypto';
import { Bytes } from './packets.ts';
import type { VerifyingKey } from './signature.ts';

/** A public key as its packet has it. */
export interface PublicKey extends VerifyingKey {
  /** Hexadecimal digits; the last 16 are the key ID. */
  readonly fingerprint: string;
  /** Seconds since 1970. */
  readonly createdAt: number;
  /** As signatures about keys see it (RFC 9580, section 5.2.4). */
  readonly framed: Buffer;
}

/** Of version 4 with an algorithm that we verify; undefined: another. */
export function parsePublicKey(body: Buffer): PublicKey | undefined {
  const bytes = new Bytes(body);
  if (bytes.number(1) !== 4) return undefined;
  const createdAt = bytes.number(4);
  const algorithm = bytes.number(1);
  const material = materialOf(algorithm, bytes);
  if (material === undefined) return undefined;
  const head = Buffer.from([0x99, 0, 0]);
  head.writeUInt16BE(body.length, 1);
  const framed = Buffer.concat([head, body]);
  const fingerprint = createHash('sha1').update(framed).digest('hex');
  const { size, ...jwk } = material;
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  return { algorithm, key, size, fingerprint, createdAt, framed };
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
