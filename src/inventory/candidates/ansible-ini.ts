import { Fail } from '../../core/fail.ts';
import { type Inventory, type Vars, writtenOut } from './ansible-inventory.ts';

interface Growing {
  readonly hosts: Map<string, Vars>;
  readonly vars: Map<string, string>;
  readonly children: Set<string>;
}

/**
 * The INI form: sections `[group]` with hosts, `[group:vars]` and `[group:children]`; hosts before any section belong to
 * none. @throws Fail `BadUsage` with the line that is none of it
 */
export function parseIni(text: string, file: string): Inventory {
  const groups = new Map<string, Growing>();
  const group = (name: string): Growing => {
    const known = groups.get(name) ?? { hosts: new Map(), vars: new Map(), children: new Set() };
    groups.set(name, known);
    return known;
  };
  let current = group('ungrouped');
  let kind = 'hosts';
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || /^[#;]/.test(line)) continue;
    const section = /^\[([^\]:\s]+)(?::(vars|children|hosts))?\]\s*(?:#.*)?$/.exec(line);
    if (section !== null) {
      current = group(section[1] ?? '');
      kind = section[2] ?? 'hosts';
    } else if (line.startsWith('[')) throw badLine(file, index, line);
    else if (kind === 'children') current.children.add(childOf(line, group));
    else if (kind === 'vars')
      for (const [key, value] of assignment(line, file, index)) current.vars.set(key, value);
    else if (isHostLine(line)) addHosts(current, line);
    else throw badLine(file, index, line);
  }
  return { groups };
}

/** A child is a group, also when nothing else is said of it. */
function childOf(line: string, group: (name: string) => Growing): string {
  const name = line.split(/\s/)[0] ?? '';
  group(name);
  return name;
}

/** A name, which may have ranges and a port, and variables: any text has words in its lines. */
const isHostLine = (line: string): boolean => {
  const [name = '', ...rest] = wordsOf(line);
  return /^[\p{L}\p{N}_.:@%[\]-]+$/u.test(name) && rest.every((word) => word.indexOf('=') > 0);
};

function addHosts(group: Growing, line: string): void {
  const [name = '', ...rest] = wordsOf(line);
  const vars = new Map(
    rest.map((word): [string, string] => {
      const cut = word.indexOf('=');
      return [word.slice(0, cut), unquoted(word.slice(cut + 1))];
    }),
  );
  const { host, port } = withPort(name);
  if (port !== undefined) vars.set('ansible_port', vars.get('ansible_port') ?? port);
  for (const one of writtenOut(host))
    group.hosts.set(one, new Map([...(group.hosts.get(one) ?? []), ...vars]));
}

/** `name:22`; an IPv6 address has colons of its own. */
const withPort = (name: string): { host: string; port?: string } => {
  const [, host, port] = /^([^:]*(?:\[[^\]]*\][^:]*)*):(\d+)$/.exec(name) ?? [];
  return host === undefined || port === undefined ? { host: name } : { host, port };
};

/** Blanks within quotes are part of a word; a # that begins a word begins a comment. */
const wordsOf = (line: string): string[] => {
  const words = line.match(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g) ?? [];
  const comment = words.findIndex((word) => word.startsWith('#'));
  return comment < 0 ? words : words.slice(0, comment);
};

const unquoted = (text: string): string => text.replace(/^(["'])(.*)\1$/, '$2');

function assignment(line: string, file: string, index: number): [string, string][] {
  const cut = line.indexOf('=');
  if (cut < 1) throw badLine(file, index, line);
  return [[line.slice(0, cut).trim(), unquoted(line.slice(cut + 1).trim())]];
}

const badLine = (file: string, index: number, line: string): Fail =>
  new Fail('BadUsage', `${file}:${index + 1}: "${line.slice(0, 60)}" is no line of an Ansible inventory`, {
    hint: 'Correct it; ansible-inventory --list says whether Ansible itself understands the file.',
  });
