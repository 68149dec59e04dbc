import { readdir, readFile } from 'node:fs/promises';
import { commandOutput } from '../../src/core/command.ts';
import { placesOf } from '../../src/inventory/embedded/places.ts';
import { type EmbeddedHost, embeddedTestFolder } from './embedded.ts';

type Release = { after(release: () => Promise<void>): void };

const never = new AbortController().signal;
const output = (argv: readonly string[]): Promise<string> => commandOutput(argv, { signal: never });

/** Counts what somebody sends beyond what is allowed; none of it gets anywhere. */
export interface Counted {
  /** Packets so far, by rule; empty: nobody asked for anything. */
  packets(): Promise<readonly string[]>;
}

/**
 * Lets an embedded host speak to this machine by ssh and to nobody else: its way to package mirrors is shut, its default
 * route leads nowhere. Rules end with the host's network namespace.
 */
export async function cutOff({ address }: EmbeddedHost): Promise<Counted> {
  const inside = ['nsenter', `--net=${await namespaceOf(address.name)}`];
  // The verification knocks at the neighbours on the wire, from the host and from a pod, to see that pods get out.
  for (const chain of ['OUTPUT', 'FORWARD'])
    for (const port of ['22', '53', '443']) {
      const knock = ['-o', 'host0', '-d', `${address.network}.0/24`, '-p', 'tcp', '--dport', port];
      await output([...inside, 'iptables', '-w', '-A', chain, ...knock, '-j', 'ACCEPT']);
    }
  await refuse(inside, 'host0', ['-p', 'tcp', '--sport', '22']);
  // The proxy that embedded hosts have on their own loopback.
  await refuse(inside, 'lo', ['!', '-p', 'tcp'], ['-p', 'tcp', '!', '--dport', '3128']);
  return counted(inside);
}

/** A network namespace for berth itself, from which only this host can be reached; everything else is counted. */
export async function isolation(
  t: Release,
  { address: { name, network } }: EmbeddedHost,
): Promise<Counted & { readonly argv: readonly string[] }> {
  const space = `bi-${name}`;
  const argv = ['ip', 'netns', 'exec', space];
  await output(['ip', 'netns', 'add', space]);
  t.after(async () => {
    await output(['ip', 'netns', 'delete', space]);
  });
  await output(['ip', 'link', 'add', 'host', 'netns', space, 'type', 'veth', 'peer', 'name', `bc-${name}`]);
  await output(['ip', 'link', 'set', `bc-${name}`, 'master', placesOf(embeddedTestFolder, name).title, 'up']);
  for (const command of [
    'link set lo up',
    'link set host up',
    `address add ${network}.3/24 dev host`,
    // Without a route, attempts would end before there is a packet to count.
    'link add world type veth peer name nowhere',
    'link set world up',
    'link set nowhere up',
    'route add default dev world',
  ])
    await output([...argv, 'ip', ...command.split(' ')]);
  await refuse(argv, 'world');
  // The host's knock is answered with a refusal.
  const refusal = ['-p', 'tcp', '-d', `${network}.2`, '--sport', '22', '--tcp-flags', 'RST', 'RST'];
  await refuse(argv, 'host', refusal, ['-p', 'tcp', '-d', `${network}.2`, '--dport', '22']);
  return { argv, ...counted(argv) };
}

async function refuse(
  inside: readonly string[],
  device: string,
  ...allowed: readonly (readonly string[])[]
): Promise<void> {
  for (const chain of ['OUTPUT', 'FORWARD']) {
    const rule = [...inside, 'iptables', '-w', '-A', chain, '-o', device];
    for (const allow of allowed) await output([...rule, ...allow, '-j', 'ACCEPT']);
    await output([...rule, '-m', 'comment', '--comment', 'counted', '-j', 'DROP']);
    // The kernel's own neighbour discovery asks for nothing.
    const six = [...inside, 'ip6tables', '-w', '-A', chain, '-o', device];
    if (device === 'lo') continue;
    await output([...six, '-p', 'icmpv6', '-j', 'ACCEPT']);
    await output([...six, '-m', 'comment', '--comment', 'counted', '-j', 'DROP']);
  }
}

const counted = (inside: readonly string[]): Counted => ({
  async packets() {
    const found: string[] = [];
    for (const program of ['iptables', 'ip6tables'])
      for (const chain of ['OUTPUT', 'FORWARD']) {
        const rules = await output([...inside, program, '-w', '-nvxL', chain]);
        const hits = rules.split('\n').filter((line) => line.includes('counted') && !/^\s*0\s/.test(line));
        found.push(...hits.map((line) => `${program} ${chain} ${line.trim()}`));
      }
    return found;
  },
});

/** The path of the namespace, from the command line of the host's systemd-nspawn. */
async function namespaceOf(name: string): Promise<string> {
  const machine = `--machine=${placesOf(embeddedTestFolder, name).title}`;
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (!argv.includes(machine)) continue;
    const path = argv.find((argument) => argument.startsWith('--network-namespace-path='));
    if (path !== undefined) return path.slice('--network-namespace-path='.length);
  }
  throw new Error(`no embedded host ${name} runs`);
}
