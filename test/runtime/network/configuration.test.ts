import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { Fail } from '../../../runtime/core/fail.ts';
import { createNodeFixture, type NodeFixture } from './node-fixture.ts';

const signal = AbortSignal.timeout(60_000);

const nodeFor = (context: TestContext, options = {}): NodeFixture => {
  const node = createNodeFixture(options);
  context.after(() => node.remove());
  return node;
};

const RESULT = '{"cniVersion":"1.1.0","ips":[{"address":"10.1.2.3/24"}]}';
/** Prints a result for ADD, and keeps what it was called with. */
const recorder = (node: NodeFixture): string =>
  `cat > "${node.folder}/$CNI_COMMAND.json"; env | sort > "${node.folder}/$CNI_COMMAND.env"; [ "$CNI_COMMAND" = ADD ] && echo '${RESULT}'; exit 0`;
const input = (node: NodeFixture, command: string) =>
  JSON.parse(readFileSync(join(node.folder, `${command}.json`), 'utf8'));

test('without a configuration the network is not ready, and says what to do', async (context) => {
  const node = nodeFor(context);
  const status = await node.network.status();
  assert.deepEqual(
    { ready: status.ready, reason: status.reason },
    { ready: false, reason: 'NetworkPluginNotReady' },
  );
  assert.match(status.message, new RegExp(`no network in ${node.networkDir}`));
  await assert.rejects(node.network.add(node.pod(), signal), {
    code: 'FailedPrecondition',
    hint: /10-mynet.conflist/,
  });
});

test('the first file in byte order is the network; one of loopback alone is not', async (context) => {
  const node = nodeFor(context);
  node.addPlugin('fake', recorder(node));
  node.configure('99-loopback.conf', { cniVersion: '1.0.0', name: 'lo', type: 'loopback' });
  node.configure('05-loopback.conf', { cniVersion: '1.0.0', name: 'lo', type: 'loopback' });
  node.configure('20-b.conflist', { cniVersion: '1.0.0', name: 'b', plugins: [{ type: 'fake' }] });
  node.configure('10-a.json', { cniVersion: '0.4.0', name: 'a', type: 'fake' });
  await node.network.add(node.pod(), signal);
  assert.equal(input(node, 'ADD').name, 'a');
});

test('a named default network is taken wherever it stands', async (context) => {
  const node = nodeFor(context, { defaultNetwork: 'b' });
  node.addPlugin('fake', recorder(node));
  node.configure('10-a.conflist', { cniVersion: '1.0.0', name: 'a', plugins: [{ type: 'fake' }] });
  assert.match((await node.network.status()).message, /no network b in/);
  node.configure('20-b.conflist', { cniVersion: '1.0.0', name: 'b', plugins: [{ type: 'fake' }] });
  assert.equal((await node.network.status()).ready, true);
  await node.network.add(node.pod(), signal);
  assert.equal(input(node, 'ADD').name, 'b');
});

test('a changed file is seen at the next pod, and a removed plugin at the next status', async (context) => {
  const node = nodeFor(context);
  node.addPlugin('fake', recorder(node));
  node.configure('10-a.conflist', {
    cniVersion: '1.0.0',
    name: 'a',
    plugins: [{ type: 'fake', colour: 'red' }],
  });
  await node.network.add(node.pod(), signal);
  node.configure('10-a.conflist', {
    cniVersion: '1.0.0',
    name: 'a',
    plugins: [{ type: 'fake', colour: 'blue' }],
  });
  await node.network.add(node.pod(), signal);
  assert.equal(input(node, 'ADD').colour, 'blue');
  node.configure('10-a.conflist', { cniVersion: '1.0.0', name: 'a', plugins: [{ type: 'absent' }] });
  assert.match((await node.network.status()).message, /network a: plugins not installed: absent/);
});

