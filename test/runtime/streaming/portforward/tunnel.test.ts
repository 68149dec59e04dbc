import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import test, { type TestContext } from 'node:test';
import type { RawData, WebSocket } from 'ws';
import type { StreamingServerOptions } from '../../../../runtime/streaming/server.ts';
import { controlFrame, dataFrame, GO_AWAY, HeaderDeflater, SYN_STREAM, words } from '../spdy-client.ts';
import { startServer } from '../start-server.ts';
import { openTunnel } from '../tunnel-client.ts';
import { settled, until } from '../until.ts';
import { fakePod } from './fake-pod.ts';

const [ERROR_STREAM, DATA_STREAM] = [1, 3];

/** A client whose SPDY connection lies in the binary messages of a WebSocket. */
const withTunnel = async (
  t: TestContext,
  dial: () => Promise<Duplex>,
  options: Partial<StreamingServerOptions> = {},
) => {
  const started = await startServer(options);
  t.after(() => started.server.close());
  const webSocket = openTunnel(started.server.portForwardUrl(dial));
  const received: Buffer[] = [];
  let closeCode: number | undefined;
  webSocket.on('message', (data: RawData) => received.push(Buffer.isBuffer(data) ? data : Buffer.alloc(0)));
  webSocket.on('close', (code) => (closeCode = code));
  return { ...started, webSocket, bytes: () => Buffer.concat(received), closeCode: () => closeCode };
};

/** Opens the two streams of a forwarded connection. */
const openPair = async (webSocket: WebSocket): Promise<void> => {
  const deflater = new HeaderDeflater();
  for (const [streamtype, id] of [
    ['error', ERROR_STREAM],
    ['data', DATA_STREAM],
  ] as const) {
    const block = await deflater.block({ streamtype, port: '80', requestid: '0' });
    webSocket.send(controlFrame(SYN_STREAM, Buffer.concat([words(id, 0), Buffer.alloc(2), block])));
  }
};

test('frames may be cut into messages anywhere', async (t) => {
  const { pod, arrives, says } = fakePod();
  const { webSocket, bytes } = await withTunnel(t, async () => pod);
  await once(webSocket, 'open');
  await openPair(webSocket);
  const frame = dataFrame(DATA_STREAM, Buffer.from('request'), true);
  for (const byte of frame) webSocket.send(Buffer.from([byte]));
  let request = '';
  for await (const chunk of arrives) request += chunk;
  assert.equal(request, 'request');
  says.end('answer');
  await until('the answer and both ends have come', () =>
    bytes().includes(
      Buffer.concat([
        dataFrame(DATA_STREAM, Buffer.from('answer')),
        dataFrame(DATA_STREAM, Buffer.alloc(0), true),
      ]),
    ),
  );
});

test('a client that does not read holds the pod back, and when it dies the connection in the pod is closed', async (t) => {
  const { pod, says } = fakePod();
  const { webSocket } = await withTunnel(t, async () => pod);
  await once(webSocket, 'open');
  await openPair(webSocket);
  webSocket.pause();
  let written = 0;
  const produce = () => {
    while (written < 64_000_000) {
      written += 65_536;
      if (!says.write(Buffer.alloc(65_536))) return;
    }
  };
  says.on('drain', produce);
  produce();
  assert.ok((await settled(() => written)) < 32_000_000, `${written} bytes were taken from the pod`);
  webSocket.terminate();
  await until('the connection in the pod is closed', () => pod.destroyed);
});

test('a pod that does not read holds the client back, whose death is noticed all the same', async (t) => {
  const { pod } = fakePod();
  const { webSocket } = await withTunnel(t, async () => pod, { probeIntervalMs: 20 });
  await once(webSocket, 'open');
  await openPair(webSocket);
  for (let sent = 0; sent < 512; sent++) webSocket.send(dataFrame(DATA_STREAM, Buffer.alloc(65_536)));
  const waiting = await settled(() => webSocket.bufferedAmount);
  assert.ok(waiting > 8_000_000, `only ${waiting} bytes wait at the client`);
  webSocket.terminate();
  await until('the connection in the pod is closed', () => pod.destroyed);
});

test('a tunnel on which nothing moves is ended, and the connection in the pod with it', async (t) => {
  const { pod } = fakePod();
  const { webSocket, bytes, closeCode } = await withTunnel(t, async () => pod, { idleTimeoutMs: 100 });
  await once(webSocket, 'open');
  await openPair(webSocket);
  await until('the client has been told', () => closeCode() !== undefined);
  assert.equal(closeCode(), 1000);
  assert.ok(bytes().includes(controlFrame(GO_AWAY, words(DATA_STREAM, 0))));
  await until('the connection in the pod is closed', () => pod.destroyed);
});

test('text is no part of a tunnel', async (t) => {
  const { pod, says } = fakePod();
  const { webSocket, bytes, closeCode } = await withTunnel(t, async () => pod);
  await once(webSocket, 'open');
  await openPair(webSocket);
  says.write('connected');
  await until('the pod is connected', () => bytes().includes('connected'));
  webSocket.send('text');
  await until('the connection is closed', () => closeCode() !== undefined);
  assert.equal(closeCode(), 1003);
  await until('the connection in the pod is closed', () => pod.destroyed);
});
