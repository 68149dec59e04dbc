import { glob } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Fail } from '../../core/fail.ts';
import { readIfThere } from '../../core/read-if-there.ts';

/*
 * A quick look into ssh_config(5), to learn for which hosts it is worth asking ssh. `ssh -G` alone knows what the files
 * mean; this only rules out those that cannot concern a host, because 200 answers cost seconds.
 */

/** Keywords that change how berth reaches a host. */
const keywordsThatMatter = new Set([
  ...['hostname', 'port', 'user', 'hostkeyalias', 'hostkeyalgorithms', 'addressfamily'],
  ...['identityfile', 'identitiesonly', 'identityagent', 'certificatefile', 'pkcs11provider'],
  ...['userknownhostsfile', 'globalknownhostsfile', 'knownhostscommand', 'revokedhostkeys'],
  ...['securitykeyprovider', 'bindaddress', 'bindinterface'],
  ...['proxyjump', 'proxycommand', 'connecttimeout', 'serveraliveinterval', 'serveralivecountmax'],
  ...['preferredauthentications', 'pubkeyauthentication', 'passwordauthentication'],
  ...['kbdinteractiveauthentication', 'challengeresponseauthentication', 'canonicalizehostname'],
]);

/** Which hosts a part of a file speaks of: patterns of names, or whatever `Match` finds out. */
type Scope = readonly string[] | 'anything';

export interface ConfigFiles {
  /** Whether the files may say something about the host that matters. */
  mayConcern(host: string): boolean;
  /** Names that `Host` lines give to single hosts, in their order. */
  readonly aliases: readonly string[];
}

/** What the files say, found on the way through them. */
interface Found {
  readonly scopes: Scope[];
  readonly aliases: Set<string>;
}

/** ssh takes the home folder from the password database, not from $HOME. */
export const userConfigFile = (): string => join(userInfo().homedir, '.ssh', 'config');
export const systemConfigFile = '/etc/ssh/ssh_config';

/** `only`: this file alone, as ssh's -F. */
export async function lookIntoConfigFiles(only: string | undefined): Promise<ConfigFiles> {
  const files = only === undefined ? [userConfigFile(), systemConfigFile] : [only];
  if (only !== undefined && (await textOf(only)) === undefined)
    throw new Fail('BadProfile', `ssh.configFile: ${only} cannot be read`, { hint: 'correct the path' });
  const found: Found = { scopes: [], aliases: new Set() };
  for (const file of files) await readScopes(file, file === systemConfigFile, ['*'], found, 0);
  return {
    mayConcern: (host) => found.scopes.some((scope) => scope === 'anything' || matchesHost(scope, host)),
    aliases: [...found.aliases],
  };
}

/** Adds the scope of every line that matters. Includes nest as deep as ssh lets them. */
async function readScopes(
  file: string,
  isSystem: boolean,
  outer: Scope,
  found: Found,
  depth: number,
): Promise<void> {
  const text = depth > 16 ? undefined : await textOf(file);
  if (text === undefined) return;
  let scope = outer;
  for (const line of text.split('\n')) {
    const { keyword, words } = parseLine(line);
    if (keyword === 'host') {
      scope = words;
      for (const word of words.filter(isOneName)) found.aliases.add(word);
    } else if (keyword === 'match') scope = 'anything';
    else if (keyword === 'include') {
      for (const pattern of words) await readIncluded(pattern, isSystem, scope, found, depth + 1);
    } else if (keywordsThatMatter.has(keyword)) found.scopes.push(scope);
  }
}

async function readIncluded(
  pattern: string,
  isSystem: boolean,
  scope: Scope,
  found: Found,
  depth: number,
): Promise<void> {
  const folder = isSystem ? dirname(systemConfigFile) : dirname(userConfigFile());
  const home = userInfo().homedir;
  const path = pattern.startsWith('~/') ? join(home, pattern.slice(2)) : resolve(folder, pattern);
  for await (const file of glob(path)) await readScopes(file, isSystem, scope, found, depth);
}

/** Patterns, and names that are excluded, are names of no host. */
const isOneName = (word: string): boolean => !/[*?!]/.test(word);

/** ssh passes over files that are not there, and over what it cannot read. */
async function textOf(file: string): Promise<string | undefined> {
  try {
    return (await readIfThere(file))?.toString('utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'EISDIR' || error.code === 'EACCES'))
      return undefined;
    throw error;
  }
}

function parseLine(line: string): { keyword: string; words: string[] } {
  const [, keyword = '', rest = ''] = /^\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)?(.*)$/.exec(line) ?? [];
  const words = [...rest.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
  return { keyword: keyword.toLowerCase(), words };
}

/** `Host` of ssh_config(5): one pattern must match, and no negated one may. */
export function matchesHost(patterns: readonly string[], host: string): boolean {
  const matches = (pattern: string) => matchesPattern(pattern, host);
  if (patterns.some((pattern) => pattern.startsWith('!') && matches(pattern.slice(1)))) return false;
  return patterns.some((pattern) => !pattern.startsWith('!') && matches(pattern));
}

/** `*` and `?` are the only wildcards. */
function matchesPattern(pattern: string, name: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 'i').test(name);
}
