import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import test, { type TestContext } from 'node:test';
import { failedWith } from '../../../runtime/core/fail.ts';
import { createStreamingServer, type StreamingServerOptions } from '../../../runtime/streaming/server.ts';
import { requestUpgrade } from './spdy-client.ts';
import { recordingLog, startServer } from './start-server.ts';

const OUTPUT = { stdin: false, stdout: true, stderr: false, tty: false, resize: false };
const SPDY = ['Upgrade: SPDY/3.1', 'X-Stream-Protocol-Version: v4.channel.k8s.io'];
const never = () => Promise.reject(new Error('must not be opened'));

const withServer = async (t: TestContext, options: Partial<StreamingServerOptions> = {}) => {
  const started = await startServer(options);
  t.after(() => started.server.close());
  return started;
};

const statusLineOf = async (url: string, headers: readonly string[] = SPDY) => {
  const { head, socket } = await requestUpgrade(url, headers);
  socket.destroy();
  return head.split('\r\n', 1)[0];
};

test('each URL is of its own and names what it is for', async (t) => {
  const { server, baseUrl } = await withServer(t);
  const urls = [
    server.execUrl(OUTPUT, never),
    server.execUrl(OUTPUT, never),
    server.attachUrl(OUTPUT, never),
    server.portForwardUrl(never),
  ];
  assert.equal(new Set(urls).size, 4);
  assert.deepEqual(
    urls.map((url) => url.slice(0, url.lastIndexOf('/'))),
    ['exec', 'exec', 'attach', 'portforward'].map((kind) => `${baseUrl}/${kind}`),
  );
});

test('a URL works once', async (t) => {
  const { server } = await withServer(t);
  const url = server.execUrl(OUTPUT, never);
  assert.equal(await statusLineOf(url), 'HTTP/1.1 101 Switching Protocols');
  assert.equal(await statusLineOf(url), 'HTTP/1.1 404 Not Found');
});

test('a URL is used up by a request that comes to nothing', async (t) => {
  const { server } = await withServer(t);
  const url = server.execUrl(OUTPUT, never);
  assert.equal((await fetch(url)).status, 400);
  assert.equal((await fetch(url)).status, 404);
  assert.equal(await statusLineOf(url), 'HTTP/1.1 404 Not Found');
});

test('a URL is worth nothing under another name or after its time', async (t) => {
  const { server } = await withServer(t, { tokenTtlMs: 50 });
  assert.equal(
    await statusLineOf(server.execUrl(OUTPUT, never).replace('/exec/', '/attach/')),
    'HTTP/1.1 404 Not Found',
  );
  assert.equal(await statusLineOf(`${server.execUrl(OUTPUT, never)}/more`), 'HTTP/1.1 404 Not Found');
  const url = server.execUrl(OUTPUT, never);
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.equal(await statusLineOf(url), 'HTTP/1.1 404 Not Found');
});

test('an upgrade to what nobody speaks is refused', async (t) => {
  const { server } = await withServer(t);
  assert.equal(
    await statusLineOf(server.execUrl(OUTPUT, never), ['Upgrade: h2c']),
    'HTTP/1.1 400 Bad Request',
  );
});

test('what is no HTTP is refused, and the server goes on', async (t) => {
  const { server, baseUrl } = await withServer(t);
  const socket = connect(Number(new URL(baseUrl).port), '127.0.0.1');
  socket.end('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03');
  const [answer] = await once(socket, 'data');
  assert.match(answer.toString(), /^HTTP\/1\.1 400 /);
  assert.equal(await statusLineOf(server.execUrl(OUTPUT, never)), 'HTTP/1.1 101 Switching Protocols');
});

test('URLs that wait for their client are limited', async (t) => {
  const { server } = await withServer(t);
  for (let index = 0; index < 1_000; index++) server.execUrl(OUTPUT, never);
  assert.throws(
    () => server.execUrl(OUTPUT, never),
    (error) => failedWith(error, 'ResourceExhausted'),
  );
});

test('an address in use is told as such, and there are no URLs before the server listens', async (t) => {
  const { baseUrl } = await withServer(t);
  const options = { idleTimeoutMs: 0, creationTimeoutMs: 1_000, tokenTtlMs: 1_000, log: recordingLog().log };
  const second = createStreamingServer({
    address: '127.0.0.1',
    port: Number(new URL(baseUrl).port),
    ...options,
  });
  assert.throws(
    () => second.execUrl(OUTPUT, never),
    (error) => failedWith(error, 'Unavailable'),
  );
  await assert.rejects(
    second.listen(),
    (error) => failedWith(error, 'Unavailable') && error.message.includes('127.0.0.1'),
  );
});

test('a server on all addresses gives out URLs that reach it', async (t) => {
  for (const [address, host] of [
    ['0.0.0.0', '127.0.0.1'],
    ['::1', '[::1]'],
  ] as const) {
    const { server, baseUrl } = await withServer(t, { address });
    assert.equal(new URL(baseUrl).hostname, host);
    assert.equal((await fetch(server.execUrl(OUTPUT, never))).status, 400);
  }
});

test('an idle timeout of years is none that goes off at once', async (t) => {
  const { server } = await withServer(t, { idleTimeoutMs: 1e12 });
  const { socket } = await requestUpgrade(server.execUrl(OUTPUT, never), SPDY);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(socket.readableEnded, false);
  assert.equal(socket.readableLength, 0);
  socket.destroy();
});

test('closing waits for nothing that a client could withhold', async (t) => {
  const { server, baseUrl } = await withServer(t);
  const silent = connect(Number(new URL(baseUrl).port), '127.0.0.1');
  await once(silent, 'connect');
  const { socket } = await requestUpgrade(server.execUrl(OUTPUT, never), SPDY);
  const began = performance.now();
  await server.close();
  assert.ok(performance.now() - began < 1_000);
  silent.destroy();
  socket.destroy();
});
