/*
 * Packets of OpenPGP (RFC 9580, sections 4 and 5), as far as keys and signed messages have them. What is cut off or of an
 * unknown form throws a RangeError: a signature that cannot be read is none.
 */

export interface Packet {
  readonly tag: number;
  readonly body: Buffer;
}

export const TAG = {
  signature: 2,
  onePassSignature: 4,
  publicKey: 6,
  compressed: 8,
  literal: 11,
  userId: 13,
  publicSubkey: 14,
  userAttribute: 17,
} as const;

/** Takes bytes from the front; running over the end throws a RangeError. */
export class Bytes {
  readonly #all: Buffer;
  at = 0;

  constructor(all: Buffer) {
    this.#all = all;
  }

  get left(): number {
    return this.#all.length - this.at;
  }

  take(count: number): Buffer {
    if (count > this.left) throw new RangeError('the data ends too early');
    const taken = this.#all.subarray(this.at, this.at + count);
    this.at += count;
    return taken;
  }

  number(bytes: 1 | 2 | 4): number {
    return this.take(bytes).readUIntBE(0, bytes);
  }

  /** A multiprecision integer: its length in bits, and its bytes (section 3.2). */
  integer(): Buffer {
    return this.take(Math.ceil(this.number(2) / 8));
  }

  rest(): Buffer {
    return this.take(this.left);
  }
}

/** @param most how many there may be; data of strangers must not make more of them than it means */
export function packetsOf(data: Buffer, most = Number.POSITIVE_INFINITY): Packet[] {
  const bytes = new Bytes(data);
  const packets: Packet[] = [];
  while (bytes.left > 0) {
    if (packets.length === most) throw new RangeError(`it has more than ${most} packets`);
    const first = bytes.number(1);
    if ((first & 0x80) === 0) throw new RangeError('this is no OpenPGP packet');
    const isNew = (first & 0x40) !== 0;
    const tag = isNew ? first & 0x3f : (first >> 2) & 0xf;
    packets.push({ tag, body: isNew ? newBody(bytes) : oldBody(bytes, first & 3) });
  }
  return packets;
}

/** gpg makes each of 8 kB. */
const MAX_PARTS = 1024;

/** Section 4.2.1; data of unknown length comes in parts. */
function newBody(bytes: Bytes): Buffer {
  const parts: Buffer[] = [];
  for (;;) {
    const first = bytes.number(1);
    if (first >= 224 && first < 255) {
      if (parts.length === MAX_PARTS) throw new RangeError(`a packet has more than ${MAX_PARTS} parts`);
      parts.push(bytes.take(2 ** (first & 0x1f)));
      continue;
    }
    const length =
      first < 192 ? first : first < 224 ? ((first - 192) << 8) + bytes.number(1) + 192 : bytes.number(4);
    return Buffer.concat([...parts, bytes.take(length)]);
  }
}

/** Section 4.2.2; of an unknown length is what goes to the end. */
function oldBody(bytes: Bytes, kind: number): Buffer {
  switch (kind) {
    case 0:
      return bytes.take(bytes.number(1));
    case 1:
      return bytes.take(bytes.number(2));
    case 2:
      return bytes.take(bytes.number(4));
    default:
      return bytes.rest();
  }
}

const armour = /-----BEGIN PGP [A-Z ]+-----\r?\n([\s\S]*?)\r?\n-----END PGP [A-Z ]+-----/g;

/**
 * What armoured text holds (section 6), of several blocks one after the other; other data is as it is. For files of the node
 * alone: what looks for blocks takes its time on text that a stranger wrote to be slow.
 */
export function dearmoured(data: Buffer): Buffer {
  if ((data[0] ?? 0) >= 0x80) return data;
  const blocks = [...data.toString('latin1').matchAll(armour)].map(([, block = '']) => {
    const lines = block.split(/\r?\n/);
    const start = lines.findIndex((line) => line.trim() === '');
    // The last line may be a checksum, which guards against slips alone.
    return Buffer.from(
      lines
        .slice(start + 1)
        .filter((line) => !line.startsWith('='))
        .join(''),
      'base64',
    );
  });
  return blocks.length === 0 ? data : Buffer.concat(blocks);
}
