import { inflateRawSync, inflateSync } from 'node:zlib';
import type { SigningKey } from './keys.ts';
import { Bytes, type Packet, packetsOf, TAG } from './packets.ts';
import { isMadeBy, parseSignature, type Signature } from './signature.ts';

/** More than any signature of an image says, all that it unfolds to together: a small one may claim to be gigabytes. */
const MAX_BYTES = 1024 * 1024;

/** Messages in messages, as gpg makes them: compressed, and the signed one in it. */
const MAX_DEPTH = 3;

/** A word that a signature follows, the content, the signature. */
const MAX_PACKETS = 3;

const KNOWN: readonly number[] = [TAG.onePassSignature, TAG.literal, TAG.signature];

/**
 * The content of a signed message (RFC 9580, section 10.3) in binary form, where one of the keys made its signature.
 * @param now milliseconds since 1970
 * @throws RangeError with the reason: it is no such message, or another key made it, or its time is over
 */
export function openSigned(message: Buffer, keys: readonly SigningKey[], now: number): Buffer {
  const packets = unfolded(message);
  const only = (tag: number): Buffer => {
    const [packet, more] = packets.filter((each) => each.tag === tag);
    if (packet === undefined || more !== undefined)
      throw new RangeError('it is no message with one signature');
    return packet.body;
  };
  if (packets.some(({ tag }) => !KNOWN.includes(tag))) throw new RangeError('it is no signed message');
  const content = contentOf(only(TAG.literal));
  const signature = parseSignature(only(TAG.signature));
  if (signature?.type !== 0) throw new RangeError('it has no signature of a kind that proves anything');
  const reason = whyNot(signature, content, keys, now / 1000);
  if (reason !== undefined) throw new RangeError(reason);
  return content;
}

function unfolded(message: Buffer): Packet[] {
  let data = message;
  let left = MAX_BYTES;
  for (let depth = 0; depth <= MAX_DEPTH; depth += 1) {
    const packets = packetsOf(data, MAX_PACKETS);
    const compressed = packets.find(({ tag }) => tag === TAG.compressed);
    if (compressed === undefined) return packets;
    if (packets.length > 1) throw new RangeError('it has more than the one compressed packet');
    data = inflated(compressed.body, left);
    left -= data.length;
  }
  throw new RangeError('it is folded too often');
}

/** Section 5.6. @param limit bytes that it may unfold to */
function inflated(body: Buffer, limit: number): Buffer {
  const unfold = unfolders[body.readUInt8(0)];
  if (unfold === undefined) throw new RangeError('it is compressed by an unknown way');
  try {
    return unfold(body.subarray(1), limit);
  } catch (cause) {
    throw new RangeError(`it does not unfold, or to more than ${MAX_BYTES} bytes`, { cause });
  }
}

const unfolders: Readonly<Record<number, (body: Buffer, limit: number) => Buffer>> = {
  0: (body) => body,
  1: (body, limit) => inflateRawSync(body, { maxOutputLength: limit }),
  2: (body, limit) => inflateSync(body, { maxOutputLength: limit }),
};

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
