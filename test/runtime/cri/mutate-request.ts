import { create, type DescField, type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf';

/** Marsaglia's xorshift on 32 bits: the same numbers from the same seed, everywhere. */
export const randomFrom = (seed: number): ((below: number) => number) => {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 1;
  for (let round = 0; round < 8; round += 1) state = step(state);
  return (below) => {
    state = step(state);
    return (state >>> 0) % below;
  };
};

const step = (state: number): number => {
  let next = state;
  next ^= next << 13;
  next ^= next >>> 17;
  next ^= next << 5;
  return next;
};

type Random = (below: number) => number;
type Fields = Record<string, unknown>;

/** Texts that have meant trouble somewhere. None is the name of a host, nor a path that must not be made. */
const ODD_TEXTS: readonly string[] = [
  '',
  ' ',
  '\0',
  '\n',
  'a\nroot::0:0::/:/bin/sh',
  'a\r\nb',
  'a\0b',
  '\x1b[31m',
  '\x7f',
  '.',
  '..',
  '../../../../tmp/berth-mutant',
  '/proc/self/fd/7',
  '/proc/thread-self/root',
  '-1',
  '--help',
  '0',
  '4294967296',
  '9'.repeat(40),
  '1e999',
  'NaN',
  'null',
  '__proto__',
  'constructor',
  '%s%n%00',
  '{}',
  '"',
  '\\',
  '=',
  'a=b',
  ':',
  '::1',
  'é',
  '\u202egnp',
  '\u{10ffff}',
  '\ufffd',
  'x'.repeat(256),
  'x'.repeat(5000),
  'x'.repeat(200_000),
  'ä'.repeat(70_000),
  'a/'.repeat(3000),
];

const ODD_BYTES: readonly Uint8Array[] = [
  new Uint8Array(),
  Uint8Array.of(0),
  Uint8Array.of(0xff, 0xfe),
  Uint8Array.of(0xc0, 0x80),
  new Uint8Array(200_000).fill(0x61),
];

const ODD_INTEGERS: readonly bigint[] = [
  0n,
  1n,
  -1n,
  -2n,
  65_536n,
  2n ** 31n - 1n,
  -(2n ** 31n),
  2n ** 32n - 1n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];

/**
 * Makes one to three changes in what `message` says, in place, and tells which fields they are in.
 */
export const mutate = (desc: DescMessage, message: Message, random: Random): readonly string[] => {
  const changes = 1 + (random(4) === 0 ? random(3) : 0);
  return Array.from({ length: changes }, () => mutateOnce(desc, message, random));
};

const mutateOnce = (desc: DescMessage, message: Message, random: Random): string => {
  const sites = sitesIn(desc, message as unknown as Fields, desc.name);
  if (sites.length === 0) return desc.name; // it has no fields at all
  const { fields, field, path } = pick(sites, random);
  fields[field.localName] = changed(field, fields[field.localName], random);
  return path;
};

/** A field that may be changed, in the message that has it. */
interface Site {
  readonly fields: Fields;
  readonly field: DescField;
  readonly path: string;
}

/** The fields of this message and of those in it, each as likely as the other to be picked. */
const sitesIn = (desc: DescMessage, fields: Fields, path: string): readonly Site[] =>
  desc.fields.flatMap((field) => {
    const where = `${path}.${field.name}`;
    const value = fields[field.localName];
    const below =
      'message' in field && field.message !== undefined && field.fieldKind !== 'map'
        ? field.message
        : undefined;
    const messages = below === undefined || value === undefined ? [] : Array.isArray(value) ? value : [value];
    return [
      { fields, field, path: where },
      ...messages.flatMap((each) => (below === undefined ? [] : sitesIn(below, each as Fields, where))),
    ];
  });

const pick = <T>(from: readonly T[], random: Random): T => {
  const chosen = from[random(from.length)];
  if (chosen === undefined) throw new RangeError('nothing to pick from');
  return chosen;
};

const changed = (field: DescField, value: unknown, random: Random): unknown => {
  switch (field.fieldKind) {
    case 'scalar':
      return oddScalar(field.scalar, random);
    case 'enum':
      return pick([0, 1, 2, 3, 4, 99, -1, 2 ** 31 - 1], random);
    case 'message':
      return random(2) === 0 ? undefined : create(field.message);
    case 'list':
      return oddList(field, value as unknown[], random);
    case 'map':
      return oddMap(value as Fields, random);
  }
};

const oddScalar = (type: ScalarType, random: Random): unknown => {
  switch (type) {
    case ScalarType.STRING:
      return pick(ODD_TEXTS, random);
    case ScalarType.BYTES:
      return pick(ODD_BYTES, random);
    case ScalarType.BOOL:
      return random(2) === 0;
    case ScalarType.INT64:
      return BigInt.asIntN(64, pick(ODD_INTEGERS, random));
    case ScalarType.UINT64:
      return BigInt.asUintN(64, pick(ODD_INTEGERS, random));
    case ScalarType.INT32:
      return Number(BigInt.asIntN(32, pick(ODD_INTEGERS, random)));
    case ScalarType.UINT32:
      return Number(BigInt.asUintN(32, pick(ODD_INTEGERS, random)));
    default:
      return random(2) === 0 ? Number.NaN : -1;
  }
};

const oddList = (
  field: DescField & { fieldKind: 'list' },
  value: readonly unknown[],
  random: Random,
): unknown[] => {
  const one = (): unknown => {
    if (field.listKind === 'message') return create(field.message);
    return field.listKind === 'enum' ? 99 : oddScalar(field.scalar, random);
  };
  switch (random(4)) {
    case 0:
      return [];
    case 1:
      return [...value, one()];
    case 2:
      return [...value, ...value];
    default:
      return Array.from({ length: 300 }, () => value[0] ?? one());
  }
};

const oddMap = (value: Fields, random: Random): Fields => {
  switch (random(3)) {
    case 0:
      return {};
    case 1:
      return { ...value, [pick(ODD_TEXTS, random)]: pick(ODD_TEXTS, random) };
    default:
      return Object.fromEntries(Object.keys(value).map((key) => [key, pick(ODD_TEXTS, random)]));
  }
};

/** Bytes near good ones: flipped, taken out, doubled, cut off, or with nesting that no message has. */
export const mutateBytes = (bytes: Uint8Array, random: Random): Uint8Array => {
  const at = random(bytes.length + 1);
  const length = random(16);
  switch (random(5)) {
    case 0:
      return bytes.map((byte, index) => (index === at ? random(256) : byte));
    case 1:
      return Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at + length));
    case 2:
      return Uint8Array.of(
        ...bytes.subarray(0, at),
        ...bytes.subarray(at, at + length),
        ...bytes.subarray(at),
      );
    case 3:
      return bytes.slice(0, at);
    default:
      // Field 60, a group that never ends, in itself: as deep as a decoder's stack may not be.
      return Uint8Array.from([...bytes, ...Array.from({ length: 20_000 }, () => [0xe3, 0x03]).flat()]);
  }
};