test('the plugin learns of the pod, and of capabilities only what it takes', async (context) => {
  const node = nodeFor(context);
  node.addPlugin('fake', recorder(node));
  const capabilities = { bandwidth: true, dns: true, portMappings: false };
  node.configure('10-a.conflist', {
    cniVersion: '1.0.0',
    name: 'a',
    plugins: [{ type: 'fake', capabilities }],
  });
  const pod = node.pod({
    bandwidth: { ingressRate: 1_000_000 },
    dns: { servers: ['10.0.0.10'], searches: [], options: [] },
    ips: ['10.1.2.3'],
    portMappings: [{ protocol: 'tcp', containerPort: 80, hostPort: 8080, hostIp: '' }],
  });
  await node.network.add(pod, signal);
  assert.deepEqual(input(node, 'ADD'), {
    type: 'fake',
    name: 'a',
    cniVersion: '1.0.0',
    runtimeConfig: {
      bandwidth: { ingressRate: 1_000_000 },
      dns: { servers: ['10.0.0.10'], searches: [], options: [] },
    },
  });
  const env = readFileSync(join(node.folder, 'ADD.env'), 'utf8');
  assert.match(env, new RegExp(`^CNI_CONTAINERID=${pod.id}$`, 'm'));
  assert.match(env, /^CNI_IFNAME=eth0$/m);
  assert.match(env, new RegExp(`^CNI_NETNS=${pod.netns}$`, 'm'));
  assert.match(
    env,
    /K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=pod-.*;K8S_POD_UID=u-1$/m,
  );
  assert.equal(node.warnings.length, 2);
  assert.match(
    node.warnings.join('\n'),
    /pod default\/web: no plugin of network a takes its host ports 8080\/tcp/,
  );
});

test('CHECK is skipped where the network has none; DEL gets the result', async (context) => {
  const node = nodeFor(context);
  node.addPlugin('fake', recorder(node));
  node.configure('10-a.conflist', {
    cniVersion: '1.0.0',
    name: 'a',
    disableCheck: true,
    plugins: [{ type: 'fake' }],
  });
  const pod = node.pod();
  await node.network.add(pod, signal);
  await node.network.check(pod, signal);
  assert.equal(existsSync(join(node.folder, 'CHECK.json')), false);
  await node.network.del(pod, signal);
  assert.equal(input(node, 'DEL').prevResult.ips[0].address, '10.1.2.3/24');
});

test('a failing DEL keeps the record, and does not keep the other plugins from theirs', async (context) => {
  const node = nodeFor(context);
  node.addPlugin('fake', recorder(node));
  node.addPlugin(
    'sticky',
    `[ "$CNI_COMMAND" = ADD ] && exec cat ${join(node.folder, 'result')}; echo '{"code":11,"msg":"busy"}'; exit 1`,
  );
  node.configure('../result', RESULT);
  node.configure('10-a.conflist', {
    cniVersion: '1.0.0',
    name: 'a',
    plugins: [{ type: 'fake' }, { type: 'sticky' }],
  });
  const pod = node.pod();
  await node.network.add(pod, signal);
  await assert.rejects(node.network.del(pod, signal), {
    message: /plugin sticky: DEL: busy/,
    hint: /try again later/,
  });
  assert.equal(existsSync(join(node.folder, 'DEL.json')), true);
  assert.deepEqual(await node.network.recorded(), [pod.id]);
  node.addPlugin('sticky', 'exit 0');
  await node.network.del(pod, signal);
  assert.deepEqual(await node.network.recorded(), []);
});

test('a cancelled ADD is undone, and no plugin is left half-way', async (context) => {
  const node = nodeFor(context);
  const controller = new AbortController();
  node.addPlugin('fake', recorder(node));
  node.configure('10-a.conflist', { cniVersion: '1.0.0', name: 'a', plugins: [{ type: 'fake' }] });
  const adding = node.network.add(node.pod(), controller.signal);
  controller.abort();
  await assert.rejects(adding, { code: 'Cancelled' });
  assert.deepEqual(await node.network.recorded(), []);
});

test('a plugin that prints something else is named, with what it printed', async (context) => {
  const node = nodeFor(context);
  node.configure('10-a.conflist', { cniVersion: '1.0.0', name: 'a', plugins: [{ type: 'fake' }] });
  for (const output of ['', 'Segmentation fault', '[]', '{"cniVersion":"1.0.0","ips":[{"address":42}]}']) {
    node.addPlugin('fake', `[ "$CNI_COMMAND" = ADD ] && echo '${output}'; exit 0`);
    await assert.rejects(node.network.add(node.pod(), signal), (error) => {
      assert.ok(error instanceof Fail);
      assert.match(error.message, /plugin fake: ADD printed no CNI result/);
      return true;
    });
  }
  node.addPlugin('fake', '[ "$CNI_COMMAND" = ADD ] || exit 0; echo "no route to heaven" >&2; exit 3');
  await assert.rejects(
    node.network.add(node.pod(), signal),
    /plugin fake: ADD: exit code 3: no route to heaven/,
  );
});

