import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import packageJson from '../../../package.json' with { type: 'json' };
import { ConnectionId, multiplex } from '../../../runtime/nri/multiplex.ts';
import { Event, Plugin as PluginService, Runtime } from '../../../runtime/spec/ttrpc/nri/api_pb.js';
import { NRI_VERSION } from '../../../runtime/spec/ttrpc/nri/version.ts';
import { Client } from '../../../runtime/ttrpc/client.ts';
import { type Conduit, socketConduit } from '../../../runtime/ttrpc/conduit.ts';
import { serve } from '../../../runtime/ttrpc/server.ts';
import { implement } from '../../../runtime/ttrpc/service.ts';
import { nothing, remains, say, startBusyboxNode, until } from '../../harness/busybox-node.ts';
import { eventsIn, pluginProgram, startPlugin } from './plugin.ts';

const gone = async (stack: Awaited<ReturnType<typeof startBusyboxNode>>, podSandboxId: string) => {
  await stack.node.runtime.stopPodSandbox({ podSandboxId });
  await stack.node.runtime.removePodSandbox({ podSandboxId });
};

test('a plugin is told of all that becomes of pods and containers, in order', async (t) => {
  const stack = await startBusyboxNode(t);
  const plugin = await startPlugin(t, stack.node);
  const pod = await stack.podOf('told', { labels: { app: 'x' }, annotations: { note: 'y' } });
  const containerId = await stack.start(pod, 'main', {
    ...say('sleep 60'),
    labels: { part: 'z' },
    envs: [{ key: 'A', value: Buffer.from('b') }],
  });
  await stack.node.runtime.updateContainerResources({ containerId, linux: { cpuShares: 512n } });
  await stack.node.runtime.stopContainer({ containerId, timeout: 0n });
  await stack.node.runtime.removeContainer({ containerId });
  await gone(stack, pod);

  assert.deepEqual(plugin.names(), [
    'RunPodSandbox',
    'CreateContainer',
    'ValidateContainerAdjustment',
    'PostCreateContainer',
    'StartContainer',
    'PostStartContainer',
    'UpdateContainer',
    'PostUpdateContainer',
    'StopContainer',
    'RemoveContainer',
    'StopPodSandbox',
    'RemovePodSandbox',
  ]);
  const [configured] = plugin.events();
  assert.deepEqual(
    { ...configured },
    {
      event: 'Configure',
      runtime: 'berth',
      version: packageJson.version,
      nri: NRI_VERSION,
      registrationTimeout: 5000,
      requestTimeout: 2000,
    },
  );
  const of = (event: string) => plugin.events().find((one) => one.event === event);
  const shownPod = of('RunPodSandbox')?.pod;
  assert.equal(shownPod?.id, pod);
  assert.equal(shownPod?.name, 'told');
  assert.deepEqual(shownPod?.labels, { app: 'x' });
  assert.deepEqual(shownPod?.annotations, { note: 'y' });
  assert.equal(shownPod?.ips?.length, 1);
  const created = of('CreateContainer')?.container;
  assert.equal(created?.id, containerId);
  assert.deepEqual(created?.args, ['sh', '-c', 'sleep 60']);
  assert.ok(created?.env?.includes('A=b'));
  assert.equal(of('PostStartContainer')?.container?.state, 'CONTAINER_RUNNING');
  assert.equal(of('StopContainer')?.container?.state, 'CONTAINER_STOPPED');
  assert.equal(of('StopContainer')?.container?.exitCode, 137);
  assert.deepEqual(remains(stack.node), nothing);
});

