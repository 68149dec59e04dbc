import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { Fail } from '../../core/fail.ts';
import { makeNode } from '../../linux/nodes.ts';
import { startWriting } from '../../linux/sync.ts';
import { hasErrno } from '../../linux/system-call-failed.ts';
import { setXattr } from '../../linux/xattrs.ts';
import { baseOf, entryPath, osPath, parentOf, utf8Path } from './entry-path.ts';
import type { TarEntry, TarSink } from './tar.ts';

/** OCI image specification, layer.md, "Whiteouts". */
const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';
/** aufs's own bookkeeping, which old Docker layers contain. */
const AUFS = '.wh..wh.';

/** Several times what the largest known images have; more would be a way to fill memory and inodes. */
const MAX_ENTRIES = 4_000_000;

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const SPECIAL_BITS = 0o7000;
const BLOCK_BYTES = 4096;
/** Large files are sent to the disk while they arrive; the sync before the layer counts finds little left to do. */
const WRITEBACK_BYTES = 4 * 1024 * 1024;

/** What a layer holds, and what unpacking it alone could not decide. */
export interface LayerContents {
  /** Bytes of the files. */
  readonly sizeBytes: number;
  /** The same in whole blocks: what the disk loses. */
  readonly diskBytes: number;
  readonly inodes: number;
  /** Folders that the archive does not describe, outermost first, as byte strings: theirs are the attributes of the layer below. */
  readonly implicitFolders: readonly string[];
}

type FolderEntry = Pick<TarEntry, 'mode' | 'uid' | 'gid' | 'mtime' | 'xattrs'>;

/**
 * Writes the members of a layer below `root`, a fresh folder that nobody else writes to, as an overlayfs layer:
 * whiteouts become character devices 0:0 and opaque folders get `trusted.overlay.opaque`.
 *
 * Safety: everything below `root` was made by this object, so it knows each folder. A path is used only when
 * its parent is one of them; a symbolic link is never a known folder, hence never followed.
 * The process's umask must be 0. Folders get their attributes last, since their content changes their times,
 * and so that no set-group-id folder gives its group to files.
 */
export class Extractor implements TarSink {
  readonly #root: string;
  readonly #folders = new Map<string, FolderEntry | undefined>([['', undefined]]);
  readonly #implicit = new Set<string>();
  readonly #whiteouts = new Set<string>();
  readonly #opaque = new Set<string>();
  #lastParent = '';
  #fd = -1;
  /** Bytes of the open file that were written, and of these the ones that are on their way to the disk. */
  #written = 0;
  #leaving = 0;
  #entry: TarEntry | undefined;
  #entries = 0;
  #sizeBytes = 0;
  #diskBytes = 0;
  #inodes = 1;

  constructor(root: string) {
    this.#root = root;
  }

