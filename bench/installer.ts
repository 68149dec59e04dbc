/**
 * What it costs to make hosts nodes, and to find out that they are: berth beside Ansible and pyinfra with the same role
 * (packages, folders, files, links, sysctls, modules, units, read from berth's own record on a host), against the same
 * hosts over the same SSH, without and with latency. What counts is the ratio.
 *
 *   npm run bench:installer -- [--hosts 1,20] [--delay-ms 0,50] [--rounds 3] [--first-rounds 1]
 *
 * Needs root on Debian or Ubuntu, what the embedded hosts of the tests need, and Python 3.11 with venv and pip: the
 * newest Ansible and pyinfra are installed into a folder of their own.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { type EmbeddedHost, embeddedTestFolder } from '../test/harness/embedded.ts';
import type { Lifetime } from '../test/harness/node.ts';
import { startDelay } from './delay.ts';
import { ansible } from './installer/ansible.ts';
import { berthTool, planNothing, type Wants } from './installer/berth.ts';
import { bootHosts, hostKeys } from './installer/hosts.ts';
import { pyinfra } from './installer/pyinfra.ts';
import { cleanHost, countsOf, type Role, readRole } from './installer/role.ts';
import type { Target, Tool, Way } from './installer/tool.ts';
import { releasesAtEnd } from './releases.ts';

const run = promisify(execFile);

const numbers = (text: string): number[] => text.split(',').map(Number);
const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '1,20' },
    'delay-ms': { type: 'string', default: '0,50' },
    rounds: { type: 'string', default: '3' },
    'first-rounds': { type: 'string', default: '1' },
  },
});

/** The distribution's names of what a node needs, and four more of a usual machine: ten packages that are there before. */
const needed = ['runc', 'containernetworking-plugins', 'socat', 'iproute2', 'iptables', 'conntrack'];
const extra = ['jq', 'procps', 'kmod', 'zstd'];
/** With the three that every node has: six. */
const wants: Wants = {
  packages: extra,
  sysctls: {
    'net.ipv4.conf.all.rp_filter': '0',
    'net.ipv4.tcp_keepalive_time': '600',
    'net.core.somaxconn': '4096',
  },
};

const tools = resolve(import.meta.dirname, '../node_modules/.cache/berth-bench/peers');

const installPeers = async (): Promise<void> => {
  if (existsSync(join(tools, 'bin/pyinfra'))) return;
  console.log('installing ansible and pyinfra');
  await run('python3', ['-m', 'venv', tools]);
  await run(join(tools, 'bin/pip'), ['--quiet', 'install', 'ansible', 'pyinfra'], { maxBuffer: 2 ** 26 });
};

const main = async (): Promise<void> => {
  await using releases = releasesAtEnd();
  await Promise.race([releases.interrupted, compareAll(releases)]);
};

const compareAll = async (lifetime: Lifetime): Promise<void> => {
  mkdirSync(embeddedTestFolder, { recursive: true });
  // Beside the hosts' own folders: a layer must lie on the same file system.
  const folder = mkdtempSync(join(embeddedTestFolder, 'bench-'));
  lifetime.after(async () => rmSync(folder, { recursive: true, force: true }));
  await installPeers();
  const counts = numbers(values.hosts);
  const hosts = await bootHosts(lifetime, Math.max(...counts), [...needed, ...extra], folder);
  const role = await learnRole(hosts, folder);
  for (const peer of ['ansible', 'pyinfra'])
    console.log((await run(join(tools, 'bin', peer), ['--version'])).stdout.split('\n')[0]);
  console.log(`the role: ${countsOf(role)}`);
  const peers = [
    berthTool(wants),
    ansible(join(tools, 'bin/ansible-playbook'), role),
    pyinfra(join(tools, 'bin/pyinfra'), role),
  ];
  for (const count of counts)
    for (const delayMs of numbers(values['delay-ms']))
      await compare(hosts.slice(0, count), delayMs, peers, role, folder);
};

/** berth makes the first host a node; what it noted there is the role. Its caches are warm then, as the peers' files are. */
const learnRole = async (hosts: readonly EmbeddedHost[], folder: string): Promise<Role> => {
  const [first] = hosts;
  if (first === undefined) throw new Error('there is no host');
  const way = await openWay([first], 0, join(folder, 'learn'));
  try {
    await berthTool(wants).run(way.way, 'changes');
  } finally {
    await way.close();
  }
  const role = await readRole(first, [...needed, ...extra], join(folder, 'contents'));
  await cleanHost(first, role);
  return role;
};

