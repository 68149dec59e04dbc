import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { ContainerState, NamespaceMode, PodSandboxState } from '../../../runtime/spec/cri/api_pb.js';
import { nothing, remains, say, startBusyboxNode, until } from '../../harness/busybox-node.ts';
import { containerdShim } from '../../harness/containerd-shim.ts';
import type { ContainerConfig, NodeOptions } from '../../harness/node.ts';

/** Where the shim keeps its state of runc, and its sockets: folders of its own choice. */
const STATE = '/run/containerd';

/** Pids of shims whose working folder is below that one. */
const shimsBelow = (folder: string): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isShimOf(name, folder))
    .map(Number);

const isShimOf = (pid: string, folder: string): boolean => {
  try {
    const read = (file: string) => readFileSync(join('/proc', pid, file), 'utf8');
    return read('comm').startsWith('containerd-shim') && read('cmdline').includes(`${folder}/`);
  } catch {
    return false; // it has ended meanwhile
  }
};

const startNode = async (t: TestContext, options: NodeOptions = {}) => {
  const shim = await containerdShim();
  const before = existsSync(STATE);
  const stack = await startBusyboxNode(t, {
    ...options,
    dropIn: () =>
      `[crio.runtime.runtimes.vm]\nruntime_type = "vm"\nruntime_path = "${shim}"\nallowed_annotations = ["io.katacontainers.config.hypervisor"]\n[crio.runtime.runtimes.missing]\nruntime_type = "vm"\nruntime_path = "/nowhere/containerd-shim-kata-v2"\n`,
  });
  t.after(() => {
    if (before) return;
    for (const folder of ['runc/berth', 'runc', 's', ''])
      if (existsSync(join(STATE, folder))) rmdirSync(join(STATE, folder));
  });
  const { node } = stack;
  const podOf = async (name: string) =>
    (await node.runtime.runPodSandbox({ config: node.podConfig(name), runtimeHandler: 'vm' })).podSandboxId;
  const gone = async (podSandboxId: string) => {
    await node.runtime.stopPodSandbox({ podSandboxId });
    await node.runtime.removePodSandbox({ podSandboxId });
    assert.deepEqual(remains(node), nothing);
    await until('its shim has ended', () => shimsBelow(node.folder).length === 0);
  };
  return { ...stack, podOf, gone };
};

test('a pod runs in one shim of containerd’s API: it starts, logs, execs, takes limits, stops and leaves nothing', async (t) => {
  const { node, podOf, start, gone, logged, statusOf, ended } = await startNode(t);
  const pod = await podOf('whole');
  const main = await start(
    pod,
    'main',
    say('echo out; echo err >&2; trap "exit 7" TERM; while :; do sleep 0.1; done'),
  );
  const second = await start(pod, 'second', say('exit 3'));
  assert.equal(shimsBelow(node.folder).length, 1, 'one shim serves the sandbox and both containers');
  const log = await logged('whole', 'main', 2);
  assert.match(log, /stdout F out/);
  assert.match(log, /stderr F err/);
  assert.equal((await ended(second)).exitCode, 3);

  const { stdout, stderr, exitCode } = await node.runtime.execSync({
    containerId: main,
    cmd: ['sh', '-c', 'hostname; echo no >&2; exit 5'],
    timeout: 20n,
  });
  assert.deepEqual(
    [Buffer.from(stdout).toString(), Buffer.from(stderr).toString(), exitCode],
    ['whole\n', 'no\n', 5],
  );
  await assert.rejects(
    node.runtime.execSync({ containerId: main, cmd: ['/no/such/program'], timeout: 20n }),
    /no such file or directory/,
  );
  assert.equal(await node.crictl('exec', main, 'echo', 'streamed'), 'streamed');

  await node.runtime.updateContainerResources({ containerId: main, linux: { cpuShares: 512n } });
  assert.equal((await statusOf(main)).resources?.linux?.cpuShares, 512n);

  await node.runtime.stopContainer({ containerId: main, timeout: 20n });
  assert.equal((await statusOf(main)).exitCode, 7, 'its own answer to the signal');
  await gone(pod);
});

