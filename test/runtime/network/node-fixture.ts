import { spawn, spawnSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pinNamespaces, unpinNamespace } from '../../../runtime/linux/namespaces.ts';
import { createNetwork } from '../../../runtime/network/create-network.ts';
import type {
  Network,
  PluginOutcome,
  PluginRun,
  PodNetwork,
  RunPlugin,
} from '../../../runtime/network/pod-network.ts';

export const PLUGIN_DIR = '/usr/lib/cni';

/**
 * A node of its own for one test: configuration folder, plugin folder, records, a bridge and a subnet. Plugins run
 * in a network namespace that stands for the host's, so that bridges and iptables rules go with it.
 */
export interface NodeFixture {
  readonly folder: string;
  readonly networkDir: string;
  readonly bridge: string;
  readonly subnet: string;
  readonly network: Network;
  readonly warnings: string[];
  /** Every plugin that was run, in order. */
  readonly runs: { readonly command: string; readonly type: string; readonly run: PluginRun }[];
  configure(file: string, value: unknown): void;
  /** A plugin that is this shell script. */
  addPlugin(name: string, script: string): void;
  /** A pod with a pinned network namespace. */
  pod(more?: Partial<PodNetwork>): PodNetwork;
  /** What a command prints in the node's own network namespace; it must succeed. */
  onHost(...argv: readonly string[]): string;
  remove(): void;
}

export const createNodeFixture = (options: { readonly defaultNetwork?: string } = {}): NodeFixture => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-cni-'));
  const suffix = randomBytes(4).toString('hex');
  const networkDir = join(folder, 'net.d');
  const pluginDir = join(folder, 'bin');
  mkdirSync(networkDir);
  mkdirSync(pluginDir);
  const runs: NodeFixture['runs'] = [];
  const warnings: string[] = [];
  const pinned: string[] = [];
  const bridge = `bt${suffix}`;
  const { net: host = '' } = pinNamespaces({ dir: join(folder, 'host'), kinds: ['net'] });

  const runPlugin: RunPlugin = async (run) => {
    const [path = ''] = run.argv;
    runs.push({ command: run.env['CNI_COMMAND'] ?? '', type: path.split('/').at(-1) ?? '', run });
    return runProgram({ ...run, argv: ['nsenter', `--net=${host}`, ...run.argv] });
  };
  return {
    folder,
    networkDir,
    bridge,
    subnet: `10.${randomInt(100, 250)}.${randomInt(256)}.0/24`,
    network: createNetwork({
      cni: { defaultNetwork: options.defaultNetwork, networkDir, pluginDirs: [pluginDir, PLUGIN_DIR] },
      stateDir: join(folder, 'state'),
      runPlugin,
      warn: (message) => warnings.push(message),
    }),
    warnings,
    runs,
    configure: (file, value) =>
      writeFileSync(join(networkDir, file), typeof value === 'string' ? value : JSON.stringify(value)),
    addPlugin: (name, script) =>
      writeFileSync(join(pluginDir, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 }),
    pod: (more = {}) => {
      const id = `pod-${suffix}-${pinned.length}`;
      const { net = '' } = pinNamespaces({ dir: join(folder, id), kinds: ['net'] });
      pinned.push(net);
      return { id, name: 'web', namespace: 'default', uid: 'u-1', netns: net, portMappings: [], ...more };
    },
    onHost: (...argv) => printedIn(host, argv),
    remove: () => {
      for (const path of [...pinned, host]) unpinNamespace(path);
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** A bridge with host-local addresses, as a node's 10-mynet.conflist has it, kept inside the test's folder. */
export const bridgeNetwork = (node: NodeFixture, more: Readonly<Record<string, unknown>> = {}) => ({
  cniVersion: '1.0.0',
  name: `net-${node.bridge}`,
  plugins: [
    {
      type: 'bridge',
      bridge: node.bridge,
      isGateway: true,
      ipam: {
        type: 'host-local',
        ranges: [[{ subnet: node.subnet }]],
        routes: [{ dst: '0.0.0.0/0' }],
        dataDir: join(node.folder, 'ipam'),
      },
    },
  ],
  ...more,
});

const runProgram = ({
  argv: [path = '', ...args],
  env,
  stdin,
  timeoutMs,
}: PluginRun): Promise<PluginOutcome> =>
  new Promise((resolve, reject) => {
    const child = spawn(path, args, { env, timeout: timeoutMs });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr, timedOut: child.killed }));
    child.stdin.on('error', () => {}).end(stdin);
  });

/** What a command prints inside the pod's network namespace; it must succeed. */
export const inPod = (pod: PodNetwork, ...argv: readonly string[]): string => printedIn(pod.netns, argv);

const printedIn = (netns: string, argv: readonly string[]): string => {
  const { status, stdout, stderr } = spawnSync('nsenter', [`--net=${netns}`, ...argv], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
  return stdout;
};
