import { dearmoured, type Packet, packetsOf, TAG } from './packets.ts';
import { type PublicKey, parsePublicKey } from './public-key.ts';
import { isMadeBy, parseSignature, type Signature, type VerifyingKey } from './signature.ts';

/** A key of a keyring that may sign, with what its owner says of it. */
export interface SigningKey extends VerifyingKey {
  /** Hexadecimal digits; the last 16 are the key ID. */
  readonly fingerprint: string;
  /** Seconds since 1970; undefined: never. */
  readonly expiresAt: number | undefined;
}

/** A primary key with what stands behind it in all files that have it. */
interface Block {
  readonly primary: PublicKey;
  readonly packets: Packet[];
}

/**
 * The keys in these files, armoured or not, that may sign data. A subkey counts where its primary key and itself say so, and
 * no key counts that its owner has revoked, be it in one of several copies.
 * @param now milliseconds since 1970
 * @throws RangeError for what is no keyring
 */
export function signingKeys(files: readonly Buffer[], now: number): SigningKey[] {
  const blocks = new Map<string, Block>();
  for (const file of files) {
    let block: Block | undefined;
    for (const packet of packetsOf(dearmoured(file))) {
      if (packet.tag === TAG.publicKey) block = blockOf(packet, blocks);
      block?.packets.push(packet);
    }
  }
  return [...blocks.values()].flatMap((block) => keysOf(block, now / 1000));
}

function blockOf({ body }: Packet, blocks: Map<string, Block>): Block | undefined {
  const primary = parsePublicKey(body);
  if (primary === undefined) return undefined;
  const block = blocks.get(primary.fingerprint) ?? { primary, packets: [] };
  blocks.set(primary.fingerprint, block);
  return block;
}

/** What signatures are about: the packet that they stand behind. */
interface Subject {
  readonly kind: 'key' | 'userId' | 'subkey' | 'other';
  readonly data: Buffer;
  readonly subkey?: PublicKey;
}

interface Statement {
  readonly subject: Subject;
  readonly signature: Signature;
}

/** Types of signatures by which an owner says something of a subject (section 5.2.1). */
const TYPES: Readonly<Record<Subject['kind'], readonly number[]>> = {
  key: [0x1f, 0x30],
  userId: [0x10, 0x11, 0x12, 0x13, 0x30],
  subkey: [0x18],
  other: [],
};

function keysOf({ primary, packets }: Block, now: number): SigningKey[] {
  const all = statementsIn(packets, primary);
  // A revocation counts wherever it stands: files are put together by many programs.
  const isRevoked = (type: number, data: Buffer): boolean =>
    all.some(({ signature }) => signature.type === type && isMadeBy(signature, primary, data));
  if (isRevoked(0x20, primary.framed)) return [];
  const valid = validOf(all, primary, now);
  const own = newestOf(valid.filter(({ subject }) => subject.kind === 'key'))?.signature;
  const user = newestOf(valid.filter(({ subject }) => subject.kind === 'userId'))?.signature;
  // A key of which its owner says nothing that holds is nobody's.
  if (own === undefined && user === undefined) return [];
  const keyFlags = own?.keyFlags ?? user?.keyFlags;
  const keyExpiresAfter = own?.keyExpiresAfter ?? user?.keyExpiresAfter;
  const main = withExpiry(primary, keyExpiresAfter);
  const subkeys = newestBindings(valid).flatMap(({ subject: { data, subkey }, signature }): SigningKey[] => {
    if (subkey === undefined || !maySign(signature.keyFlags) || isRevoked(0x28, data)) return [];
    if (!isAgreed(signature, subkey, data, now)) return [];
    const key = withExpiry(subkey, signature.keyExpiresAfter);
    return [{ ...key, expiresAt: earlier(key.expiresAt, main.expiresAt) }];
  });
  return [...(maySign(keyFlags) ? [main] : []), ...subkeys];
}

function statementsIn(packets: readonly Packet[], primary: PublicKey): Statement[] {
  let subject: Subject = { kind: 'other', data: Buffer.alloc(0) };
  return packets.flatMap((packet): Statement[] => {
    if (packet.tag !== TAG.signature) {
      subject = subjectOf(packet, primary) ?? subject;
      return [];
    }
    const signature = parseSignature(packet.body);
    return signature === undefined ? [] : [{ subject, signature }];
  });
}

/** Undefined: the packet, such as one with gpg's trust, comes between a subject and its signatures. */
function subjectOf({ tag, body }: Packet, primary: PublicKey): Subject | undefined {
  switch (tag) {
    case TAG.publicKey:
      return { kind: 'key', data: primary.framed };
    case TAG.userId: {
      const head = Buffer.from([0xb4, 0, 0, 0, 0]);
      head.writeUInt32BE(body.length, 1);
      return { kind: 'userId', data: Buffer.concat([primary.framed, head, body]) };
    }
    case TAG.publicSubkey: {
      const subkey = parsePublicKey(body);
      if (subkey === undefined) return { kind: 'other', data: Buffer.alloc(0) };
      return { kind: 'subkey', data: Buffer.concat([primary.framed, subkey.framed]), subkey };
    }
    case TAG.userAttribute:
      return { kind: 'other', data: Buffer.alloc(0) };
    default:
      return undefined;
  }
}

/** What the owner says and has not taken back since. */
function validOf(all: readonly Statement[], primary: PublicKey, now: number): Statement[] {
  const made = all.filter(
    ({ subject, signature }) =>
      TYPES[subject.kind].includes(signature.type) && isMadeBy(signature, primary, subject.data),
  );
  const takenBack = made.filter(({ signature }) => signature.type === 0x30);
  return made.filter(
    ({ subject, signature }) =>
      signature.type !== 0x30 &&
      !isOver(signature, now) &&
      !takenBack.some(
        (other) =>
          other.subject.data.equals(subject.data) && other.signature.createdAt >= signature.createdAt,
      ),
  );
}

const newestOf = (statements: readonly Statement[]): Statement | undefined =>
  statements.toSorted((one, other) => one.signature.createdAt - other.signature.createdAt).at(-1);

function newestBindings(valid: readonly Statement[]): Statement[] {
  const bySubkey = Map.groupBy(
    valid.filter(({ subject }) => subject.kind === 'subkey'),
    ({ subject }) => subject.subkey?.fingerprint,
  );
  return [...bySubkey.values()].flatMap((statements) => newestOf(statements) ?? []);
}

/** Bit 0x02 of the flags: signs data. Undefined: nothing is said. */
const maySign = (keyFlags: number | undefined): boolean => keyFlags === undefined || (keyFlags & 2) !== 0;

/** The subkey says too whose it is, or anybody could call it his (section 5.2.1.10). */
const isAgreed = (binding: Signature, subkey: PublicKey, data: Buffer, now: number): boolean =>
  binding.embedded.some((body) => {
    const signature = parseSignature(body);
    if (signature?.type !== 0x19 || isOver(signature, now)) return false;
    return isMadeBy(signature, subkey, data);
  });

const isOver = ({ createdAt, expiresAfter }: Signature, now: number): boolean =>
  expiresAfter !== undefined && createdAt + expiresAfter < now;

const withExpiry = (
  { algorithm, key, size, fingerprint, createdAt }: PublicKey,
  expiresAfter: number | undefined,
): SigningKey => ({
  algorithm,
  key,
  size,
  fingerprint,
  expiresAt: expiresAfter === undefined ? undefined : createdAt + expiresAfter,
});

const earlier = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
