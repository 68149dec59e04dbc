import { type Candidate, hostNameOf } from '../../inventory/candidates/candidate.ts';
import { parseHop } from '../../profile/jump-host.ts';

/*
 * Hosts as people type and paste them: one a line or with commas between them, `user@host:port`, with a name before it
 * (`node-1=…`) or beside it, as lines of /etc/hosts and of spreadsheets have them; `ssh -p 22 user@host` too.
 */

export type Typed =
  | { readonly hosts: readonly Candidate[] }
  /** Of the first one that is none. */
  | { readonly problem: string };

/** `taken`: names that hosts have already. */
export const typedHosts = (text: string, taken: readonly string[]): Typed => {
  const names = new Set(taken);
  const hosts: Candidate[] = [];
  for (const item of itemsOf(text)) {
    const host = typedHost(item, names);
    if (typeof host === 'string') return { problem: host };
    names.add(host.name);
    hosts.push(host);
  }
  return { hosts };
};

const itemsOf = (text: string): string[] =>
  text
    .split(/[\n;,]/)
    .map((item) => item.replace(/#.*$/, '').trim())
    .filter((item) => item !== '');

const typedHost = (item: string, taken: ReadonlySet<string>): Candidate | string => {
  const { words, port } = withoutSsh(item.split(/\s+/));
  const [first = '', second] = words;
  if (words.length > 2) return `"${item}" is more than a host; write NAME=user@host:port, one a line`;
  const cut = first.indexOf('=');
  const [name, address] = cut > 0 ? [first.slice(0, cut), first.slice(cut + 1)] : [second, first];
  if (name !== undefined && hostNameOf(name) === '')
    return `"${name}" is no name for a host: it has letters, digits, dots and dashes`;
  const hop = parseHop(address);
  if (typeof hop === 'string') return `"${address}": ${hop}`;
  const ssh = { ...hop, ...(port === undefined ? {} : { port }) };
  return {
    name: name === undefined ? nameFor(hop.host, taken) : hostNameOf(name),
    way: { ssh },
    groups: [],
    about: address,
  };
};

/** What was typed to reach it so far is a way to say it. */
const withoutSsh = (words: readonly string[]): { words: readonly string[]; port?: number } => {
  if (words[0] !== 'ssh') return { words };
  const at = words.indexOf('-p');
  const port = at < 0 ? undefined : Number(words[at + 1]);
  const rest = words.filter((_word, index) => index > 0 && (at < 0 || (index !== at && index !== at + 1)));
  return port === undefined || !Number.isInteger(port) ? { words: rest } : { words: rest, port };
};

const isAddress = (host: string): boolean => /^[0-9.]+$/.test(host) || host.includes(':');

/** The first label of a name; an address is no name. */
const nameFor = (host: string, taken: ReadonlySet<string>): string =>
  isAddress(host) ? freeName(`node-${taken.size + 1}`, taken) : hostNameOf(host.split('.')[0] ?? host);

/** A name that no host has: with a number where it is taken. */
export const freeName = (wanted: string, taken: ReadonlySet<string>): string => {
  const base = wanted === '' ? 'node' : wanted;
  if (!taken.has(base)) return base;
  const stem = base.replace(/-\d+$/, '');
  for (let number = 1; ; number += 1) if (!taken.has(`${stem}-${number}`)) return `${stem}-${number}`;
};
