/**
 * How long a pod with one container takes to come up and to go down: berth beside the containerd of the
 * distribution, on this machine, in one run, taking turns, with the same image, the same CNI plugins and the same
 * runc. Prints milliseconds and their ratio.
 *
 *   node bench/pod-lifecycle.ts [pods, default 30]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { mount, unmount } from '../runtime/linux/mounts.ts';
import { ImageService, NamespaceMode, RuntimeService } from '../runtime/spec/cri/api_pb.js';
import { startBusyboxRegistry } from '../test/harness/busybox-image.ts';
import { type Client, connectTo } from '../test/harness/cri-client.ts';
import { type Lifetime, removeTestCgroups, startNode } from '../test/harness/node.ts';

const WARM_UP_PODS = 3;
const STEPS = [
  'RunPodSandbox',
  'CreateContainer',
  'StartContainer',
  'up',
  'StopPodSandbox',
  'RemovePodSandbox',
  'down',
];

interface Peer {
  readonly name: string;
  readonly runtime: Client<typeof RuntimeService>;
  readonly cgroupParent: string;
  /** Milliseconds of each step, pod by pod. */
  readonly samples: Map<string, number[]>;
}

const main = async (pods: number): Promise<void> => {
  const releases: (() => Promise<void>)[] = [];
  const lifetime: Lifetime = { after: (release) => void releases.push(release) };
  try {
    const { registry, image, registries } = await startBusyboxRegistry();
    lifetime.after(() => registry.stop());
    const peers = [await startBerth(lifetime, image, registries), await startContainerd(lifetime, image)];
    for (let pod = -WARM_UP_PODS; pod < pods; pod += 1)
      for (const peer of peers) await lifeOf(peer, `p${pod + WARM_UP_PODS}`, image, pod >= 0);
    print(peers, pods);
  } finally {
    for (const release of releases.reverse()) await release();
  }
};

const lifeOf = async (peer: Peer, name: string, image: string, counts: boolean): Promise<void> => {
  const { runtime } = peer;
  const times: Record<string, number> = {};
  const timed = async <T>(step: string, work: Promise<T>): Promise<T> => {
    const began = performance.now();
    const result = await work;
    times[step] = performance.now() - began;
    return result;
  };
  const ownPids = { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } };
  const config = {
    metadata: { name, namespace: 'bench', uid: name, attempt: 0 },
    hostname: name,
    linux: { ...ownPids, cgroupParent: peer.cgroupParent },
  };
  const { podSandboxId } = await timed('RunPodSandbox', runtime.runPodSandbox({ config }));
  const container = { metadata: { name: 'c', attempt: 0 }, image: { image }, linux: ownPids };
  const request = { podSandboxId, config: container, sandboxConfig: config };
  const { containerId } = await timed('CreateContainer', runtime.createContainer(request));
  await timed('StartContainer', runtime.startContainer({ containerId }));
  await timed('StopPodSandbox', runtime.stopPodSandbox({ podSandboxId }));
  await timed('RemovePodSandbox', runtime.removePodSandbox({ podSandboxId }));
  const of = (step: string) => times[step] ?? Number.NaN;
  times['up'] = of('RunPodSandbox') + of('CreateContainer') + of('StartContainer');
  times['down'] = of('StopPodSandbox') + of('RemovePodSandbox');
  if (counts) for (const [step, time] of Object.entries(times)) peer.samples.get(step)?.push(time);
};

const newPeer = (name: string, runtime: Peer['runtime'], cgroupParent: string): Peer => ({
  name,
  runtime,
  cgroupParent,
  samples: new Map(STEPS.map((step) => [step, []])),
});

const startBerth = async (lifetime: Lifetime, image: string, registries: string): Promise<Peer> => {
  const node = await startNode(lifetime, { registries, logLevel: 'info' });
  await node.images.pullImage({ image: { image } });
  return newPeer('berth', node.runtime, `/berth-test-${node.name}`);
};

