import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { Fail } from '../../../runtime/core/fail.ts';
import { unpinNamespace } from '../../../runtime/linux/namespaces.ts';
import { podIps } from '../../../runtime/network/pod-ips.ts';
import { bridgeNetwork, createNodeFixture, inPod, type NodeFixture } from './node-fixture.ts';

const signal = AbortSignal.timeout(60_000);

const nodeFor = (context: TestContext, options = {}): NodeFixture => {
  const node = createNodeFixture(options);
  context.after(() => node.remove());
  return node;
};

const leases = (node: NodeFixture): readonly string[] => {
  const folder = join(node.folder, 'ipam', `net-${node.bridge}`);
  return existsSync(folder) ? readdirSync(folder).filter((name) => /^\d/.test(name)) : [];
};

test('a pod gets an address on the bridge, passes CHECK, and DEL gives everything back', async (context) => {
  const node = nodeFor(context);
  node.configure('10-net.conflist', bridgeNetwork(node));
  const pod = node.pod();

  const result = await node.network.add(pod, signal);
  const [ip = ''] = podIps(result);
  assert.match(inPod(pod, 'ip', '-o', '-4', 'address', 'show', 'eth0'), new RegExp(`inet ${ip}/24`));
  assert.match(inPod(pod, 'ip', 'route'), /default via .* dev eth0/);
  await node.network.check(pod, signal);
  assert.deepEqual(leases(node), [ip]);
  assert.deepEqual(await node.network.recorded(), [pod.id]);
  assert.deepEqual((await node.network.result(pod.id))?.ips, result.ips);

  await node.network.del(pod, signal);
  assert.doesNotMatch(inPod(pod, 'ip', '-o', 'link'), /eth0/);
  assert.deepEqual(leases(node), []);
  assert.deepEqual(await node.network.recorded(), []);
  await node.network.del(pod, signal);
});

test('two pods reach each other, and each has its own address', async (context) => {
  const node = nodeFor(context);
  node.configure('10-net.conflist', bridgeNetwork(node));
  const [one, other] = [node.pod(), node.pod()];
  const [, result] = await Promise.all([node.network.add(one, signal), node.network.add(other, signal)]);
  assert.equal(leases(node).length, 2);
  const neighbour = inPod(one, 'ip', 'route', 'get', podIps(result)[0] ?? '');
  assert.match(neighbour, /dev eth0/);
  await Promise.all([node.network.del(one, signal), node.network.del(other, signal)]);
  assert.deepEqual(leases(node), []);
});

test('CHECK fails with the plugin’s words when somebody took the address away', async (context) => {
  const node = nodeFor(context);
  node.configure('10-net.conflist', bridgeNetwork(node));
  const pod = node.pod();
  await node.network.add(pod, signal);
  inPod(pod, 'ip', 'address', 'flush', 'dev', 'eth0');
  await assert.rejects(node.network.check(pod, signal), /network net-.*: plugin bridge: CHECK: /);
  await node.network.del(pod, signal);
});

test('DEL works from the record: configuration deleted, namespace gone', async (context) => {
  const node = nodeFor(context);
  node.configure('10-net.conflist', bridgeNetwork(node));
  const pod = node.pod();
  await node.network.add(pod, signal);
  rmSync(join(node.networkDir, '10-net.conflist'));
  unpinNamespace(pod.netns);
  await node.network.del({ id: pod.id }, signal);
  assert.deepEqual(leases(node), []);
  const last = node.runs.at(-1);
  assert.equal(last?.command, 'DEL');
  assert.equal(last?.run.env['CNI_NETNS'], '');
});

