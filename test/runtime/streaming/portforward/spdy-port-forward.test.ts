import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fail } from '../../../../runtime/core/fail.ts';
import type { StreamingServerOptions } from '../../../../runtime/streaming/server.ts';
import { controlFrame, dataFrame, RST_STREAM, SpdyClient, words } from '../spdy-client.ts';
import { startServer } from '../start-server.ts';
import { settled, until } from '../until.ts';
import { fakePod } from './fake-pod.ts';

const withForward = async (
  t: TestContext,
  dial: (port: number, signal: AbortSignal) => Promise<Duplex>,
  options: Partial<StreamingServerOptions> = {},
) => {
  const started = await startServer(options);
  t.after(() => started.server.close());
  const client = await SpdyClient.connect(started.server.portForwardUrl(dial), 'portforward.k8s.io');
  const open = async (requestid: string, port = '80') => {
    const error = await client.open({ streamtype: 'error', port, requestid });
    const data = await client.open({ streamtype: 'data', port, requestid });
    return { error, data };
  };
  return { ...started, client, open };
};

test('bytes go both ways, and each direction ends on its own', async (t) => {
  const { pod, arrives, says } = fakePod();
  const dialled: number[] = [];
  const { client, open } = await withForward(t, async (port) => {
    dialled.push(port);
    return pod;
  });
  const { data, error } = await open('0', '8080');
  client.send(dataFrame(data, Buffer.from('request'), true));
  let request = '';
  for await (const chunk of arrives) request += chunk;
  assert.equal(request, 'request');
  says.end('answer');
  await client.until(() => client.finished(data) && client.finished(error));
  assert.equal(client.dataOf(data).toString(), 'answer');
  assert.equal(client.dataOf(error).length, 0);
  assert.deepEqual(dialled, [8080]);
});

test('a port that cannot be reached is told on the error stream, and the next request may succeed', async (t) => {
  const { pod, says } = fakePod();
  const { client, open } = await withForward(t, async (port) => {
    if (port === 1) throw new Fail('Unavailable', 'connection refused');
    return pod;
  });
  const refused = await open('0', '1');
  await client.until(() => client.finished(refused.error));
  assert.equal(client.dataOf(refused.error).toString(), 'error forwarding port 1: connection refused');
  const good = await open('1', '2');
  says.write('hello');
  await client.until(() => client.dataOf(good.data).toString() === 'hello');
});

test('a connection that the pod breaks off is reset, and is no error of the forwarding', async (t) => {
  const { pod } = fakePod();
  const { client, open } = await withForward(t, async () => pod);
  const { data, error } = await open('0');
  await sleep(20);
  pod.destroy(new Error('ECONNRESET'));
  await client.until(() => client.finished(error));
  assert.equal(client.dataOf(error).length, 0);
  assert.ok(client.controls(RST_STREAM).some((payload) => payload.readUInt32BE(0) === data));
});

test('a connection that the client resets is closed in the pod, and the others go on', async (t) => {
  const pods = [fakePod(), fakePod()];
  const { client, open } = await withForward(t, async (port) => pods[port - 1]?.pod ?? assert.fail());
  const first = await open('0', '1');
  const second = await open('1', '2');
  pods[0]?.says.write('x');
  await client.until(() => client.dataOf(first.data).length === 1);
  client.send(controlFrame(RST_STREAM, words(first.data, 5)));
  await until('the connection in the pod is closed', () => pods[0]?.pod.destroyed ?? false);
  pods[1]?.says.write('y');
  await client.until(() => client.dataOf(second.data).length === 1);
});

test('when the client leaves, every connection in the pod is closed and the dial under way is aborted', async (t) => {
  const pods = [fakePod(), fakePod()];
  const hanging = Promise.withResolvers<AbortSignal>();
  const { client, open } = await withForward(t, (port, signal) => {
    if (port < 3) return Promise.resolve(pods[port - 1]?.pod ?? assert.fail());
    hanging.resolve(signal);
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  });
  await open('0', '1');
  await open('1', '2');
  await open('2', '3');
  const signal = await hanging.promise;
  client.socket.destroy();
  await until('all is closed', () => signal.aborted && pods.every(({ pod }) => pod.destroyed));
});

test('a slow connection does not grow in memory', async (t) => {
  const { pod, says } = fakePod();
  const { client, open } = await withForward(t, async () => pod);
  await open('0');
  client.socket.pause();
  let written = 0;
  const produce = () => {
    while (written < 64_000_000) {
      written += 65_536;
      if (!says.write(Buffer.alloc(65_536))) return;
    }
  };
  says.on('drain', produce);
  produce();
  assert.ok(
    (await settled(() => written)) < 32_000_000,
    `${written} bytes were taken from the pod though nobody reads them`,
  );
});

test('a stream whose other half does not come is told so', async (t) => {
  const { client } = await withForward(t, () => Promise.reject(new Error('must not be dialled')), {
    creationTimeoutMs: 50,
  });
  const error = await client.open({ streamtype: 'error', port: '80', requestid: '0' });
  const data = await client.open({ streamtype: 'data', port: '80', requestid: '1' });
  await client.until(() => client.finished(error) && client.controls(RST_STREAM).length > 0);
  assert.equal(client.dataOf(error).toString(), 'no data stream came within 50 ms');
  assert.deepEqual(client.controls(RST_STREAM), [words(data, 5)]);
});

test('clients that name no request are understood by the order of their streams', async (t) => {
  const { pod, says } = fakePod();
  const { client } = await withForward(t, async () => pod);
  await client.open({ streamtype: 'error', port: '80' });
  const data = await client.open({ streamtype: 'data', port: '80' });
  says.write('hello');
  await client.until(() => client.dataOf(data).toString() === 'hello');
});

test('streams with headers that make no sense are reset, and the connection goes on', async (t) => {
  const { pod, says } = fakePod();
  const { client, open } = await withForward(t, async () => pod);
  const bad = [
    { streamtype: 'data' },
    { streamtype: 'data', port: '0', requestid: 'a' },
    { streamtype: 'data', port: '65536', requestid: 'b' },
    { streamtype: 'data', port: '80x', requestid: 'c' },
    { streamtype: 'stdin', port: '80', requestid: 'd' },
    { port: '80' },
  ];
  for (const headers of bad) await client.open(headers);
  await client.until(() => client.controls(RST_STREAM).length === bad.length);
  const { data } = await open('good');
  says.write('hello');
  await client.until(() => client.dataOf(data).toString() === 'hello');
});

test('streams beyond the limit are refused', async (t) => {
  const { client } = await withForward(t, () => new Promise(() => {}));
  for (let index = 0; index < 600; index++) {
    await client.open({ streamtype: 'data', port: '80', requestid: `${index}` });
  }
  await client.until(() => client.controls(RST_STREAM).length >= 88);
  assert.ok(client.controls(RST_STREAM).every((payload) => payload.readUInt32BE(4) === 3));
});
