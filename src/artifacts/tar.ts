/** Just enough of the ustar format (POSIX.1-1988) for archives that we make, and for those of releases. */

const block = 512;

export interface TarEntry {
  readonly path: string;
  readonly mode: number;
  readonly content: Buffer | { readonly linkTo: string } | 'folder';
}

/**
 * Regular files, folders and symbolic links of an archive that lies in memory; other entries are passed over. GNU's entries
 * for long names are understood.
 * @throws RangeError where it ends inside a file
 */
export function readTar(archive: Buffer): TarEntry[] {
  const entries: TarEntry[] = [];
  let longName: string | undefined;
  for (let at = 0; at + block <= archive.length; ) {
    const header = archive.subarray(at, at + block);
    const name = textOf(header, 0, 100);
    if (name === '') return entries;
    const size = Number.parseInt(textOf(header, 124, 12), 8) || 0;
    const content = archive.subarray(at + block, at + block + size);
    if (content.length < size) throw new RangeError(`the archive ends inside ${name}`);
    const type = String.fromCharCode(header[156] ?? 0);
    if (type === 'L') longName = textOf(content, 0, size);
    else {
      const entry = entryOf(header, longName ?? nameOf(header), type, content);
      longName = undefined;
      if (entry !== undefined) entries.push(entry);
    }
    at += block + Math.ceil(size / block) * block;
  }
  return entries;
}

function nameOf(header: Buffer): string {
  const isUstar = textOf(header, 257, 5) === 'ustar' && header[262] === 0;
  const prefix = isUstar ? textOf(header, 345, 155) : '';
  return prefix === '' ? textOf(header, 0, 100) : `${prefix}/${textOf(header, 0, 100)}`;
}

function entryOf(header: Buffer, path: string, type: string, content: Buffer): TarEntry | undefined {
  const mode = Number.parseInt(textOf(header, 100, 8), 8) & 0o7777;
  switch (type) {
    case '0':
    case '\0':
      return { path, mode, content };
    case '2':
      return { path, mode, content: { linkTo: textOf(header, 157, 100) } };
    case '5':
      return { path: path.replace(/\/$/, ''), mode, content: 'folder' };
    default:
      return undefined;
  }
}

/** An archive with owner root and time zero, so that equal content gives equal bytes. */
export function makeTar(entries: readonly TarEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    parts.push(headerOf(entry));
    if (!Buffer.isBuffer(entry.content)) continue;
    parts.push(entry.content, Buffer.alloc((block - (entry.content.length % block)) % block));
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}

function headerOf({ path, mode, content }: TarEntry): Buffer {
  const header = Buffer.alloc(block);
  const name = content === 'folder' ? `${path}/` : path;
  if (name.length > 100) throw new RangeError(`${path} is too long for this archive format`);
  header.write(name, 0);
  const octal = (value: number, at: number, length: number): void => {
    header.write(value.toString(8).padStart(length - 1, '0'), at);
  };
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(Buffer.isBuffer(content) ? content.length : 0, 124, 12);
  octal(0, 136, 12);
  header.write(content === 'folder' ? '5' : Buffer.isBuffer(content) ? '0' : '2', 156);
  if (typeof content === 'object' && 'linkTo' in content) header.write(content.linkTo, 157);
  header.write('ustar\u000000', 257);
  header.write('        ', 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

const textOf = (header: Buffer, at: number, length: number): string =>
  header
    .toString('latin1', at, at + length)
    .replace(/\0.*$/s, '')
    .trim();
