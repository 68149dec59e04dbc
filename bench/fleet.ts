/**
 * What it costs to find out that a fleet is as it should be: `berth plan` over many hosts at once. A few real hosts play
 * all of them, each under many names: the one machine does the work of the whole fleet besides, so what berth itself
 * takes, its CPU seconds, is the figure to look at beside the time. Then the same over a network that is slower.
 *
 *   node bench/fleet.ts [--sizes 50,200] [--machines 2] [--delay-ms 25] [--cpu-profile FOLDER]
 *
 * Needs root on Debian or Ubuntu, and what the embedded hosts of the tests need.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { artifactCache, berth, profileFor } from '../test/e2e/berth.ts';
import { type EmbeddedHost, embeddedHost } from '../test/harness/embedded.ts';
import type { Lifetime } from '../test/harness/node.ts';
import { startDelay } from './delay.ts';
import { releasesAtEnd } from './releases.ts';

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '50,200' },
    machines: { type: 'string', default: '2' },
    'delay-ms': { type: 'string', default: '25' },
    'cpu-profile': { type: 'string' },
  },
});

const checkout = resolve(import.meta.dirname, '..');

/** One of the machines, through a port of this one. */
interface Way {
  readonly machine: EmbeddedHost;
  readonly host: string;
  readonly port: number;
}

const main = async (): Promise<void> => {
  await using releases = releasesAtEnd();
  await Promise.race([releases.interrupted, compare(releases)]);
};

const compare = async (lifetime: Lifetime): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-fleet-'));
  lifetime.after(async () => rmSync(folder, { recursive: true, force: true }));
  const machines: EmbeddedHost[] = [];
  for (let index = 0; index < Number(values.machines); index += 1) {
    const machine = await embeddedHost(lifetime);
    await becomeNode(machine, folder);
    machines.push(machine);
  }
  for (const delayMs of [0, Number(values['delay-ms'])]) {
    const delays = await Promise.all(
      machines.map(({ ssh }) => startDelay({ host: ssh.host, port: ssh.port, delayMs })),
    );
    const ways = machines.map((machine, index): Way => {
      // Without a delay nothing lies between.
      const port = delays[index]?.port;
      return delayMs === 0 || port === undefined
        ? { machine, host: machine.ssh.host, port: machine.ssh.port }
        : { machine, host: '127.0.0.1', port };
    });
    for (const size of values.sizes.split(',').map(Number)) await measure(size, delayMs, ways, folder);
    await Promise.all(delays.map((delay) => delay.close()));
  }
};

const becomeNode = async (machine: EmbeddedHost, folder: string): Promise<void> => {
  await machine.output("printf 'MaxStartups 500\\n' >> /etc/ssh/sshd_config && systemctl reload ssh");
  const { exitCode, output } = await berth('apply', profileFor(machine, folder), '--yes', '--ci');
  if (exitCode !== 0) throw new Error(output);
};

const fleetProfile = (size: number, ways: readonly Way[], folder: string): string => {
  const path = join(folder, `fleet-${size}.yaml`);
  const hosts = Array.from({ length: size }, (_, index) => {
    const way = ways[index % ways.length];
    if (way === undefined) throw new Error('there is no machine');
    const { identityFiles, knownHostsFiles } = way.machine.ssh;
    const ssh = {
      ...{ host: way.host, port: way.port, user: 'root', identityFiles, knownHostsFiles },
      hostKeyAlias: way.machine.ssh.host,
    };
    return { name: `node-${index + 1}`, ssh };
  });
  const spec = {
    artifacts: { source: 'go' },
    registries: { insecure: ['localhost:5000'] },
    verify: { level: 'node', image: 'localhost:5000/crio/redis:alpine', imageSource: 'embedded' },
  };
  // YAML includes JSON.
  writeFileSync(path, JSON.stringify({ hosts, spec }));
  return path;
};

const measure = async (
  size: number,
  delayMs: number,
  ways: readonly Way[],
  folder: string,
): Promise<void> => {
  const profile = fleetProfile(size, ways, folder);
  const { exitCode, seconds, cpu, output } = await timed(['plan', profile, '--ci', '--stats']);
  if (exitCode !== 0) throw new Error(`berth plan finds something to do:\n${output.slice(-4000)}`);
  const trips = [...output.matchAll(/^node-\d+ +(\d+) /gm)].map(([, count]) => Number(count));
  const worst = Math.max(...trips);
  console.log(
    `${size} hosts, ${2 * delayMs} ms there and back: ${seconds.toFixed(2)} s, berth's CPU ${cpu.toFixed(2)} s ` +
      `(${((cpu * 1000) / size).toFixed(0)} ms a host), at most ${worst} round trips a host (${trips.length} hosts answered)`,
  );
};

interface Timed {
  readonly exitCode: number;
  readonly seconds: number;
  /** Seconds of CPU of berth and what it started. */
  readonly cpu: number;
  readonly output: string;
}

/** bash's own `time` tells the CPU time of the command that it waited for. */
const timed = async (args: readonly string[]): Promise<Timed> => {
  const profiling = values['cpu-profile'];
  const env = {
    ...process.env,
    BERTH_CACHE: artifactCache,
    NO_COLOR: '1',
    ...(profiling === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profiling}` }),
  };
  const script = 'TIMEFORMAT="%U %S"; time "$@"';
  const began = performance.now();
  const child = spawn('bash', ['-c', script, 'berth', join(checkout, 'src/cli/berth'), ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const [code] = await once(child, 'close');
  const seconds = (performance.now() - began) / 1000;
  const [user = '0', system = '0'] = errors.trim().split('\n').at(-1)?.split(' ') ?? [];
  return { exitCode: Number(code), seconds, cpu: Number(user) + Number(system), output: output + errors };
};

await main();
