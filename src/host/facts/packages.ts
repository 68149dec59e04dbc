import { fieldOf, type Lines, linesOf } from './lines.ts';

export interface PackageFacts {
  /** Undefined: neither of the package managers that berth knows. */
  readonly manager: 'apt' | 'dnf' | undefined;
  readonly packages: ReadonlyMap<string, PackageFact>;
  /** Age of the package lists; undefined when there are none or the manager cares for itself. */
  readonly listsAgeSeconds: number | undefined;
  /** Installed packages beside ours that need one of ours, by the package they need; empty unless asked for. */
  readonly neededBy: ReadonlyMap<string, readonly string[]>;
}

export interface PackageFact {
  readonly state: 'installed' | 'absent' | 'half-installed';
  readonly version: string | undefined;
  /** What an installation would bring, as far as the lists know. */
  readonly candidate: string | undefined;
}

/** `asked`: the names that the probe was given for each package manager. */
export function parsePackages(
  lines: Lines,
  asked: { readonly apt: readonly string[]; readonly dnf: readonly string[] },
): PackageFacts {
  const manager = parseManager(fieldOf(lines, 'manager'));
  const candidates = new Map(linesOf(lines, 'candidate').map(([name = '', version = '']) => [name, version]));
  const names = manager === 'dnf' ? asked.dnf : asked.apt;
  const packages = new Map<string, PackageFact>();
  for (const name of [...names, ...candidates.keys()]) {
    packages.set(name, { state: 'absent', version: undefined, candidate: candidates.get(name) });
  }
  for (const [name = '', status = '', version] of linesOf(lines, 'deb')) {
    const state = debState(status);
    packages.set(name, {
      state,
      version: state === 'absent' ? undefined : version,
      candidate: candidates.get(name),
    });
  }
  const failed = new Set(linesOf(lines, 'failed').map(([name]) => name));
  for (const [name = '', version] of linesOf(lines, 'rpm')) {
    const state = failed.has(name) ? 'half-installed' : 'installed';
    packages.set(name, { state, version, candidate: undefined });
  }
  const lists = fieldOf(lines, 'lists');
  return {
    manager,
    packages,
    listsAgeSeconds: lists === '' ? undefined : Number(lists),
    neededBy: parseNeeds(linesOf(lines, 'needs')),
  };
}

const parseManager = (name: string): PackageFacts['manager'] =>
  name === 'apt' || name === 'dnf' ? name : undefined;

/** dpkg-query(1) Status: want, error flag, state. */
function debState(status: string): PackageFact['state'] {
  const state = status.split(' ')[2];
  if (state === 'installed') return 'installed';
  return state === 'not-installed' || state === 'config-files' ? 'absent' : 'half-installed';
}

function parseNeeds(lines: readonly string[][]): Map<string, string[]> {
  const neededBy = new Map<string, string[]>();
  for (const [name = '', needs = ''] of lines) {
    for (const need of needs.split(/[,|]/)) {
      const needed = need.trim().split(/[\s:(]/)[0] ?? '';
      if (needed === '') continue;
      neededBy.set(needed, [...(neededBy.get(needed) ?? []), name]);
    }
  }
  return neededBy;
}
