import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import test, { type TestContext } from 'node:test';
import { type RawData, WebSocket } from 'ws';
import { startServer } from '../start-server.ts';
import { settled, until } from '../until.ts';
import { fakePod } from './fake-pod.ts';

const PORT_80 = '5000';
const PORT_81 = '5100';

const withForward = async (
  t: TestContext,
  dial: (port: number) => Promise<Duplex>,
  ports: readonly number[],
  protocol = 'v4.channel.k8s.io',
) => {
  const { server, lines } = await startServer();
  t.after(() => server.close());
  const webSocket = new WebSocket(server.portForwardUrl(dial, ports).replace('http:', 'ws:'), [protocol]);
  const channels = new Map<number, string>();
  webSocket.on('message', (data: RawData) => {
    const bytes = Buffer.isBuffer(data) ? data : Buffer.alloc(0);
    const channel = bytes[0] ?? -1;
    channels.set(channel, (channels.get(channel) ?? '') + bytes.toString('hex', 1));
  });
  webSocket.on('error', () => {});
  return { webSocket, channels, lines };
};

const hex = (text: string) => Buffer.from(text).toString('hex');

test('each port has a channel for bytes and one for its error, which begin with its number', async (t) => {
  const pods = [fakePod(), fakePod()];
  const { webSocket, channels } = await withForward(
    t,
    async (port) => pods[port - 80]?.pod ?? assert.fail(),
    [80, 81],
  );
  await once(webSocket, 'open');
  webSocket.send(Buffer.from('\x00to 80'));
  webSocket.send(Buffer.from('\x02to 81'));
  assert.equal((await once(pods[0]?.arrives ?? assert.fail(), 'data')).toString(), 'to 80');
  assert.equal((await once(pods[1]?.arrives ?? assert.fail(), 'data')).toString(), 'to 81');
  pods[0]?.says.write('from 80');
  pods[1]?.says.write('from 81');
  await until(
    'both have answered',
    () => (channels.get(0)?.length ?? 0) > 4 && (channels.get(2)?.length ?? 0) > 4,
  );
  assert.deepEqual(Object.fromEntries(channels), {
    0: PORT_80 + hex('from 80'),
    1: PORT_80,
    2: PORT_81 + hex('from 81'),
    3: PORT_81,
  });
});

test('a port that cannot be reached is told on its channel, and the other goes on', async (t) => {
  const { pod, says } = fakePod();
  const dial = (port: number) => (port === 80 ? Promise.resolve(pod) : Promise.reject(new Error('refused')));
  const { webSocket, channels } = await withForward(t, dial, [80, 81]);
  await until('it is told', () => (channels.get(3)?.length ?? 0) > 4);
  assert.equal(channels.get(3), PORT_81 + hex('error forwarding port 81: refused'));
  says.write('alive');
  await until('the other answers', () => channels.get(0) === PORT_80 + hex('alive'));
  assert.equal(webSocket.readyState, WebSocket.OPEN);
});

test('the connection ends when the pod has ended every one of its own', async (t) => {
  const { pod, says } = fakePod();
  const { webSocket, channels } = await withForward(t, async () => pod, [80]);
  says.end('bye');
  const [code] = await once(webSocket, 'close');
  assert.equal(code, 1000);
  assert.equal(channels.get(0), PORT_80 + hex('bye'));
  assert.ok(pod.destroyed);
});

test('a pod that does not read holds the client back, whatever another one reads', async (t) => {
  const pods = [fakePod(), fakePod()];
  const dial = async (port: number) => pods[port - 80]?.pod ?? assert.fail();
  const { webSocket } = await withForward(t, dial, [80, 81]);
  await once(webSocket, 'open');
  let arrived = 0;
  pods[1]?.arrives.on('data', () => arrived++);
  for (let index = 0; index < 256; index++) {
    webSocket.send(Buffer.alloc(250_000));
    webSocket.send(Buffer.from('\x02to 81'));
  }
  await until('the first have come', () => arrived > 0);
  assert.ok(
    (await settled(() => arrived)) < 10,
    `${arrived} messages came, and 250 kB before each that nobody takes`,
  );
});

test('a client that leaves closes its connections in the pod', async (t) => {
  const { pod } = fakePod();
  const { webSocket } = await withForward(t, async () => pod, [80]);
  await once(webSocket, 'open');
  webSocket.terminate();
  await until('the connection in the pod is closed', () => pod.destroyed);
});

test('without ports in the request there are no channels to speak on', async (t) => {
  const dial = () => Promise.reject(new Error('must not be dialled'));
  for (const ports of [[], Array.from({ length: 128 }, (_, index) => index + 1)]) {
    const { webSocket } = await withForward(t, dial, ports);
    const [, response] = await once(webSocket, 'unexpected-response');
    assert.equal(response.statusCode, 400);
    response.resume();
  }
});
