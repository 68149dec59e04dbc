import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { Fail } from '../../core/fail.ts';
import { Sealed } from '../../core/secret.ts';
import { decode, fieldOf, type Lines, linesOf } from './lines.ts';

/** What lies at a path. A path that the host did not report was not asked for. */
export type FileFact =
  | { readonly kind: 'absent' }
  | { readonly kind: 'link'; readonly target: string }
  | {
      readonly kind: 'directory';
      readonly mode: number;
      readonly empty: boolean;
      /** Something is mounted on it: it cannot be removed. */
      readonly mountPoint: boolean;
    }
  /** A device, socket or pipe. */
  | { readonly kind: 'other' }
  | RegularFile;

export interface RegularFile {
  readonly kind: 'file';
  readonly mode: number;
  readonly owner: string;
  readonly bytes: number;
  readonly sha256: string;
  /**
   * The content of small text files, so that a plan can show what it changes. What the host does not let everybody read
   * is nobody's business here either: it is compared by its digest and never shown.
   */
  readonly text: string | undefined;
  /** The content of a small text file that not everybody may read. */
  readonly sealed?: Sealed;
  /** Last change of content, mode, owner or name, in whole seconds since the epoch: nobody can set it back. */
  readonly changedAt?: number;
}

export type FileFacts = ReadonlyMap<string, FileFact>;

/** @throws Fail `HostMoved` when a file was written while the host read it. */
export function parseFiles(lines: Lines): Map<string, FileFact> {
  const files = new Map<string, FileFact>();
  for (const [kind, path = '', ...rest] of lines) {
    const fact = parseFile(kind, rest);
    if (fact !== undefined) files.set(path, fact);
  }
  for (const [path, fact] of parseSmallFiles(lines)) files.set(path, fact);
  return files;
}

function parseFile(
  kind: string | undefined,
  [first = '', second = '']: readonly string[],
): FileFact | undefined {
  switch (kind) {
    case 'absent':
      return { kind: 'absent' };
    case 'other':
      return { kind: 'other' };
    case 'link':
      return { kind: 'link', target: decode(first).toString('utf8').trimEnd() };
    case 'directory':
      return {
        kind: 'directory',
        mode: Number.parseInt(first, 8),
        empty: second.startsWith('empty'),
        mountPoint: second.endsWith('mount'),
      };
    case 'large':
      return { ...parseStatus(first), sha256: second, text: undefined };
    default:
      return undefined;
  }
}

const parseStatus = (status: string) => {
  const [mode = '', owner = '', changedAt = '', bytes = ''] = status.split(' ');
  return {
    kind: 'file',
    mode: Number.parseInt(mode, 8),
    owner,
    bytes: Number(bytes),
    changedAt: Number(changedAt),
  } as const;
};

/** The contents of small files come as one piece, in the order of the files; each one's digest shows its limits. */
function parseSmallFiles(lines: Lines): [string, RegularFile][] {
  const digests = linesOf(lines, 'digest').map(([sha256]) => sha256);
  const contents = decode(fieldOf(lines, 'contents'));
  let end = 0;
  return linesOf(lines, 'small').map(([path = '', status = ''], index) => {
    const file = parseStatus(status);
    const content = contents.subarray(end, end + file.bytes);
    end += file.bytes;
    const sha256 = createHash('sha256').update(content).digest('hex');
    if (sha256 !== digests[index]) throw writtenMeanwhile(path);
    const text = isUtf8(content) ? content.toString('utf8') : undefined;
    const isPublic = (file.mode & 0o004) !== 0;
    if (isPublic || text === undefined) return [path, { ...file, sha256, text }];
    return [path, { ...file, sha256, text: undefined, sealed: new Sealed(text) }];
  });
}

const writtenMeanwhile = (path: string): Fail =>
  new Fail('HostMoved', `${path} or a file read before it was written while berth read it`, {
    hint: 'Run the same command again; if it stays, see what writes there all the time.',
    context: { path },
  });

/** A linked or missing file in a folder is not asked for by name. */
export const fileAt = (files: FileFacts, path: string): FileFact => files.get(path) ?? { kind: 'absent' };

/** Names of the entries that the host reported in a folder. */
export const entriesOf = (files: FileFacts, folder: string): string[] =>
  linesUnder(files, `${folder}/`).toSorted();

const linesUnder = (files: FileFacts, prefix: string): string[] =>
  [...files.entries()]
    .filter(
      ([path, fact]) =>
        path.startsWith(prefix) && fact.kind !== 'absent' && !path.slice(prefix.length).includes('/'),
    )
    .map(([path]) => path.slice(prefix.length));