test('an ADD that fails at the second plugin is undone by DEL in reverse', async (context) => {
  const node = nodeFor(context);
  node.addPlugin(
    'refuses',
    `[ "$CNI_COMMAND" = ADD ] || exit 0
     echo '{"cniVersion":"1.0.0","code":7,"msg":"bad colour","details":"mauve is not supported"}'; exit 1`,
  );
  const network = bridgeNetwork(node);
  node.configure('10-net.conflist', { ...network, plugins: [...network.plugins, { type: 'refuses' }] });
  const pod = node.pod();
  await assert.rejects(node.network.add(pod, signal), (error) => {
    assert.ok(error instanceof Fail);
    assert.equal(error.code, 'Unavailable');
    assert.match(error.message, /plugin refuses: ADD: bad colour: mauve is not supported$/);
    assert.equal(error.context['code'], 7);
    return true;
  });
  assert.deepEqual(
    node.runs.map(({ command, type }) => `${command} ${type}`),
    ['ADD bridge', 'ADD refuses', 'DEL refuses', 'DEL bridge'],
  );
  assert.deepEqual(leases(node), []);
  assert.deepEqual(await node.network.recorded(), []);
});

test('a host port is published by portmap and goes with the pod', async (context) => {
  const node = nodeFor(context);
  const network = bridgeNetwork(node);
  const portmap = { type: 'portmap', capabilities: { portMappings: true } };
  node.configure('10-net.conflist', { ...network, plugins: [...network.plugins, portmap] });
  const hostPort = randomInt(20_000, 30_000);
  const pod = node.pod({
    portMappings: [
      { protocol: 'tcp', containerPort: 80, hostPort, hostIp: '' },
      { protocol: 'udp', containerPort: 53, hostPort: 0, hostIp: '' },
    ],
  });
  const rules = () => node.onHost('iptables', '-t', 'nat', '-S');

  await node.network.add(pod, signal);
  try {
    assert.match(rules(), new RegExp(`--dport ${hostPort} `));
    assert.deepEqual(node.warnings, []);
    const stdin = JSON.parse(node.runs.find(({ type }) => type === 'portmap')?.run.stdin ?? '');
    assert.deepEqual(stdin.runtimeConfig, {
      portMappings: [{ hostPort, containerPort: 80, protocol: 'tcp' }],
    });
    assert.equal(stdin.capabilities, undefined);
  } finally {
    await node.network.del(pod, signal);
  }
  assert.doesNotMatch(rules(), new RegExp(`--dport ${hostPort} `));
  assert.doesNotMatch(rules(), new RegExp(pod.id));
});

test('portmap is not run for a pod without host ports', async (context) => {
  const node = nodeFor(context);
  const network = bridgeNetwork(node);
  const portmap = { type: 'portmap', capabilities: { portMappings: true } };
  node.configure('10-net.conflist', { ...network, plugins: [...network.plugins, portmap] });
  const pod = node.pod({
    portMappings: [{ protocol: 'tcp', containerPort: 80, hostPort: 0, hostIp: '' }],
  });
  const result = await node.network.add(pod, signal);
  assert.equal(podIps(result).length, 1);
  await node.network.check(pod, signal);
  await node.network.del(pod, signal);
  assert.deepEqual(
    node.runs.map(({ command, type }) => `${command} ${type}`),
    ['ADD bridge', 'CHECK bridge', 'DEL bridge'],
  );
  assert.deepEqual(leases(node), []);
});

test('addresses of both families: IPv4 first', async (context) => {
  const node = nodeFor(context);
  const network = bridgeNetwork(node);
  const [bridge] = network.plugins;
  node.configure('10-net.conflist', {
    ...network,
    plugins: [
      {
        ...bridge,
        ipam: { ...bridge?.ipam, ranges: [[{ subnet: 'fd00:be:7::/64' }], [{ subnet: node.subnet }]] },
      },
    ],
  });
  const pod = node.pod();
  const ips = podIps(await node.network.add(pod, signal));
  assert.equal(ips.length, 2);
  assert.match(ips[0] ?? '', /^10\./);
  assert.match(ips[1] ?? '', /^fd00:be:7::/);
  await node.network.del(pod, signal);
});
