import { open } from 'node:fs/promises';
import { Fail } from '../../core/fail.ts';

/*
 * What an RPM says of itself: its second header, as rpm.org/docs "RPM v4 package format" describes it. A lead of 96 bytes,
 * the header of signatures, padded to 8 bytes, then the header of the package; each is an index over a store of values.
 */

const leadBytes = 96;
const introBytes = 16;
const entryBytes = 16;
/** Larger ones are not made: rpm refuses them too. */
const mostBytes = 256 * 1024 * 1024;

/** Tag numbers (rpmtag.h). */
const tags = {
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  buildTime: 1006,
  installedBytes: 1009,
  arch: 1022,
  fileModes: 1030,
  directoryIndexes: 1116,
  baseNames: 1117,
  directories: 1118,
} as const;

/** Where the header lists what a package asks of others and offers them: names, flags, versions. */
const relations = {
  provides: [1047, 1112, 1113],
  requires: [1049, 1048, 1050],
  conflicts: [1054, 1053, 1055],
  obsoletes: [1090, 1114, 1115],
} as const;

export type Relation = keyof typeof relations;

export interface Capability {
  readonly name: string;
  /** Bits of RPMSENSE (rpmds.h): 2 less, 4 greater, 8 equal. */
  readonly flags: number;
  /** `EPOCH:VERSION-RELEASE`, parts of it, or empty. */
  readonly version: string;
}

export interface RpmHeader {
  readonly name: string;
  readonly epoch: number;
  readonly version: string;
  readonly release: string;
  readonly arch: string;
  /** Seconds since 1970. */
  readonly buildTime: number;
  readonly installedBytes: number;
  readonly relations: Readonly<Record<Relation, readonly Capability[]>>;
  readonly files: readonly { readonly path: string; readonly folder: boolean }[];
  /** Where in the file the header begins, and where it ends. */
  readonly range: readonly [start: number, end: number];
}

/** @throws Fail `Fetch` for what is no RPM */
export async function readRpmHeader(path: string): Promise<RpmHeader> {
  await using file = await open(path, 'r');
  const read = async (at: number, bytes: number): Promise<Buffer> => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, at);
    if (bytesRead < bytes) throw noRpm(path, 'it ends in the middle of a header');
    return buffer;
  };
  if ((await read(0, 4)).readUInt32BE(0) !== 0xedabeedb) throw noRpm(path, 'it does not begin as one');
  const signatures = await sizeAt(path, leadBytes, read);
  const start = leadBytes + signatures + ((8 - (signatures % 8)) % 8);
  const bytes = await sizeAt(path, start, read);
  try {
    return headerIn(await read(start, bytes), [start, start + bytes]);
  } catch (error) {
    if (error instanceof RangeError) throw noRpm(path, `its header is damaged: ${error.message}`);
    throw error;
  }
}

/** Bytes of the header that begins there, its intro included. */
async function sizeAt(
  path: string,
  at: number,
  read: (at: number, bytes: number) => Promise<Buffer>,
): Promise<number> {
  const intro = await read(at, introBytes);
  if (intro.readUInt32BE(0) !== 0x8eade801) throw noRpm(path, `there is no header at byte ${at}`);
  const bytes = introBytes + intro.readUInt32BE(8) * entryBytes + intro.readUInt32BE(12);
  if (bytes > mostBytes) throw noRpm(path, `its header claims ${bytes} bytes`);
  return bytes;
}

function headerIn(header: Buffer, range: readonly [number, number]): RpmHeader {
  const values = valuesIn(header);
  const text = (tag: number): string => values.strings(tag)[0] ?? '';
  const number = (tag: number): number => values.numbers(tag)[0] ?? 0;
  const capabilities = (relation: Relation): Capability[] => {
    const [names, flags, versions] = relations[relation];
    const [flagOf, versionOf] = [values.numbers(flags), values.strings(versions)];
    return values
      .strings(names)
      .map((name, at) => ({ name, flags: flagOf[at] ?? 0, version: versionOf[at] ?? '' }));
  };
  const directories = values.strings(tags.directories);
  const [indexes, modes] = [values.numbers(tags.directoryIndexes), values.numbers(tags.fileModes)];
  return {
    name: text(tags.name),
    epoch: number(tags.epoch),
    version: text(tags.version),
    release: text(tags.release),
    arch: text(tags.arch),
    buildTime: number(tags.buildTime),
    installedBytes: number(tags.installedBytes),
    relations: {
      provides: capabilities('provides'),
      requires: capabilities('requires'),
      conflicts: capabilities('conflicts'),
      obsoletes: capabilities('obsoletes'),
    },
    files: values.strings(tags.baseNames).map((name, at) => ({
      path: `${directories[indexes[at] ?? 0] ?? ''}${name}`,
      // S_IFDIR of S_IFMT, inode(7).
      folder: ((modes[at] ?? 0) & 0o170000) === 0o040000,
    })),
    range,
  };
}

interface Values {
  numbers(tag: number): number[];
  strings(tag: number): string[];
}

/** Types of values: 3 are numbers of 16 bits, 4 of 32, 6 a string, 8 and 9 lists of strings. */
function valuesIn(header: Buffer): Values {
  const entries = header.readUInt32BE(8);
  const store = header.subarray(introBytes + entries * entryBytes);
  const index = new Map<number, { type: number; at: number; count: number }>();
  for (let each = 0; each < entries; each += 1) {
    const field = (at: number): number => header.readUInt32BE(introBytes + each * entryBytes + at);
    index.set(field(0), { type: field(4), at: field(8), count: field(12) });
  }
  return {
    numbers: (tag) => {
      const { type, at, count } = index.get(tag) ?? { type: 4, at: 0, count: 0 };
      const one = (each: number): number =>
        type === 3 ? store.readUInt16BE(at + each * 2) : store.readUInt32BE(at + each * 4);
      return Array.from({ length: count }, (_, each) => one(each));
    },
    strings: (tag) => {
      const { at: start, count } = index.get(tag) ?? { at: 0, count: 0 };
      const found: string[] = [];
      for (let at = start; found.length < count; ) {
        const end = store.indexOf(0, at);
        if (end === -1) throw new RangeError(`the value of tag ${tag} has no end`);
        found.push(store.toString('utf8', at, end));
        at = end + 1;
      }
      return found;
    },
  };
}

const noRpm = (path: string, why: string): Fail =>
  new Fail('Fetch', `${path} is no RPM package: ${why}`, {
    hint: 'its repository or a proxy before it sends something else: ask who runs it',
  });