  entry(entry: TarEntry): void {
    this.#entries += 1;
    if (this.#entries > MAX_ENTRIES)
      throw refused(entry.path, `the layer has more than ${MAX_ENTRIES} entries`);
    const path = entryPath(entry.path);
    const base = baseOf(path);
    if (base.startsWith(WHITEOUT)) {
      this.#hide(path, base);
      return;
    }
    if (path === '' && entry.type !== 'directory')
      throw refused(entry.path, 'the root of a layer must be a folder');
    if (path !== '') this.#enterParent(path);
    this.#create(path, entry);
  }

  data(chunk: Buffer): void {
    if (this.#fd < 0) return;
    for (let at = 0; at < chunk.length; ) at += writeSync(this.#fd, chunk, at);
    this.#written += chunk.length;
    if (this.#written - this.#leaving >= WRITEBACK_BYTES) this.#startWriting();
  }

  end(): void {
    const entry = this.#entry;
    if (this.#fd < 0 || entry === undefined) return;
    const fd = this.#fd;
    if (entry.uid !== 0 || entry.gid !== 0) {
      fchownSync(fd, entry.uid, entry.gid);
      if ((entry.mode & SPECIAL_BITS) !== 0) fchmodSync(fd, entry.mode);
    }
    if (entry.xattrs !== undefined) this.#setXattrs(entryPath(entry.path), entry.xattrs);
    futimesSync(fd, entry.mtime, entry.mtime);
    if (this.#leaving > 0) this.#startWriting();
    this.#close();
  }

  /** Gives the folders their attributes. */
  finish(): LayerContents {
    for (const [path, entry] of this.#folders) {
      if (this.#opaque.has(path)) setXattr(this.#textPath(path), 'trusted.overlay.opaque', Buffer.from('y'));
      if (entry !== undefined) this.#describeFolder(path, entry);
    }
    return {
      sizeBytes: this.#sizeBytes,
      diskBytes: this.#diskBytes + this.#folders.size * BLOCK_BYTES,
      inodes: this.#inodes,
      implicitFolders: [...this.#implicit, ...(this.#folders.get('') === undefined ? [''] : [])].sort(),
    };
  }

  /** Closes what is open; the folder is left as it is. */
  abandon(): void {
    this.#close();
  }

  #create(path: string, entry: TarEntry): void {
    switch (entry.type) {
      case 'file':
        this.#createFile(path, entry);
        return;
      case 'directory':
        this.#createFolder(path, entry);
        return;
      case 'symlink':
        this.#replacing(path, (at) => symlinkSync(osPath(this.#linkText(entry)), at));
        this.#describeLink(path, entry);
        return;
      case 'link':
        this.#createHardLink(path, entry);
        return;
      default:
        this.#createNode(path, entry, entry.type);
        return;
    }
  }

  #createFile(path: string, entry: TarEntry): void {
    this.#fd = this.#replacing(path, (at) => openSync(at, CREATE, entry.mode));
    this.#entry = entry;
    this.#written = 0;
    this.#leaving = 0;
    this.#inodes += 1;
    this.#sizeBytes += entry.size;
    this.#diskBytes += Math.ceil(entry.size / BLOCK_BYTES) * BLOCK_BYTES;
  }

  #startWriting(): void {
    startWriting(this.#fd, this.#leaving, this.#written - this.#leaving);
    this.#leaving = this.#written;
  }

  #createFolder(path: string, entry: TarEntry): void {
    if (!this.#folders.has(path)) this.#makeFolder(path);
    this.#folders.set(path, entry);
    this.#implicit.delete(path);
  }

  #makeFolder(path: string): void {
    if (this.#whiteouts.delete(path)) {
      unlinkSync(this.#at(path));
      this.#opaque.add(path);
      mkdirSync(this.#at(path), 0o755);
    } else {
      this.#replacing(path, (at) => mkdirSync(at, 0o755));
    }
    this.#folders.set(path, undefined);
    this.#inodes += 1;
  }

  #createHardLink(path: string, entry: TarEntry): void {
    const target = entryPath(entry.target);
    if (target === path) return;
    if (!this.#folders.has(parentOf(target))) throw missingTarget(entry);
    try {
      this.#replacing(path, (at) => linkSync(this.#at(target), at));
    } catch (error) {
      if (hasErrno(error, 'ENOENT', 'EPERM')) throw missingTarget(entry);
      throw error;
    }
  }

  #createNode(path: string, entry: TarEntry, type: 'character' | 'block' | 'fifo'): void {
    this.#replacing(path, () =>
      makeNode({
        path: this.#textPath(path),
        type,
        mode: entry.mode,
        major: entry.major,
        minor: entry.minor,
      }),
    );
    this.#inodes += 1;
    if (entry.uid !== 0 || entry.gid !== 0) {
      lchownSync(this.#at(path), entry.uid, entry.gid);
      chmodSync(this.#at(path), entry.mode);
    }
    if (entry.xattrs !== undefined) this.#setXattrs(path, entry.xattrs);
    lutimesSync(this.#at(path), entry.mtime, entry.mtime);
  }

  #linkText(entry: TarEntry): string {
    if (entry.target === '' || entry.target.length >= 4096 || entry.target.includes('\0')) {
      throw refused(entry.path, 'its link target is no path');
    }
    return entry.target;
  }

  #describeLink(path: string, entry: TarEntry): void {
    const at = this.#at(path);
    this.#inodes += 1;
    if (entry.uid !== 0 || entry.gid !== 0) lchownSync(at, entry.uid, entry.gid);
    lutimesSync(at, entry.mtime, entry.mtime);
  }

  #describeFolder(path: string, entry: FolderEntry): void {
    const at = this.#at(path);
    if (entry.uid !== 0 || entry.gid !== 0) lchownSync(at, entry.uid, entry.gid);
    chmodSync(at, entry.mode);
    if (entry.xattrs !== undefined) this.#setXattrs(path, entry.xattrs);
    utimesSync(at, entry.mtime, entry.mtime);
  }

  /** Whiteouts hide what lower layers have, never what this layer has, whichever comes first in the archive. */
  #hide(path: string, base: string): void {
    this.#enterParent(path);
    if (base === OPAQUE) {
      this.#opaque.add(parentOf(path));
      return;
    }
    if (base.startsWith(AUFS)) return;
    const parent = parentOf(path);
    const name = base.slice(WHITEOUT.length);
    if (name === '' || name === '.' || name === '..') throw refused(path, 'its whiteout names no file');
    const hidden = parent === '' ? name : `${parent}/${name}`;
    if (this.#folders.has(hidden)) this.#opaque.add(hidden);
    else this.#makeWhiteout(hidden);
  }

  #makeWhiteout(path: string): void {
    try {
      makeNode({ path: this.#textPath(path), type: 'character', mode: 0, major: 0, minor: 0 });
    } catch (error) {
      if (hasErrno(error, 'EEXIST')) return;
      throw error;
    }
    this.#whiteouts.add(path);
    this.#inodes += 1;
  }

  /** Makes sure that the parent of `path` is a folder of this layer. */
  #enterParent(path: string): void {
    const parent = parentOf(path);
    if (parent === this.#lastParent || this.#folders.has(parent)) {
      this.#lastParent = parent;
      return;
    }
    this.#enterParent(parent);
    const stat = lstatSync(this.#at(parent), { throwIfNoEntry: false });
    if (stat !== undefined && !this.#whiteouts.has(parent)) {
      throw refused(path, `${JSON.stringify(parent)} is not a folder in this layer`);
    }
    this.#makeFolder(parent);
    this.#implicit.add(parent);
    this.#lastParent = parent;
  }

  /** Runs `create`; what the archive put there before makes way, as tar has it. */
  #replacing<T>(path: string, create: (at: string | Buffer) => T): T {
    const at = this.#at(path);
    try {
      return create(at);
    } catch (error) {
      if (!hasErrno(error, 'EEXIST')) throw error;
    }
    if (this.#folders.has(path)) this.#forgetFolder(path);
    else unlinkSync(at);
    this.#whiteouts.delete(path);
    return create(at);
  }

  #forgetFolder(path: string): void {
    if (path === '') throw refused(path, 'the root of a layer must be a folder');
    rmSync(this.#at(path), { recursive: true });
    const below = `${path}/`;
    for (const known of this.#folders.keys()) {
      if (known !== path && !known.startsWith(below)) continue;
      this.#folders.delete(known);
      this.#implicit.delete(known);
      this.#opaque.delete(known);
    }
    for (const whiteout of this.#whiteouts) if (whiteout.startsWith(below)) this.#whiteouts.delete(whiteout);
    this.#lastParent = '';
  }

  #setXattrs(path: string, xattrs: ReadonlyMap<string, Buffer>): void {
    for (const [name, value] of xattrs) {
      if (isKept(name)) setXattr(this.#textPath(path), name, value);
    }
  }

  #at(path: string): string | Buffer {
    return osPath(path === '' ? this.#root : `${this.#root}/${path}`);
  }

  #textPath(path: string): string {
    const text = utf8Path(path);
    if (text !== undefined) return text === '' ? this.#root : `${this.#root}/${text}`;
    throw new Fail(
      'Unimplemented',
      `entry ${JSON.stringify(path)}: a device, whiteout or attribute on a name that is not UTF-8 is not supported`,
      {
        hint: 'rename the file in the image',
      },
    );
  }

  #close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
    this.#entry = undefined;
  }
}

/**
 * File capabilities, access lists and the user's own attributes belong to an image. Labels are the host's, and
 * `trusted.overlay.*` from an archive could make overlayfs show files of the host's choosing.
 */
const isKept = (name: string): boolean =>
  name === 'security.capability' || name.startsWith('user.') || name.startsWith('system.posix_acl_');

const refused = (path: string, why: string): Fail =>
  new Fail('InvalidArgument', `entry ${JSON.stringify(path)} is refused: ${why}`, {
    hint: 'the layer is broken or malicious: do not use this image',
  });

const missingTarget = (entry: TarEntry): Fail =>
  refused(entry.path, `its hard link target ${JSON.stringify(entry.target)} is not a file in this layer`);
