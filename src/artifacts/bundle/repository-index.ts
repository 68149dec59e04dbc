import type { Work } from '../report.ts';
import { aptIndex, aptIndexOf, type RepositoryFile } from './apt-repository.ts';
import { dnfIndex, dnfIndexOf } from './dnf-repository.ts';

/** The files, by their paths, that make a folder of packages a repository. */
interface RepositoryIndex {
  make(files: readonly RepositoryFile[], work: Work): Promise<Readonly<Record<string, string>>>;
  /** That of some of the files alone; `read` answers a file of the whole index. */
  of(read: (path: string) => string, files: ReadonlySet<string>): Readonly<Record<string, string>>;
}

export const repositoryIndexes: Readonly<Record<'apt' | 'dnf', RepositoryIndex>> = {
  apt: { make: aptIndex, of: aptIndexOf },
  dnf: { make: dnfIndex, of: dnfIndexOf },
};
