import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One suite of a package archive, e.g. `http://archive.example/debian bookworm-security main`. */
export interface Archive {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** Keyring of the machine that signs it; undefined: apt's own. */
  readonly signedBy: string | undefined;
}

/** The system of the machine, as os-release(5) names it. */
export interface Distribution {
  readonly id: string;
  readonly codename: string | undefined;
}

/** Parses os-release(5): the id and the code name of the release. */
export function parseOsRelease(text: string): Distribution {
  const value = (key: string): string | undefined =>
    new RegExp(`^${key}=["']?([^"'\n]*)["']?$`, 'm').exec(text)?.[1];
  return { id: value('ID') ?? 'linux', codename: value('VERSION_CODENAME') };
}

/**
 * The archives of the distribution itself for its own release: `bookworm`, `bookworm-updates`,
 * `bookworm-security`. Third-party archives and other releases are no part of an embedded host.
 */
export function archivesOfRelease(archives: readonly Archive[], distribution: Distribution): Archive[] {
  const { codename } = distribution;
  if (codename === undefined) return [];
  return archives.filter(
    (archive) =>
      archive.components.includes('main') &&
      (archive.suite === codename ||
        archive.suite.startsWith(`${codename}-updates`) ||
        archive.suite.startsWith(`${codename}-security`)),
  );
}

const debianKeyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** For machines whose own distribution has no apt archives. */
const debian: readonly Archive[] = [
  ['debian', 'trixie'],
  ['debian', 'trixie-updates'],
  ['debian-security', 'trixie-security'],
].map(([path, suite = '']) => ({
  uri: `http://deb.debian.org/${path}`,
  suite,
  components: ['main'],
  signedBy: debianKeyring,
}));

/** Where packages for embedded hosts and images come from; `suite` names the release among the archives. */
export async function packageArchives(root = '/'): Promise<{ suite: string; archives: readonly Archive[] }> {
  const distribution = parseOsRelease(await readFile(join(root, 'etc/os-release'), 'utf8'));
  const own = archivesOfRelease(await archivesOfMachine(root), distribution);
  const suite = distribution.codename;
  return suite !== undefined && own.some((archive) => archive.suite === suite)
    ? { suite, archives: own }
    : { suite: 'trixie', archives: debian };
}

/** Every http(s) archive of the machine's apt sources, in both formats of sources.list(5). */
export async function archivesOfMachine(root = '/'): Promise<Archive[]> {
  const folder = join(root, 'etc/apt/sources.list.d');
  const main = await readFile(join(root, 'etc/apt/sources.list'), 'utf8').catch(absent(''));
  const names = await readdir(folder).catch(absent([] as string[]));
  const found = parseOneLine(main);
  for (const name of names.sort()) {
    const text = await readFile(join(folder, name), 'utf8');
    if (name.endsWith('.sources')) found.push(...parseDeb822(text));
    if (name.endsWith('.list')) found.push(...parseOneLine(text));
  }
  return found;
}

/** `deb [options] uri suite component…`, one archive a line. */
export function parseOneLine(text: string): Archive[] {
  const found: Archive[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(https?:\/\/\S+)\s+(\S+)\s+([^#]+)/.exec(line);
    if (match === null) continue;
    const [, options = '', uri = '', suite = '', components = ''] = match;
    found.push({
      uri: withoutSlash(uri),
      suite,
      components: components.trim().split(/\s+/),
      signedBy: keyring(/signed-by=(\S+)/.exec(options)?.[1]),
    });
  }
  return found;
}

/** Stanzas of `Types: URIs: Suites: Components:`. */
export function parseDeb822(text: string): Archive[] {
  const found: Archive[] = [];
  for (const stanza of text.split(/\n\s*\n/)) {
    const fields = fieldsOf(stanza);
    const words = (key: string): string[] =>
      (fields.get(key) ?? '').split(/\s+/).filter((word) => word !== '');
    if (!words('types').includes('deb') || fields.get('enabled') === 'no') continue;
    for (const uri of words('uris').filter((each) => /^https?:/.test(each)))
      for (const suite of words('suites'))
        found.push({
          uri: withoutSlash(uri),
          suite,
          components: words('components'),
          signedBy: keyring(fields.get('signed-by')),
        });
  }
  return found;
}

/** As a line of sources.list(5). */
export const sourceLine = ({ uri, suite, components, signedBy }: Archive): string =>
  `deb ${signedBy === undefined ? '' : `[signed-by=${signedBy}] `}${uri} ${suite} ${components.join(' ')}`;

function fieldsOf(stanza: string): Map<string, string> {
  const fields = new Map<string, string>();
  let last = '';
  for (const line of stanza.split('\n')) {
    if (line.startsWith('#')) continue;
    const match = /^([A-Za-z-]+):\s*(.*)$/.exec(line);
    if (match !== null) {
      last = (match[1] ?? '').toLowerCase();
      fields.set(last, match[2] ?? '');
    } else if (last !== '') fields.set(last, `${fields.get(last) ?? ''}\n${line.trim()}`.trim());
  }
  return fields;
}

/** A keyring file; keys that stand in the source itself are left to apt's own keyrings. */
const keyring = (value: string | undefined): string | undefined =>
  value?.startsWith('/') ? value.split(/\s+/)[0] : undefined;

const withoutSlash = (uri: string): string => uri.replace(/\/+$/, '');

const absent =
  <T>(value: T) =>
  (error: NodeJS.ErrnoException): T => {
    if (error.code === 'ENOENT') return value;
    throw error;
  };
