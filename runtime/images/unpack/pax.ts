import { Fail } from '../../core/fail.ts';

/** What a pax header (or a GNU long name) says instead of the header that follows it. Strings are byte strings. */
export interface Overrides {
  readonly path?: string;
  readonly target?: string;
  readonly size?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly sparse?: true;
  readonly xattrs?: ReadonlyMap<string, Buffer>;
}

type Draft = { -readonly [K in keyof Overrides]: Overrides[K] };

const XATTR = 'SCHILY.xattr.';

/** Records of `length key=value\n`: POSIX.1-2017, pax, "pax Header Block". Throws `InvalidArgument`. */
export const parsePax = (body: Buffer): Overrides => {
  const overrides: Draft = {};
  const xattrs = new Map<string, Buffer>();
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(0x20, at);
    const length = space < 0 ? Number.NaN : Number(body.toString('latin1', at, space));
    const end = at + length;
    if (!Number.isSafeInteger(length) || end <= space || end > body.length || body[end - 1] !== 0x0a)
      throw malformed();
    const equals = body.indexOf(0x3d, space);
    if (equals < 0 || equals >= end) throw malformed();
    const key = body.toString('latin1', space + 1, equals);
    const value = body.subarray(equals + 1, end - 1);
    if (key.startsWith(XATTR)) xattrs.set(key.slice(XATTR.length), Buffer.from(value));
    else apply(overrides, key, value);
    at = end;
  }
  if (xattrs.size > 0) overrides.xattrs = xattrs;
  return overrides;
};

const apply = (overrides: Draft, key: string, value: Buffer): void => {
  switch (key) {
    case 'path':
      overrides.path = value.toString('latin1');
      return;
    case 'linkpath':
      overrides.target = value.toString('latin1');
      return;
    case 'size':
    case 'uid':
    case 'gid':
    case 'mtime':
      overrides[key] = decimal(value);
      return;
    default:
      if (key.startsWith('GNU.sparse.')) overrides.sparse = true;
  }
};

const decimal = (value: Buffer): number => {
  const text = value.toString('latin1');
  if (!/^-?[0-9]+(\.[0-9]*)?$/.test(text)) throw malformed();
  return Number(text);
};

const malformed = (): Fail =>
  new Fail('InvalidArgument', 'not a valid tar archive: a pax header is malformed', {
    hint: 'build and push the image again',
  });
