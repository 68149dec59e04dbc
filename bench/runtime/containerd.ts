import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { mount, mountTable, unmount } from '../../runtime/linux/mounts.ts';
import { ImageService, RuntimeService } from '../../runtime/spec/cri/api_pb.js';
import { connectTo } from '../../test/harness/cri-client.ts';
import { endChild } from '../../test/harness/end-child.ts';
import { type Lifetime, removeTestCgroups } from '../../test/harness/node.ts';
import { containerdPrograms } from './containerd-programs.ts';
import { inParallel } from './life.ts';
import { newPeer, type Peer } from './peer.ts';
import { processesNaming } from './processes.ts';

const run = promisify(execFile);

/**
 * containerd with folders of its own, its state on a tmpfs as under /run, and the same runc, plugins and network as
 * berth. The pause image is the bench's image, whose `sleep` serves as well.
 */
export const startContainerd = async (lifetime: Lifetime, image: string): Promise<Peer> => {
  const programs = await containerdPrograms();
  const folder = mkdtempSync(join(tmpdir(), 'berth-bench-containerd-'));
  const name = `bc${randomBytes(4).toString('hex')}`;
  const state = join(folder, 'state');
  for (const dir of [state, join(folder, 'net.d')]) mkdirSync(dir);
  mount({ source: 'tmpfs', target: state, type: 'tmpfs', data: 'mode=711' });
  writeFileSync(join(folder, 'net.d', '10-bench.conflist'), JSON.stringify(networkList(folder, name)));
  writeFileSync(join(folder, 'config.toml'), configuration(folder, image));
  const child = start(programs, folder);
  const socket = join(folder, 'containerd.sock');
  const runtime = connectTo(RuntimeService, socket);
  const images = connectTo(ImageService, socket);
  const processes = () => processesNaming(folder);
  lifetime.after(async () => {
    if (child.exitCode === null) {
      const { items } = await runtime.listPodSandbox({}, { deadlineMs: 10_000 }).catch(() => ({ items: [] }));
      await inParallel(items, 8, ({ id }) =>
        runtime.removePodSandbox({ podSandboxId: id }, { deadlineMs: 20_000 }),
      ).catch((error: unknown) => process.stderr.write(`containerd kept pods: ${String(error)}\n`));
    }
    runtime.close();
    images.close();
    await endChild(child);
    for (const pid of processes()) process.kill(pid, 'SIGKILL'); // shims of pods that could not be removed
    await run('ip', ['link', 'delete', name]).catch(() => {}); // no pod ran
    for (const { mountPoint } of mountTable().toReversed())
      if (mountPoint.startsWith(`${folder}/`)) unmount(mountPoint, { detach: true });
    await removeTestCgroups(name);
    await rm(folder, { recursive: true, force: true });
  });
  await ready(runtime, child, folder);
  return newPeer({
    name: 'containerd',
    folder,
    runtime,
    images,
    cgroupParent: `/berth-test-${name}`,
    processes,
  });
};

/** In a process group of its own: an interrupt at the terminal is for the bench, which ends it in order. */
const start = (programs: string, folder: string): ChildProcess => {
  const log = openSync(join(folder, 'log'), 'a');
  const child = spawn(join(programs, 'containerd'), ['--config', join(folder, 'config.toml')], {
    stdio: ['ignore', log, log],
    detached: true,
    env: { ...process.env, PATH: `${programs}:${process.env['PATH'] ?? ''}` },
  });
  closeSync(log);
  return child;
};

const configuration = (folder: string, image: string): string => `version = 2
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"]
[grpc]
address = "${folder}/containerd.sock"
[ttrpc]
address = "${folder}/ttrpc.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${image}"
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
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

/** As test/harness/node.ts has it for berth, with another bridge. */
const networkList = (folder: string, bridge: string) => ({
  cniVersion: '1.0.0',
  name: bridge,
  plugins: [
    {
      type: 'bridge',
      bridge,
      isGateway: true,
      ipam: {
        type: 'host-local',
        dataDir: join(folder, 'ipam'),
        ranges: [[{ subnet: '10.63.0.0/24' }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
  ],
});

/** Beside these it has one that tells of deprecated settings. */
const NEEDED = ['RuntimeReady', 'NetworkReady'];

const ready = async (runtime: Peer['runtime'], child: ChildProcess, folder: string): Promise<void> => {
  for (let tries = 0; tries < 300 && child.exitCode === null; tries += 1) {
    const answer = await runtime.status({}, { deadlineMs: 1000 }).catch(() => undefined);
    if (answer?.status?.conditions.filter(({ type, status }) => status && NEEDED.includes(type)).length === 2)
      return;
    await pause(100);
  }
  const log = join(folder, 'log');
  throw new Error(
    `containerd does not get ready:\n${existsSync(log) ? readFileSync(log, 'utf8').slice(-2000) : ''}`,
  );
};
