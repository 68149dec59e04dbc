import { inflateRawSync, inflateSync } from 'node:zlib';
import type { SigningKey } from './keys.ts';
import { Bytes, dearmoured, type Packet, packetsOf, TAG } from './packets.ts';
import { isMadeBy, parseSignature, type Signature } from './signature.ts';

/** More than any signature of an image says; a small message may claim to unfold to gigabytes. */
const MAX_BYTES = 1024 * 1024;

/** Messages in messages, as gpg makes them: compressed, and the signed one in it. */
const MAX_DEPTH = 3;

/**
 * The content of a signed message (RFC 9580, section 10.3), where one of the keys made its signature.
 * @param now milliseconds since 1970
 * @throws RangeError with the reason: it is no such message, or another key made it, or its time is over
 */
export function openSigned(message: Buffer, keys: readonly SigningKey[], now: number): Buffer {
  const packets = unfolded(packetsOf(dearmoured(message)), 0);
  const literal = packets.filter(({ tag }) => tag === TAG.literal);
  const [only] = literal;
  if (only === undefined || literal.length > 1) throw new RangeError('it is no signed message');
  const content = contentOf(only.body);
  const signatures = packets
    .filter(({ tag }) => tag === TAG.signature)
    .flatMap(({ body }) => parseSignature(body) ?? [])
    .filter(({ type }) => type === 0);
  if (signatures.length === 0) throw new RangeError('it has no signature of a kind that proves anything');
  const reasons = signatures.map((signature) => whyNot(signature, content, keys, now / 1000));
  if (reasons.includes(undefined)) return content;
  throw new RangeError(reasons.join('; '));
}

function unfolded(packets: readonly Packet[], depth: number): Packet[] {
  if (depth > MAX_DEPTH) throw new RangeError('it is folded too often');
  return packets.flatMap((packet) =>
    packet.tag === TAG.compressed ? unfolded(packetsOf(inflated(packet.body)), depth + 1) : [packet],
  );
}

/** Section 5.6. */
function inflated(body: Buffer): Buffer {
  const limit = { maxOutputLength: MAX_BYTES };
  try {
    switch (body[0]) {
      case 0:
        return body.subarray(1);
      case 1:
        return inflateRawSync(body.subarray(1), limit);
      case 2:
        return inflateSync(body.subarray(1), limit);
      default:
        throw new RangeError('it is compressed by an unknown way');
    }
  } catch (cause) {
    throw cause instanceof RangeError ? cause : new RangeError('it cannot be unfolded', { cause });
  }
}

/** Section 5.9: a format, a name, a time, the content. */
function contentOf(body: Buffer): Buffer {
  const bytes = new Bytes(body);
  bytes.take(1);
  bytes.take(bytes.number(1));
  bytes.take(4);
  return bytes.rest();
}

function whyNot(
  signature: Signature,
  content: Buffer,
  keys: readonly SigningKey[],
  now: number,
): string | undefined {
  const { issuers, createdAt, expiresAfter } = signature;
  const claimed = keys.filter(({ fingerprint }) => issuers.some((issuer) => fingerprint.endsWith(issuer)));
  if (claimed.length === 0)
    return `it is by the key ${issuers[0] ?? 'of nobody'}, which the policy does not name`;
  const key = claimed.find((each) => isMadeBy(signature, each, content));
  if (key === undefined) return 'its signature is wrong: the content was altered';
  if (createdAt > now + 24 * 3600) return 'it was made in the future';
  if (expiresAfter !== undefined && createdAt + expiresAfter < now) return 'its time is over';
  if (key.expiresAt !== undefined && key.expiresAt < now) return `the key ${key.fingerprint} has expired`;
  return undefined;
}