test('a container is what plugins want it to be, as its processes and its status see it', async (t) => {
  const stack = await startBusyboxNode(t);
  const { node } = stack;
  const shared = join(node.folder, 'shared');
  mkdirSync(shared);
  writeFileSync(join(shared, 'file'), 'from the plugin');
  const hooked = join(node.folder, 'hooked');
  const adjust = {
    '': {
      annotations: { 'plugin.dev/said': 'so' },
      env: [
        { key: 'GIVEN', value: 'by the plugin' },
        { key: '-TAKEN', value: '' },
      ],
      mounts: [{ destination: '/shared', type: 'bind', source: shared, options: ['rbind', 'ro'] }],
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 777, soft: 777 }],
      hooks: { createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', `cat > ${hooked}`] }] },
      linux: {
        devices: [{ path: '/dev/given', type: 'c', major: 1, minor: 3, fileMode: { value: 438 } }],
        resources: {
          memory: { limit: { value: 128 * 1024 * 1024 } },
          cpu: { shares: { value: 300 } },
          pids: { limit: 99 },
        },
        oomScoreAdj: { value: 900 },
      },
    },
  };
  await startPlugin(t, node, { adjust });
  const pod = await stack.podOf('adjusted');
  const containerId = await stack.start(pod, 'main', {
    ...say(
      'echo $GIVEN/$TAKEN; cat /shared/file; echo; ulimit -n; cat /proc/self/oom_score_adj; : > /dev/given && echo null',
    ),
    envs: [{ key: 'TAKEN', value: Buffer.from('away') }],
  });
  await stack.ended(containerId);
  const log = await stack.logged('adjusted', 'main', 5);
  const said = log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' ').slice(3).join(' '));
  assert.deepEqual(said, ['by the plugin/', 'from the plugin', '777', '900', 'null']);
  const status = await stack.statusOf(containerId);
  assert.equal(status.resources?.linux?.memoryLimitInBytes, 128n * 1024n * 1024n);
  assert.equal(status.resources?.linux?.cpuShares, 300n);
  assert.equal(JSON.parse(readFileSync(hooked, 'utf8')).id, containerId, 'the hook has run');
  const spec = JSON.parse(await node.crictl('inspect', containerId)).info.runtimeSpec;
  assert.equal(spec.annotations['plugin.dev/said'], 'so');
  assert.equal(spec.linux.resources.pids.limit, 99);
});

test('plugins are asked by their indices, each sees what those before it want, and a contradiction names both', async (t) => {
  const stack = await startBusyboxNode(t);
  const env = (value: string) => ({ env: [{ key: 'WHO', value }] });
  const annotations = { annotations: { first: 'yes' } };
  const later = await startPlugin(t, stack.node, {
    index: '20',
    name: 'later',
    adjust: { contradicted: env('later') },
  });
  await startPlugin(t, stack.node, {
    index: '05',
    name: 'first',
    adjust: { contradicted: env('first'), fine: annotations },
  });
  const pod = await stack.podOf('ordered');
  await stack.start(pod, 'fine');
  const seen = later.events().find(({ event }) => event === 'CreateContainer')?.container;
  assert.equal(seen?.annotations?.['first'], 'yes');
  await assert.rejects(
    stack.create(pod, 'contradicted'),
    /NRI plugins 05-first and 20-later both set Env WHO/,
  );
  await gone(stack, pod);
  assert.deepEqual(remains(stack.node), nothing);
});

test('a plugin that does not answer in time is dropped, and the container is made without it', async (t) => {
  const stack = await startBusyboxNode(t, {
    dropIn: () => '[crio.nri]\nnri_plugin_request_timeout = "300ms"\n',
  });
  const slow = await startPlugin(t, stack.node, {
    index: '01',
    name: 'slow',
    hang: { CreateContainer: 2000 },
  });
  const quick = await startPlugin(t, stack.node, { index: '02', name: 'quick' });
  const pod = await stack.podOf('slow');
  const ended = new Promise((resolve) => slow.child.once('exit', resolve));
  await stack.start(pod, 'main');
  assert.match(stack.node.daemon.log(), /dropped an NRI plugin that did not answer plugin=01-slow/);
  assert.ok(quick.names().includes('CreateContainer'));
  await ended;
  await stack.start(pod, 'next');
  assert.equal(slow.names().filter((name) => name === 'CreateContainer').length, 1);
});

