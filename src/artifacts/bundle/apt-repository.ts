import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { commandOutput } from '../../core/command.ts';
import { Fail } from '../../core/fail.ts';
import type { Work } from '../report.ts';

/** A package file under the name that it has in the repository. */
export interface RepositoryFile {
  readonly file: string;
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * The two index files of a flat repository of these packages: `deb [trusted=yes] file:FOLDER ./` in sources.list(5). Nothing
 * in them depends on when and where they were made.
 */
export async function aptIndex(
  files: readonly RepositoryFile[],
  work: Work,
): Promise<{ readonly Packages: string; readonly Release: string }> {
  requireDpkg();
  const stanzas: string[] = [];
  for (const { file, path, sha256, bytes } of files.toSorted((a, b) => (a.file < b.file ? -1 : 1))) {
    const control = await commandOutput(['dpkg-deb', '--field', path], { signal: work.signal });
    stanzas.push(`${control.trimEnd()}\nFilename: ./${file}\nSize: ${bytes}\nSHA256: ${sha256}\n`);
  }
  const packages = stanzas.join('\n');
  return { Packages: packages, Release: releaseOf(packages) };
}

/** Those stanzas of the `Packages` file whose files are among `files`; `read` answers a file of the whole index. */
export const aptIndexOf = (read: (path: string) => string, files: ReadonlySet<string>) => ({
  Packages: read('Packages')
    .split(/\n\n+/)
    .filter((stanza) => files.has(/^Filename: \.\/(.+)$/m.exec(stanza)?.[1] ?? ''))
    .map((stanza) => `${stanza.trimEnd()}\n`)
    .join('\n'),
});

/** apt wants a date, and a bundle must not have one of its own. */
function releaseOf(packages: string): string {
  const sha256 = createHash('sha256').update(packages).digest('hex');
  return [
    'Origin: berth',
    'Label: berth bundle',
    'Suite: bundle',
    'Date: Thu, 01 Jan 1970 00:00:00 UTC',
    'SHA256:',
    ` ${sha256} ${Buffer.byteLength(packages)} Packages`,
    '',
  ].join('\n');
}

function requireDpkg(): void {
  const folders = (process.env['PATH'] ?? '').split(':');
  if (folders.some((folder) => existsSync(join(folder, 'dpkg-deb')))) return;
  throw new Fail('Unsupported', 'a repository of Debian packages cannot be made here: there is no dpkg-deb', {
    hint: 'install the package dpkg on this machine, which Fedora and its relatives have too',
  });
}