/** containerd with its own folders; the pause image is the bench's image, whose `sleep` serves as well. */
const startContainerd = async (lifetime: Lifetime, image: string): Promise<Peer> => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-bench-containerd-'));
  const bridge = `bc${process.pid}`;
  mkdirSync(join(folder, 'net.d'));
  const state = join(folder, 'state');
  mkdirSync(state);
  // As under /run, and as berth's.
  mount({ source: 'tmpfs', target: state, type: 'tmpfs', data: 'mode=711' });
  writeFileSync(join(folder, 'net.d', '10-bench.conflist'), JSON.stringify(networkList(folder, bridge)));
  writeFileSync(join(folder, 'config.toml'), containerdConfig(folder, image));
  const log = openSync(join(folder, 'log'), 'a');
  const child = spawn('containerd', ['--config', join(folder, 'config.toml')], {
    stdio: ['ignore', log, log],
  });
  const socket = join(folder, 'containerd.sock');
  const runtime = connectTo(RuntimeService, socket);
  const images = connectTo(ImageService, socket);
  lifetime.after(async () => {
    const { items } = await runtime.listPodSandbox({});
    for (const { id } of items) await runtime.removePodSandbox({ podSandboxId: id });
    runtime.close();
    images.close();
    await end(child);
    await endProcess('ip', ['link', 'delete', bridge]);
    await removeTestCgroups(bridge);
    unmount(state, { detach: true });
    await rm(folder, { recursive: true, force: true });
  });
  await ready(runtime, child);
  await images.pullImage({ image: { image } });
  return newPeer('containerd', runtime, `/berth-test-${bridge}`);
};

const containerdConfig = (folder: string, image: string): string => `version = 2
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
address = "${folder}/containerd.sock"
[ttrpc]
address = "${folder}/ttrpc.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${image}"
restrict_oom_score_adj = true
disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
BinaryName = "/usr/sbin/runc"
SystemdCgroup = false
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "${folder}/net.d"
`;

const networkList = (folder: string, bridge: string) => ({
  cniVersion: '1.0.0',
  name: 'bench',
  plugins: [
    {
      type: 'bridge',
      bridge,
      isGateway: true,
      ipam: {
        type: 'host-local',
        dataDir: join(folder, 'ipam'),
        ranges: [[{ subnet: '10.63.0.0/16' }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
  ],
});

const ready = async (runtime: Peer['runtime'], child: ChildProcess): Promise<void> => {
  for (let tries = 0; tries < 300 && child.exitCode === null; tries += 1) {
    const answer = await runtime.status({}, { deadlineMs: 1000 }).catch(() => undefined);
    if (answer?.status?.conditions.every(({ status }) => status)) return;
    await pause(100);
  }
  throw new Error('containerd does not get ready');
};

const end = (child: ChildProcess): Promise<unknown> => {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  return ended;
};

const endProcess = (command: string, args: string[]): Promise<unknown> =>
  new Promise((resolve) => spawn(command, args, { stdio: 'ignore' }).once('exit', resolve));

const print = (peers: readonly Peer[], pods: number): void => {
  const [ours, theirs] = peers;
  process.stdout.write(`${pods} pods, milliseconds p50 / p95\n`);
  process.stdout.write(row(['', ...peers.map(({ name }) => name), 'ratio p50']));
  for (const step of STEPS) {
    const [a = [], b = []] = [ours?.samples.get(step), theirs?.samples.get(step)];
    const ratio = quantile(a, 0.5) / quantile(b, 0.5);
    process.stdout.write(row([step, ...[a, b].map(both), ratio.toFixed(2)]));
  }
};

const row = (cells: readonly string[]): string =>
  `${cells
    .map((cell) => cell.padEnd(18))
    .join('')
    .trimEnd()}\n`;
const both = (samples: readonly number[]): string =>
  `${quantile(samples, 0.5).toFixed(1)} / ${quantile(samples, 0.95).toFixed(1)}`;

const quantile = (samples: readonly number[], q: number): number => {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
};

await main(Number(process.argv[2] ?? 30));