test('plugins change limits: in place of those asked for, of other containers, and unasked', async (t) => {
  const stack = await startBusyboxNode(t);
  const shares = (value: number) => ({ linux: { resources: { cpu: { shares: { value } } } } });
  const pod = await stack.podOf('limits');
  const old = await stack.start(pod, 'old');
  const plugin = await startPlugin(t, stack.node, {
    unasked: { old: shares(111) },
    update: {
      UpdateContainer: { '': shares(222) },
      CreateContainer: { old: shares(333) },
    },
  });
  const sharesOf = async (id: string) => (await stack.statusOf(id)).resources?.linux?.cpuShares;
  await until('the unasked update is made', async () => (await sharesOf(old)) === 111n);
  await until('the plugin has heard of it', () => plugin.names().includes('UpdateContainers'));
  assert.equal(plugin.events().find(({ event }) => event === 'UpdateContainers')?.['failed'], 0);
  await stack.node.runtime.updateContainerResources({
    containerId: old,
    linux: { cpuShares: 999n, cpuPeriod: 50_000n },
  });
  assert.equal(await sharesOf(old), 222n);
  assert.equal((await stack.statusOf(old)).resources?.linux?.cpuPeriod, 50_000n);
  await stack.start(pod, 'new');
  assert.equal(await sharesOf(old), 333n);
});

test('a plugin that has to agree rejects a container, which leaves nothing', async (t) => {
  const stack = await startBusyboxNode(t);
  await startPlugin(t, stack.node, {
    index: '10',
    name: 'asks',
    adjust: { '': { env: [{ key: 'K', value: 'v' }] } },
  });
  const judge = await startPlugin(t, stack.node, { index: '90', name: 'judge', reject: 'no K here' });
  const pod = await stack.podOf('judged');
  await assert.rejects(stack.create(pod, 'main'), /NRI plugin 90-judge rejects the container: no K here/);
  const judged = judge.events().find(({ event }) => event === 'ValidateContainerAdjustment');
  const request = judged?.['request'] as {
    owners: { owners: Record<string, { compound: Record<string, { owners: Record<string, string> }> }> };
  };
  const [owners] = Object.values(request.owners.owners);
  assert.deepEqual(owners?.compound['6']?.owners, { K: '10-asks' });
  await gone(stack, pod);
  assert.deepEqual(remains(stack.node), nothing);
});

test('the default validator keeps plugins from what none may adjust, and containers from missing plugins', async (t) => {
  const validator = (lines: string) =>
    `[crio.nri.default_validator]\nnri_enable_default_validator = true\n${lines}`;
  const stack = await startBusyboxNode(t, {
    dropIn: () =>
      validator(`nri_validator_reject_oci_hook_adjustment = true
nri_validator_reject_unconfined_seccomp_adjustment = true
nri_validator_required_plugins = ["needed"]
nri_validator_tolerate_missing_plugins_annotation = "tolerate.example"
`),
  });
  const pod = await stack.podOf('strict');
  await assert.rejects(stack.create(pod, 'alone'), /the NRI plugins needed have to be there and are not/);
  const tolerant = await stack.podOf('tolerant', { annotations: { 'tolerate.example': 'true' } });
  await stack.create(tolerant, 'alone');
  const picky = { 'required-plugins.noderesource.dev/container.main': '[needed, 77-other]' };
  const demanding = await stack.podOf('demanding', { annotations: picky });
  await startPlugin(t, stack.node, {
    name: 'needed',
    adjust: {
      hooked: { hooks: { poststop: [{ path: '/bin/true' }] } },
      confined: { linux: { seccompPolicy: { defaultAction: 'SCMP_ACT_ALLOW' } } },
    },
  });
  await stack.create(pod, 'fine');
  await assert.rejects(stack.create(demanding, 'main'), /the NRI plugins 77-other have to be there/);
  await assert.rejects(
    stack.create(pod, 'hooked'),
    /no NRI plugin may adjust OCI hooks here, and 10-needed does/,
  );
  await assert.rejects(stack.create(pod, 'confined'), /may adjust the seccomp policy of the unconfined/);
});

