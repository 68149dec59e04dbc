import { createHmac, timingSafeEqual } from 'node:crypto';

/** One line of a known_hosts file that speaks of the host we are about to reach. */
export interface KnownKey {
  readonly file: string;
  readonly line: number;
  readonly marker: 'none' | 'revoked' | 'cert-authority';
  /** E.g. `ssh-ed25519`. */
  readonly type: string;
  /** The key as on the wire. */
  readonly key: Buffer;
}

/** The name under which known_hosts lists a host: `[host]:port` unless the port is 22 (sshd(8), SSH_KNOWN_HOSTS). */
export const knownHostsName = (host: string, port: number): string =>
  port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;

/** The lines of `text` that match the name. Lines that cannot be understood match nothing, as in OpenSSH. */
export const findKnownKeys = (file: string, text: string, name: string): KnownKey[] =>
  new KnownHosts(file, text).find(name);

/** A known_hosts file, read once for all hosts: thousands of lines times hundreds of hosts are seconds. */
export class KnownHosts {
  readonly #file: string;
  /** Lines that list plain names, by name. */
  readonly #plain = new Map<string, Entry[]>();
  /** Lines with hashes, wildcards or negations: each host must be held against them. */
  readonly #others: Entry[] = [];

  constructor(file: string, text: string) {
    this.#file = file;
    for (const [index, line] of text.split('\n').entries()) {
      const entry = parseLine(line, index + 1);
      if (entry === undefined) continue;
      if (/[*?!|]/.test(entry.patterns)) this.#others.push(entry);
      else for (const name of new Set(entry.patterns.toLowerCase().split(','))) this.#addPlain(name, entry);
    }
  }

  #addPlain(name: string, entry: Entry): void {
    const entries = this.#plain.get(name) ?? [];
    entries.push(entry);
    this.#plain.set(name, entries);
  }

  /** What the file says of a name, in the order of its lines. */
  find(name: string): KnownKey[] {
    const others = this.#others.filter(({ patterns }) => matchesHost(patterns, name));
    return [...(this.#plain.get(name.toLowerCase()) ?? []), ...others]
      .sort((one, other) => one.line - other.line)
      .map(({ line, marker, type, key }) => ({ file: this.#file, line, marker, type, key }));
  }
}

interface Entry {
  readonly line: number;
  readonly marker: KnownKey['marker'];
  readonly patterns: string;
  readonly type: string;
  readonly key: Buffer;
}

function parseLine(text: string, line: number): Entry | undefined {
  const fields = text.trim().split(/\s+/);
  if (fields[0] === '' || fields[0]?.startsWith('#')) return undefined;
  const marker = parseMarker(fields[0]);
  if (marker === undefined) return undefined;
  const [patterns, type, key] = marker === 'none' ? fields : fields.slice(1);
  if (patterns === undefined || type === undefined || key === undefined) return undefined;
  return { line, marker, patterns, type, key: Buffer.from(key, 'base64') };
}

function parseMarker(field: string | undefined): KnownKey['marker'] | undefined {
  if (!field?.startsWith('@')) return 'none';
  if (field === '@revoked') return 'revoked';
  return field === '@cert-authority' ? 'cert-authority' : undefined;
}

function matchesHost(patterns: string, name: string): boolean {
  if (patterns.startsWith('|1|')) return matchesHash(patterns, name);
  let matched = false;
  for (const pattern of patterns.split(',')) {
    const negated = pattern.startsWith('!');
    if (!matchesPattern(negated ? pattern.slice(1) : pattern, name)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}

/** `|1|salt|hash`: HMAC-SHA1 of the name under the salt. */
function matchesHash(pattern: string, name: string): boolean {
  const [, , salt, hash] = pattern.split('|');
  if (salt === undefined || hash === undefined) return false;
  const expected = Buffer.from(hash, 'base64');
  const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

/** `*` and `?` are the only wildcards; brackets are part of the name. */
function matchesPattern(pattern: string, name: string): boolean {
  const source = pattern
    .toLowerCase()
    .replace(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`).test(name);
}