test('CNI 1.1: STATUS decides readiness, GC names the pods that live', async (context) => {
  const node = nodeFor(context);
  node.addPlugin(
    'fake',
    `[ "$CNI_COMMAND" = STATUS ] && { echo '{"code":50,"msg":"agent is not up"}'; exit 1; }; ${recorder(node)}`,
  );
  node.configure('10-a.conflist', {
    cniVersion: '0.4.0',
    cniVersions: ['1.0.0', '1.1.0'],
    name: 'a',
    plugins: [{ type: 'fake' }],
  });
  assert.match((await node.network.status()).message, /plugin fake: STATUS: agent is not up/);
  await node.network.gc(['pod-1', 'pod-2'], signal);
  assert.deepEqual(input(node, 'GC')['cni.dev/valid-attachments'], [
    { containerID: 'pod-1', ifname: 'eth0' },
    { containerID: 'pod-2', ifname: 'eth0' },
  ]);
});

test('a STATUS answer holds for a while, and a new configuration is asked at once', async (context) => {
  const node = nodeFor(context);
  node.addPlugin('fake', recorder(node));
  node.configure('10-a.conflist', { cniVersion: '1.1.0', name: 'a', plugins: [{ type: 'fake' }] });
  for (let count = 0; count < 5; count += 1) assert.equal((await node.network.status()).ready, true);
  assert.equal(node.runs.length, 1);
  node.configure('10-a.conflist', { cniVersion: '1.1.0', name: 'aa', plugins: [{ type: 'fake' }] });
  await node.network.status();
  assert.equal(node.runs.length, 2);
});

test('plugins may come from a folder named as the network', async (context) => {
  const node = nodeFor(context);
  node.addPlugin('fake', recorder(node));
  node.configure('10-a.conflist', { cniVersion: '1.1.0', name: 'a' });
  assert.match((await node.network.status()).message, /10-a.conflist: it has no plugins/);
  mkdirSync(join(node.networkDir, 'a'));
  node.configure('a/10-fake.conf', { type: 'fake', colour: 'green' });
  node.configure('10-a.conflist', { cniVersion: '1.1.0', name: 'a', plugins: [] });
  await node.network.add(node.pod(), signal);
  assert.equal(input(node, 'ADD').colour, 'green');
});

const BROKEN: readonly (readonly [string, unknown, RegExp])[] = [
  ['not JSON', '{"name": ', /it is not JSON/],
  ['a list', '[]', /it is not a JSON object/],
  ['no name', { cniVersion: '1.0.0', plugins: [{ type: 'bridge' }] }, /its name undefined/],
  ['a name that climbs', { cniVersion: '1.0.0', name: '../x', plugins: [] }, /its name "..\/x"/],
  ['a version of the future', { cniVersion: '9.0.0', name: 'a', plugins: [] }, /its cniVersion "9.0.0"/],
  ['no version', { name: 'a', plugins: [{ type: 'bridge' }] }, /its cniVersion undefined/],
  [
    'a plugin outside its folder',
    { cniVersion: '1.0.0', name: 'a', plugins: [{ type: '../../bin/sh' }] },
    /plugin type/,
  ],
  [
    'plugins that are no list',
    { cniVersion: '1.0.0', name: 'a', plugins: { type: 'x' } },
    /its plugins are not a list/,
  ],
  [
    'a plugin that is no object',
    { cniVersion: '1.0.0', name: 'a', plugins: ['bridge'] },
    /a plugin is not an object/,
  ],
  [
    'disableCheck that is neither',
    { cniVersion: '1.0.0', name: 'a', disableCheck: 3, plugins: [] },
    /its disableCheck/,
  ],
];

for (const [what, value, message] of BROKEN) {
  test(`a file with ${what} is named in the status, and does not hide a good one`, async (context) => {
    const node = nodeFor(context);
    node.configure('10-bad.conflist', value);
    const status = await node.network.status();
    assert.match(status.message, new RegExp(join(node.networkDir, '10-bad.conflist')));
    assert.match(status.message, message);
    node.addPlugin('fake', recorder(node));
    node.configure('20-good.conflist', { cniVersion: '1.0.0', name: 'good', plugins: [{ type: 'fake' }] });
    assert.equal((await node.network.status()).ready, true);
  });
}

test('a pod name that would end its CNI_ARGS field is refused before anything runs', async (context) => {
  const node = nodeFor(context);
  node.addPlugin('fake', recorder(node));
  node.configure('10-a.conflist', { cniVersion: '1.0.0', name: 'a', plugins: [{ type: 'fake' }] });
  await assert.rejects(node.network.add(node.pod({ name: 'x;K8S_POD_NAME=y' }), signal), {
    code: 'InvalidArgument',
  });
  assert.deepEqual(node.runs, []);
  assert.deepEqual(await node.network.recorded(), []);
});