test('an installed plugin is started with its configuration, and again by the next daemon', async (t) => {
  const program = await pluginProgram();
  let events = '';
  const stack = await startBusyboxNode(t, {
    dropIn: (folder) => {
      events = join(folder, 'launched');
      for (const dir of ['nri-plugins', 'nri-conf.d']) mkdirSync(join(folder, dir));
      copyFileSync(program, join(folder, 'nri-plugins/30-installed'));
      chmodSync(join(folder, 'nri-plugins/30-installed'), 0o755);
      writeFileSync(join(folder, 'nri-plugins/readme'), 'no plugin');
      writeFileSync(join(folder, 'nri-conf.d/installed.conf'), JSON.stringify({ events }));
      return '';
    },
  });
  const { node } = stack;
  const count = (name: string) => eventsIn(events).filter(({ event }) => event === name).length;
  assert.equal(count('Synchronize'), 1, 'it took part before the first request');
  const pod = await stack.podOf('launched');
  const main = await stack.start(pod, 'main');
  assert.equal(count('CreateContainer'), 1);
  await node.daemon.kill('SIGKILL');
  await node.daemon.start();
  await until('the plugin takes part again', () => count('Synchronize') === 2);
  const synchronized = eventsIn(events).findLast(({ event }) => event === 'Synchronize');
  assert.deepEqual(synchronized?.['pods'], ['launched']);
  assert.deepEqual(
    synchronized?.containers?.map(({ id }) => id),
    [main],
  );
  await gone(stack, pod);
  await node.daemon.kill('SIGTERM');
  await until('the plugin has ended', () => node.shim.log().split('an NRI plugin ended').length === 3);
  await node.daemon.start();
});

test('whatever connects to the socket and is no plugin is sent away, and the daemon goes on', async (t) => {
  const stack = await startBusyboxNode(t, {
    dropIn: () => '[crio.nri]\nnri_plugin_registration_timeout = "200ms"\n',
  });
  const socket = join(stack.node.folder, 'nri.sock');
  const sayings = [
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.alloc(0),
    Buffer.from('0000000200000005ffffffffff', 'hex'),
    Buffer.from('00000002ffffffff', 'hex'),
    Buffer.alloc(1024 * 1024, 0xff),
  ];
  await Promise.all(
    sayings.map(
      (bytes) =>
        new Promise<void>((resolve) => {
          const client = connect(socket, () => client.write(bytes));
          client.on('error', () => {});
          client.on('close', () => resolve());
          client.resume();
        }),
    ),
  );
  const pod = await stack.podOf('goes-on');
  await stack.start(pod, 'main');
});

test('a plugin that takes part and then breaks the protocol, or asks for too much, harms nobody but itself', async (t) => {
  const stack = await startBusyboxNode(t);
  const { node } = stack;
  const pod = await stack.podOf('broken');
  const wrongs: Readonly<Record<string, (conduit: Conduit) => void>> = {
    garbage: (conduit) => conduit.send(Buffer.alloc(4096, 0xee)),
    huge: (conduit) => conduit.send(Buffer.from('ffffffff0000000102000000', 'hex')),
    gone: (conduit) => conduit.close(),
  };
  for (const [name, wrong] of Object.entries(wrongs)) {
    const socket = connect(join(node.folder, 'nri.sock'));
    const part = multiplex(socketConduit(socket));
    const conduit = part(ConnectionId.plugin);
    serve(conduit, [
      implement(PluginService, {
        configure: async () => ({ events: 1 << (Event.CREATE_CONTAINER - 1) }),
        synchronize: async () => ({}),
        createContainer: () => {
          wrong(conduit);
          return new Promise(() => {});
        },
      }),
    ]);
    const runtime = new Client(part(ConnectionId.runtime)).methods(Runtime);
    await runtime.registerPlugin({ pluginName: name, pluginIdx: '50' }, { timeoutMs: 5_000 });
    await until(`${name} takes part`, () =>
      node.daemon.log().includes(`an NRI plugin takes part plugin=50-${name}`),
    );
    await assert.rejects(runtime.registerPlugin({ pluginName: 'x', pluginIdx: '01' }, { timeoutMs: 5_000 }));
    await Promise.all(
      Array.from({ length: 100 }, () =>
        runtime.updateContainers({ update: [{ containerId: 'none' }] }, { timeoutMs: 5_000 }).catch(() => {}),
      ),
    );
    await stack.start(pod, name);
    await until(`${name} has gone`, () =>
      node.daemon.log().includes(`an NRI plugin has gone plugin=50-${name}`),
    );
    socket.destroy();
  }
});

test('with NRI switched off there is no socket', async (t) => {
  const stack = await startBusyboxNode(t, { dropIn: () => '[crio.nri]\nenable_nri = false\n' });
  assert.equal(existsSync(join(stack.node.folder, 'nri.sock')), false);
  await stack.start(await stack.podOf('off'), 'main');
});