const openWay = async (
  hosts: readonly EmbeddedHost[],
  delayMs: number,
  folder: string,
): Promise<{ way: Way; close(): Promise<void> }> => {
  mkdirSync(folder);
  const closers: (() => Promise<void>)[] = [];
  const targets: Target[] = [];
  const keys: string[] = [];
  const identity = hosts[0]?.ssh.identityFiles[0] ?? '';
  await letIn(identity, hosts);
  for (const [index, host] of hosts.entries()) {
    const target = await reach(host, delayMs, closers);
    targets.push({ name: `node-${index + 1}`, ...target });
    keys.push(await hostKeys(host, target.port === 22 ? target.host : `[${target.host}]:${target.port}`));
  }
  const knownHosts = join(folder, 'known_hosts');
  writeFileSync(knownHosts, keys.join(''));
  const way = { folder, targets, user: 'root', identity, knownHosts };
  return { way, close: async () => void (await Promise.all(closers.map((close) => close()))) };
};

/** Each host has a key of its own; the tools get one for all of them, as an operator has. */
const letIn = async (identity: string, hosts: readonly EmbeddedHost[]): Promise<void> => {
  const key = (await readFile(`${identity}.pub`, 'utf8')).trim();
  const accept = `grep -qxF '${key}' /root/.ssh/authorized_keys || echo '${key}' >> /root/.ssh/authorized_keys`;
  await Promise.all(hosts.map((host) => host.output(accept)));
};

const reach = async (
  { ssh }: EmbeddedHost,
  delayMs: number,
  closers: (() => Promise<void>)[],
): Promise<{ host: string; port: number }> => {
  if (delayMs === 0) return { host: ssh.host, port: ssh.port };
  const way = await startDelay({ host: ssh.host, port: ssh.port, delayMs });
  closers.push(() => way.close());
  return { host: '127.0.0.1', port: way.port };
};

interface Samples {
  readonly first: number[];
  readonly nothing: number[];
}

const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
};

const compare = async (
  hosts: readonly EmbeddedHost[],
  delayMs: number,
  peers: readonly Tool[],
  role: Role,
  folder: string,
): Promise<void> => {
  console.log(`\n${hosts.length} hosts, ${delayMs} ms added each way`);
  const plans: number[] = [];
  const samples = new Map<string, Samples>(peers.map(({ name }) => [name, { first: [], nothing: [] }]));
  const place = join(folder, `${hosts.length}-${delayMs}`);
  const { way, close } = await openWay(hosts, delayMs, place);
  try {
    for (let round = 0; round < Number(values['first-rounds']); round += 1)
      for (const tool of peers) await firstRun(tool, way, hosts, role, samples.get(tool.name));
    // All tools find the same node: berth's, made last.
    const [berth, ...others] = peers;
    if (berth === undefined) return;
    await cleanHosts(hosts, role);
    await berth.run(way, 'changes');
    for (const tool of others) await tool.run(way, 'changes');
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const tool of peers)
        samples.get(tool.name)?.nothing.push(await seconds(() => tool.run(way, 'nothing')));
      plans.push(await seconds(() => planNothing(way, wants)));
    }
    await cleanHosts(hosts, role);
  } finally {
    await close();
  }
  report(samples, plans);
};

const cleanHosts = async (hosts: readonly EmbeddedHost[], role: Role): Promise<void> => {
  for (const host of hosts) await cleanHost(host, role);
};

const firstRun = async (
  tool: Tool,
  way: Way,
  hosts: readonly EmbeddedHost[],
  role: Role,
  samples: Samples | undefined,
): Promise<void> => {
  await cleanHosts(hosts, role);
  samples?.first.push(await seconds(() => tool.run(way, 'changes')));
};

const report = (samples: ReadonlyMap<string, Samples>, plans: readonly number[]): void => {
  const own = samples.get('berth');
  console.log(`  first run: ${row(samples, 'first', median(own?.first ?? []))}`);
  console.log(`  no-op: ${row(samples, 'nothing', median(own?.nothing ?? []))}`);
  console.log(`  no-op, unproven (berth plan): ${row(samples, 'nothing', median(plans))}`);
};

/** One line of a cell: berth's seconds, and how many times longer each peer took. */
const row = (samples: ReadonlyMap<string, Samples>, kind: keyof Samples, own: number): string =>
  [...samples]
    .map(([name, all]) => {
      if (name === 'berth') return `${name} ${own.toFixed(2)} s`;
      const middle = median(all[kind]);
      return `${name} ${middle.toFixed(2)} s (${(middle / own).toFixed(1)} ×)`;
    })
    .join(', ');

const median = (list: readonly number[]): number =>
  [...list].sort((a, b) => a - b)[(list.length - 1) >> 1] ?? Number.NaN;

await main();
