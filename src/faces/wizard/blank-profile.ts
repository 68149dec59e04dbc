import { stringify } from 'yaml';
import type { ProfileSources } from '../../profile/profile.ts';
import { specSchema } from '../../profile/schema.ts';

/** Each part that a new profile says out loud, with the comment above it. */
const parts = [
  ['engine', 'The runtime behind the CRI socket, which the kubelet and crictl talk to.'],
  ['ociRuntimes', 'What starts the containers; the first is for pods that ask for none by name.'],
  ['crictl', 'The command line that proves the node: at most one minor version from the kubelet.'],
  ['cni', 'Pods get their addresses from these ranges, which must be free in your network.'],
  ['registries', 'Where images come from; short names are looked for in this order.'],
  ['verify', 'How much is proven after each apply: smoke, node or full.'],
] as const;

/** Of these sections a new profile says no more than this: the rest has defaults that nobody needs to read. */
const said: Readonly<Record<string, readonly string[]>> = {
  engine: ['name'],
  ociRuntimes: ['name'],
  crictl: ['version'],
  cni: ['networks'],
  registries: ['unqualifiedSearch'],
  verify: ['level'],
};

/** A profile without hosts: the defaults, written out and commented. */
export const blankProfile = (file: string): ProfileSources => ({
  files: [{ file, text: blankText(), role: 'profile' }],
  set: [],
  external: new Map(),
});

const blankText = (): string => {
  const defaults: Readonly<Record<string, unknown>> = specSchema.parse({});
  const spec = parts.map(([key, comment]) => {
    const value = only(defaults[key], said[key]);
    const text = stringify({ [key]: value }, { lineWidth: 0 });
    return indented(`# ${comment}\n${onOneLine(text)}`);
  });
  return `# A profile of berth, begun by berth init: what these machines are to be.
#
#   berth plan FILE      shows what would change
#   berth apply FILE     changes it, then proves the hosts with crictl
#
# docs/profile.md explains every key, also those that are not here.
apiVersion: berth.dev/v1
kind: NodeProfile

# The machines that become nodes, and how each is reached.
hosts:

spec:
${spec.join('')}`;
};

const only = (value: unknown, keys: readonly string[] | undefined): unknown => {
  if (keys === undefined || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((entry) => only(entry, keys));
  return Object.fromEntries(Object.entries(value).filter(([key]) => keys.includes(key)));
};

/** Lists of plain values read best on the line of their key. */
const onOneLine = (text: string): string =>
  text.replace(/:\n((?: +- [^\s:]+(?::\d+)?\n)+)/g, (_all, items: string) => {
    const values = items.trim().split(/\s*- /).filter(Boolean);
    return `: [${values.map((value) => value.trim()).join(', ')}]\n`;
  });

const indented = (text: string): string => text.replace(/^(?=.)/gm, '  ');
