/** What ansible-vault has encrypted: only Ansible, and who has its password, can say it. */
export const vaulted: unique symbol = Symbol('vaulted');

/** What variables of Ansible say; values of other kinds than text and number are nothing that matters here. */
export type Vars = ReadonlyMap<string, string | typeof vaulted>;

/** An inventory as it is written, before groups are laid under hosts. */
export interface Inventory {
  readonly groups: ReadonlyMap<string, Group>;
}

export interface Group {
  /** Hosts that the group names, with what it says of each. */
  readonly hosts: ReadonlyMap<string, Vars>;
  readonly vars: Vars;
  readonly children: ReadonlySet<string>;
}

/** The name of every host, in the order of the inventory. */
export const hostNamesIn = ({ groups }: Inventory): readonly string[] => [
  ...new Set([...groups.values()].flatMap(({ hosts }) => [...hosts.keys()])),
];

/** Names with ranges, as in `web[01:12].example` and `db-[a:c]`, written out. */
export function writtenOut(name: string): string[] {
  const match = /^(.*?)\[([0-9]+|[a-z]):([0-9]+|[a-z])(?::(\d+))?\](.*)$/i.exec(name);
  if (match === null) return [name];
  const [, before = '', from = '', to = '', stride = '1', after = ''] = match;
  return range(from, to, Math.max(1, Number(stride))).flatMap((part) => writtenOut(before + part + after));
}

/** More than this is a slip of the pen. */
const longestRange = 5000;

function range(from: string, to: string, stride: number): string[] {
  const isNumber = /^\d+$/.test(from) && /^\d+$/.test(to);
  const [first, last] = isNumber ? [Number(from), Number(to)] : [from.charCodeAt(0), to.charCodeAt(0)];
  const parts: string[] = [];
  for (let at = first; at <= last && parts.length < longestRange; at += stride)
    parts.push(isNumber ? String(at).padStart(from.length, '0') : String.fromCharCode(at));
  return parts;
}
