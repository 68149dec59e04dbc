import { isIP } from 'node:net';

/** A range of addresses, both ends included. */
export interface AddressRange {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
  readonly prefix: number;
}

const ipv4Number = (text: string): bigint =>
  text.split('.').reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);

const ipv6Number = (text: string): bigint => {
  const dotted = /(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const groups =
    dotted?.[1] !== undefined && dotted[2] !== undefined ? dotted[1] + tailGroups(dotted[2]) : text;
  const [head = '', tail] = groups.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = tail === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...Array.from({ length: gap }, () => '0'), ...right].reduce(
    (sum, group) => (sum << 16n) | BigInt(`0x${group}`),
    0n,
  );
};

/** The last 32 bits of an IPv6 address, written as IPv4, as two groups. */
const tailGroups = (ipv4: string): string => {
  const value = ipv4Number(ipv4);
  return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
};

const numberOf = (address: string): { family: 4 | 6; value: bigint } | undefined => {
  const family = isIP(address);
  if (family === 4) return { family, value: ipv4Number(address) };
  // A zone (`fe80::1%eth0`) names an interface of one machine and has no place in a range.
  if (family === 6 && !address.includes('%')) return { family, value: ipv6Number(address) };
  return undefined;
};

/** The range that `text` (RFC 4632, RFC 4291 notation) stands for; bits behind the prefix are ignored. */
export const parseCidr = (text: string): AddressRange | undefined => {
  const [address = '', length = '', ...rest] = text.split('/');
  const parsed = numberOf(address);
  if (!parsed || rest.length > 0 || !/^\d{1,3}$/.test(length)) return undefined;
  const bits = parsed.family === 4 ? 32 : 128;
  const prefix = Number(length);
  if (prefix > bits) return undefined;
  const hostMask = (1n << BigInt(bits - prefix)) - 1n;
  const first = parsed.value & ~hostMask;
  return { family: parsed.family, first, last: first | hostMask, prefix };
};

const ipv4Text = (value: bigint): string =>
  [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');

const ipv6Text = (value: bigint): string => {
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16),
  );
  // The URL parser writes IPv6 addresses in their canonical form (RFC 5952).
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
};

/** The canonical spelling of a range: its first address and the prefix. */
export const formatCidr = (range: AddressRange): string =>
  `${range.family === 4 ? ipv4Text(range.first) : ipv6Text(range.first)}/${range.prefix}`;

export const overlaps = (one: AddressRange, other: AddressRange): boolean =>
  one.family === other.family && one.first <= other.last && other.first <= one.last;

/** Whether `address` lies in `range`; false for what is not an address. */
export const contains = (range: AddressRange, address: string): boolean => {
  const parsed = numberOf(address);
  return (
    parsed !== undefined &&
    parsed.family === range.family &&
    parsed.value >= range.first &&
    parsed.value <= range.last
  );
};

/** Of the ranges with this prefix that `range` is made of, the one with this index; undefined: there are not so many. */
export const partOf = (range: AddressRange, prefix: number, index: number): AddressRange | undefined => {
  const bits = range.family === 4 ? 32 : 128;
  if (prefix < range.prefix || prefix > bits) return undefined;
  const size = 1n << BigInt(bits - prefix);
  const first = range.first + BigInt(index) * size;
  return first > range.last ? undefined : { family: range.family, first, last: first + size - 1n, prefix };
};
