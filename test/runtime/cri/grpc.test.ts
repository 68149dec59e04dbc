import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectHttp2, constants, type OutgoingHttpHeaders } from 'node:http2';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Method } from '../../../runtime/cri/grpc/call.ts';
import { listenForCalls } from '../../../runtime/cri/grpc/server.ts';
import { until } from '../../harness/busybox-node.ts';

/* The protocol itself, as PROTOCOL-HTTP2.md of gRPC has it: what the clients of transport.test.ts never do. */

const LIMIT = 1024 * 1024;

/** A server of these methods, below `/test.S/`, and ways to speak to it. */
const serving = async (t: TestContext, methods: Readonly<Record<string, Method>>) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-grpc-'));
  const path = join(folder, 'sock');
  const served = new Map(Object.entries(methods).map(([name, method]) => [`/test.S/${name}`, method]));
  const server = await listenForCalls(path, { methods: served, maxMessageBytes: LIMIT });
  const session = connectHttp2('http://localhost', { createConnection: () => connect(path) });
  session.on('error', () => {});
  t.after(async () => {
    session.destroy();
    await server.close(0);
    rmSync(folder, { recursive: true });
  });
  const open = (name: string, headers: OutgoingHttpHeaders = {}) =>
    session.request({
      ':method': 'POST',
      ':path': `/test.S/${name}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
  const call = async (name: string, body: Buffer, headers: OutgoingHttpHeaders = {}) => {
    const stream = open(name, headers);
    let status: Record<string, unknown> = {};
    for (const event of ['response', 'trailers'] as const)
      stream.on(event, (got: object) => (status = { ...status, ...got }));
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.end(body);
    await once(stream, 'close');
    return {
      http: status[':status'],
      status: Number(status['grpc-status']),
      message: decodeURIComponent(String(status['grpc-message'] ?? '')),
      body: Buffer.concat(chunks),
    };
  };
  return { path, server, session, open, call };
};

const framed = (message: string | Buffer, compressed = 0): Buffer => {
  const bytes = Buffer.from(message);
  const head = Buffer.from([compressed, 0, 0, 0, 0]);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
};

const echo: Method = { kind: 'unary', answer: async (request) => request };
const never: Method = {
  kind: 'unary',
  answer: (_request, signal) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
};

const [OK, INVALID_ARGUMENT, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED] = [0, 3, 4, 8, 12];

test('what is no call at all is answered in terms of HTTP', async (t) => {
  const { call } = await serving(t, { Echo: echo });
  const asked = async (headers: OutgoingHttpHeaders) => (await call('Echo', Buffer.alloc(0), headers)).http;
  assert.equal(await asked({ 'content-type': 'application/json' }), 415);
  assert.equal(await asked({ ':method': 'PUT' }), 405);
  assert.equal(
    (await call('Echo', framed('again'), { 'content-type': 'application/grpc+proto' })).status,
    OK,
  );
});

test('a deadline that passed is told as such, however soon it is', async (t) => {
  const { call } = await serving(t, { Never: never });
  // The clock of timers has whole milliseconds: they may be up to one early.
  for (let round = 0; round < 200; round += 1)
    assert.equal((await call('Never', framed('x'), { 'grpc-timeout': '1m' })).status, DEADLINE_EXCEEDED);
});

test('a method that nobody knows is UNIMPLEMENTED, before and after its request has come', async (t) => {
  const { open, call } = await serving(t, { Echo: echo });
  assert.equal((await call('Nothing', framed('x'))).status, UNIMPLEMENTED);
  const stream = open('Nothing');
  const [headers] = await once(stream, 'response');
  assert.equal(headers['grpc-status'], String(UNIMPLEMENTED));
  await once(stream.resume(), 'close');
  assert.equal((await call('Echo', framed('x'))).status, OK);
});

test('a body that is not one message, or a compressed one, is refused', async (t) => {
  const { call } = await serving(t, { Echo: echo });
  for (const body of [
    Buffer.alloc(0),
    Buffer.from([0, 0]),
    framed('abc').subarray(0, 6),
    Buffer.concat([framed('a'), framed('b')]),
  ])
    assert.equal((await call('Echo', body)).status, INVALID_ARGUMENT);
  const { status, message } = await call('Echo', framed('x', 1), { 'grpc-encoding': 'gzip' });
  assert.equal(status, UNIMPLEMENTED);
  assert.match(message, /compressed/);
});

test('a request of the largest size arrives, one beyond it is refused, and the connection goes on', async (t) => {
  const { call } = await serving(t, { Echo: echo });
  const largest = Buffer.alloc(LIMIT, 'x');
  assert.ok((await call('Echo', framed(largest))).body.subarray(5).equals(largest));
  const { status, message } = await call('Echo', framed(Buffer.alloc(4 * LIMIT)));
  assert.equal(status, RESOURCE_EXHAUSTED);
  assert.match(message, /larger than 1048576 bytes/);
  assert.equal((await call('Echo', framed('small'))).status, OK);
});

test('a deadline may be given in any unit, and one that makes no sense is refused', async (t) => {
  const { call } = await serving(t, { Never: never, Echo: echo });
  for (const timeout of ['1n', '999u', '20m'])
    assert.equal((await call('Never', framed(''), { 'grpc-timeout': timeout })).status, DEADLINE_EXCEEDED);
  for (const timeout of ['1S', '2M', '99999999H'])
    assert.equal((await call('Echo', framed(''), { 'grpc-timeout': timeout })).status, OK);
  for (const timeout of ['', '1', '-1S', '123456789S', '1x'])
    assert.equal((await call('Echo', framed(''), { 'grpc-timeout': timeout })).status, INVALID_ARGUMENT);
});

test('a client that hangs up ends its calls, whatever they are at', async (t) => {
  let running = 0;
  const following: Method = {
    kind: 'server_streaming',
    answer: async function* (_request, signal) {
      running += 1;
      try {
        while (!signal.aborted) {
          yield Buffer.from('more');
          await pause(1);
        }
      } finally {
        running -= 1;
      }
    },
  };
  const { open, session } = await serving(t, { Following: following, Never: never });
  const cancelled = open('Following');
  cancelled.end(framed(''));
  await once(cancelled, 'data');
  const second = open('Following');
  second.end(framed(''));
  await once(second, 'data');
  assert.equal(running, 2);
  cancelled.close(constants.NGHTTP2_CANCEL);
  await until('the first has ended', () => running === 1);
  session.destroy();
  await until('the second has ended', () => running === 0);
});

test('who does not read what is streamed to him is not sent more than he has room for', async (t) => {
  let sent = 0;
  const { open } = await serving(t, {
    Flood: {
      kind: 'server_streaming',
      answer: async function* () {
        for (; sent < 1000; sent += 1) yield Buffer.alloc(64 * 1024);
      },
    },
  });
  const stream = open('Flood');
  stream.end(framed(''));
  await once(stream, 'response');
  await pause(200);
  assert.ok(sent < 50, `${sent} messages`);
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
  await once(stream, 'close');
  assert.equal(bytes, 1000 * (64 * 1024 + 5));
});

test('two thousand calls are served at a time on one connection', async (t) => {
  const { call } = await serving(t, {
    Slow: {
      kind: 'unary',
      answer: async (request) => {
        await pause(50);
        return request;
      },
    },
  });
  const names = Array.from({ length: 2000 }, (_, index) => `call ${index}`);
  const answers = await Promise.all(names.map((name) => call('Slow', framed(name))));
  assert.deepEqual(
    answers.map(({ status, body }) => [status, body.toString('utf8', 5)]),
    names.map((name) => [OK, name]),
  );
});

test('clients that speak something else, or leave in the middle of it, harm nobody', async (t) => {
  const { path, call } = await serving(t, { Echo: echo });
  for (const words of ['GET / HTTP/1.1\r\n\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '\0'.repeat(100), '']) {
    const socket = connect(path);
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(words);
    await pause(5);
    socket.destroy();
  }
  assert.equal((await call('Echo', framed('x'))).status, OK);
});

test('closing waits for the calls in flight, takes no more, and breaks off those that take too long', async (t) => {
  let release = () => {};
  const { server, call } = await serving(t, {
    Wait: {
      kind: 'unary',
      answer: (request) => new Promise((resolve) => (release = () => resolve(request))),
    },
    Never: never,
  });
  const waiting = call('Wait', framed('done'));
  const hanging = call('Never', framed(''));
  await pause(50);
  const closed = server.close(300);
  await assert.rejects(call('Wait', framed('late')));
  release();
  assert.equal((await waiting).body.toString('utf8', 5), 'done');
  await closed;
  assert.ok(Number.isNaN((await hanging).status));
});