test('input reaches a container and an exec of such a shim, and its end too; a terminal is one', async (t) => {
  const { node, podOf, start, gone, logged } = await startNode(t);
  const pod = await podOf('streams');
  const cat: ContainerConfig = { ...say('cat; echo end'), stdin: true, stdinOnce: true };
  const main = await start(pod, 'cat', cat);
  const piped = (args: readonly string[], input: string): string =>
    execFileSync(process.env['BERTH_TEST_CRICTL'] ?? 'crictl', [...node.crictlArgs, ...args], {
      input,
      encoding: 'utf8',
      timeout: 30_000,
    });
  piped(['attach', '-i', main], 'hello\n');
  assert.match(await logged('streams', 'cat', 2), /stdout F hello\n.* stdout F end\n/);
  const other = await start(pod, 'other', { ...say('tty; stty size; sleep 60'), tty: true });
  assert.match(await logged('streams', 'other', 1), /stdout F \/dev\//);
  assert.equal(piped(['exec', '-i', other, 'sh', '-c', 'cat; echo over'], 'typed\n'), 'typed\nover\n');
  await gone(pod);
});

test('containers of such a shim outlive berthd and berth-shim, whose successors go on with them', async (t) => {
  const { node, podOf, start, gone, logged, statusOf, ended } = await startNode(t);
  const pod = await podOf('survives');
  const flag = join(node.folder, 'go-on');
  const main = await start(pod, 'main', {
    ...say('echo before; while [ ! -e /flag/go-on ]; do sleep 0.1; done; echo after; exit 9'),
    mounts: [{ hostPath: node.folder, containerPath: '/flag' }],
  });
  await logged('survives', 'main', 1);
  await node.daemon.kill('SIGKILL');
  await node.shim.kill('SIGKILL');
  await node.shim.start();
  await node.daemon.start();
  assert.equal((await statusOf(main)).state, ContainerState.CONTAINER_RUNNING);
  const { stdout } = await node.runtime.execSync({
    containerId: main,
    cmd: ['echo', 'still here'],
    timeout: 20n,
  });
  assert.equal(Buffer.from(stdout).toString(), 'still here\n');
  await node.shim.kill('SIGKILL');
  writeFileSync(flag, '');
  await new Promise((resolve) => setTimeout(resolve, 500));
  await node.shim.start();
  assert.equal((await ended(main)).exitCode, 9, 'it ended while no shim of ours was there');
  assert.match(await logged('survives', 'main', 2), /before\n.*after\n/);
  await gone(pod);
});

test('a shim that dies takes its containers’ end with it, and the pod can still be removed', async (t) => {
  const { node, podOf, start, gone, ended } = await startNode(t);
  const pod = await podOf('dies');
  const main = await start(pod, 'main', say('sleep 600'));
  for (const pid of shimsBelow(node.folder)) process.kill(pid, 'SIGKILL');
  const end = await ended(main);
  assert.deepEqual([end.exitCode, end.reason], [255, 'Unknown']);
  const { status } = await node.runtime.podSandboxStatus({ podSandboxId: pod });
  assert.equal(status?.state, PodSandboxState.SANDBOX_NOTREADY, 'and so has the pod');
  await gone(pod);
});

test('containers of a pod share its processes when they are to', async (t) => {
  const { node, gone, create } = await startNode(t);
  const shared = { securityContext: { namespaceOptions: { pid: NamespaceMode.POD } } };
  const config = node.podConfig('shared', {
    linux: { cgroupParent: `/berth-test-${node.name}`, ...shared },
  });
  const { podSandboxId } = await node.runtime.runPodSandbox({ config, runtimeHandler: 'vm' });
  const containerId = await create(podSandboxId, 'main', { ...say('sleep 60'), linux: shared });
  await node.runtime.startContainer({ containerId });
  const { stdout } = await node.runtime.execSync({ containerId, cmd: ['ps'], timeout: 20n });
  assert.match(Buffer.from(stdout).toString(), /\/pause/);
  await gone(podSandboxId);
});

test('the sandbox is told by annotations what it is, and of those of its pod that the handler allows', async (t) => {
  const { node, gone } = await startNode(t);
  const annotations = {
    'io.katacontainers.config.hypervisor.default_vcpus': '2',
    'io.katacontainers.config.agent.trace': 'true',
    'org.systemd.property.X': '1',
  };
  const config = node.podConfig('annotated', { annotations });
  const { podSandboxId } = await node.runtime.runPodSandbox({ config, runtimeHandler: 'vm' });
  const spec = JSON.parse(readFileSync(join(node.runRoot, 'bundles', podSandboxId, 'config.json'), 'utf8'));
  assert.deepEqual(spec.annotations, {
    'io.katacontainers.config.hypervisor.default_vcpus': '2',
    'io.kubernetes.cri.container-type': 'sandbox',
    'io.kubernetes.cri-o.ContainerType': 'sandbox',
    'io.kubernetes.cri.sandbox-id': podSandboxId,
    'io.kubernetes.cri-o.SandboxID': podSandboxId,
    'io.kubernetes.cri.sandbox-name': 'annotated',
    'io.kubernetes.cri.sandbox-namespace': 'default',
    'io.kubernetes.cri.sandbox-uid': `${node.name}-annotated`,
  });
  await gone(podSandboxId);
});

test('a handler whose program is not there is told of at the start, and refused', async (t) => {
  const { node } = await startNode(t);
  assert.match(node.daemon.log(), /runtime missing: \/nowhere\/containerd-shim-kata-v2 is not there/);
  await assert.rejects(
    node.runtime.runPodSandbox({ config: node.podConfig('missing'), runtimeHandler: 'missing' }),
    /there is no runtime handler "missing"/,
  );
});
