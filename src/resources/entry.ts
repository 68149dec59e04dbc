import { fileAt } from '../host/facts/files.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { Change, Step } from './change.ts';
import type { EntryResource } from './resource.ts';

/*
 * Entries in a configuration that belongs to somebody else, as one source of a firewalld zone: the owner's own tool makes
 * and removes them, beside the entries of others, which stay.
 */

type System = EntryResource['system'];

interface Owner {
  /** What the entry is called in a plan. */
  readonly title: (name: string) => string;
  readonly add: (entry: Pick<EntryResource, 'name' | 'value'>) => readonly string[];
  /** Safe to run when the entry is gone already. */
  readonly remove: (name: string) => readonly string[];
  readonly has: (entry: Pick<EntryResource, 'name' | 'value'>, facts: Facts) => boolean;
  /** Packets may stop or begin to pass: a timer on the host takes it back unless a new connection confirms. */
  readonly guarded: boolean;
}

const shell = (script: string, ...words: string[]): string[] => ['sh', '-c', script, 'sh', ...words];

const textAt = (path: string, { files }: Facts): string => {
  const file = fileAt(files, path);
  return file.kind === 'file' ? (file.text ?? '') : '';
};

export const trustedZoneFile = '/etc/firewalld/zones/trusted.xml';
export const localContextsFile = '/etc/selinux/targeted/contexts/files/file_contexts.local';

/** firewalld.richlanguage aside, a zone's sources are elements of its file: firewalld.zone(5). */
const firewalld: Owner = {
  title: (range) => `${range} in firewalld's zone trusted`,
  // Now and for later, without a reload: that would drop what others added for now only.
  add: ({ name }) =>
    shell(
      'firewall-cmd --permanent --zone=trusted --add-source="$1" && firewall-cmd --zone=trusted --add-source="$1"',
      name,
    ),
  remove: (range) =>
    shell(
      'command -v firewall-cmd > /dev/null || exit 0; firewall-cmd --state > /dev/null 2>&1 || ' +
        '{ firewall-offline-cmd --zone=trusted --remove-source="$1"; exit 0; }; ' +
        'firewall-cmd --permanent --zone=trusted --remove-source="$1" && ' +
        'firewall-cmd --zone=trusted --remove-source="$1"',
      range,
    ),
  has: ({ name }, facts) => textAt(trustedZoneFile, facts).includes(`<source address="${name}"`),
  guarded: true,
};

/** The comment tells whose a rule is: `ufw status` shows it. */
const ufw: Owner = {
  title: (rule) => `ufw's rule route allow ${rule}`,
  add: ({ name }) => ['ufw', 'route', 'allow', ...name.split(' '), 'comment', 'berth'],
  remove: (rule) =>
    shell('command -v ufw > /dev/null || exit 0; ufw route delete allow "$@"', ...rule.split(' ')),
  has: ({ name }, { health }) => health.ufwRoutes.has(name),
  guarded: true,
};

/** semanage-fcontext(8): what a relabel of the file system keeps. */
const fcontext: Owner = {
  title: (pattern) => `SELinux file context of ${pattern}`,
  add: ({ name, value }) =>
    shell(
      'semanage fcontext --add --type "$2" "$1" || semanage fcontext --modify --type "$2" "$1"',
      name,
      value ?? '',
    ),
  remove: (pattern) =>
    shell('command -v semanage > /dev/null || exit 0; semanage fcontext --delete "$1" || true', pattern),
  has: ({ name, value }, facts) =>
    textAt(localContextsFile, facts)
      .split('\n')
      .some((line) => line.startsWith(`${name} `) && line.includes(`:${value ?? ''}`)),
  guarded: false,
};

const owners: Readonly<Record<System, Owner>> = { firewalld, ufw, fcontext };

const isSystem = (text: string): text is System => text in owners;

const deadlineSeconds = 60;
const run = (argv: readonly string[]): Step => ({ kind: 'run', argv, deadlineSeconds });

export function planEntry(desired: EntryResource, facts: Facts): Change[] {
  const owner = owners[desired.system];
  if (owner.has(desired, facts)) return [];
  const name = `${desired.system}:${desired.name}`;
  return [
    {
      id: `entry:${name}`,
      action: 'create',
      summary: `add ${owner.title(desired.name)}`,
      origins: [{ kind: 'undo', name, argv: owner.remove(desired.name) }],
      ...(owner.guarded ? { guarded: true } : {}),
      steps: [run(owner.add(desired))],
    },
  ];
}

/** Takes away an entry that berth made and that no profile wants any more; `name` as the origin has it. */
export function removeEntry(origin: string, facts: Facts): Change[] {
  const at = origin.indexOf(':');
  const system = origin.slice(0, at);
  const name = origin.slice(at + 1);
  if (!isSystem(system)) return [];
  const owner = owners[system];
  if (!owner.has({ name }, facts)) return [];
  return [
    {
      id: `entry:${origin}`,
      action: 'remove',
      summary: `remove ${owner.title(name)}`,
      ...(owner.guarded ? { guarded: true } : {}),
      steps: [run(owner.remove(name))],
    },
  ];
}
