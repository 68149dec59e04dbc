/** Just enough of the ustar format (POSIX.1-1988) for archives that we make, and for one file of a release. */

const block = 512;

export interface TarEntry {
  readonly path: string;
  readonly mode: number;
  readonly content: Buffer | { readonly linkTo: string } | 'folder';
}

/** The content of the first regular file whose last path component is `name`. */
export function findInTar(archive: Buffer, name: string): Buffer | undefined {
  for (let at = 0; at + block <= archive.length; ) {
    const header = archive.subarray(at, at + block);
    const path = textOf(header, 0, 100);
    if (path === '') return undefined;
    const size = Number.parseInt(textOf(header, 124, 12), 8);
    const regular = header[156] === 0x30 || header[156] === 0;
    if (regular && path.split('/').at(-1) === name)
      return at + block + size <= archive.length
        ? archive.subarray(at + block, at + block + size)
        : undefined;
    at += block + Math.ceil(size / block) * block;
  }
  return undefined;
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
