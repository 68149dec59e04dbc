import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fail } from '../../../../runtime/core/fail.ts';
import type { Session } from '../../../../runtime/shim/client/shim.ts';
import type { StreamingServerOptions } from '../../../../runtime/streaming/server.ts';
import { fakeSession } from '../local-session.ts';
import {
  controlFrame,
  dataFrame,
  GO_AWAY,
  HEADERS,
  HeaderDeflater,
  PING,
  RST_STREAM,
  requestUpgrade,
  SETTINGS,
  SpdyClient,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
  words,
} from '../spdy-client.ts';
import { startServer } from '../start-server.ts';
import { settled, until } from '../until.ts';

const EVERYTHING = { stdin: true, stdout: true, stderr: true, tty: false, resize: false };
const TERMINAL = { stdin: true, stdout: true, stderr: false, tty: true, resize: true };
const OUTPUT = { stdin: false, stdout: true, stderr: false, tty: false, resize: false };

const withServer = async (t: TestContext, options: Partial<StreamingServerOptions> = {}) => {
  const started = await startServer(options);
  t.after(() => started.server.close());
  return started;
};

/** A client with all its streams open, joined with a session that the test plays. */
const withSession = async (t: TestContext, options: Partial<StreamingServerOptions> = {}) => {
  const { server, lines } = await withServer(t, options);
  const fake = fakeSession();
  const opened = Promise.withResolvers<AbortSignal>();
  const url = server.execUrl(EVERYTHING, async (signal) => {
    opened.resolve(signal);
    return fake.session;
  });
  const client = await SpdyClient.connect(url);
  const ids = await client.openAll('error', 'stdin', 'stdout', 'stderr');
  return { server, client, ids, fake, lines, signal: await opened.promise };
};

const exit = (fake: ReturnType<typeof fakeSession>, exitCode: number): void => {
  fake.stdout.end();
  fake.stderr.end();
  fake.exit.resolve({ exitCode });
};

const statusOf = (client: SpdyClient, errorId: number) => JSON.parse(client.dataOf(errorId).toString());

test('both outputs arrive, then the status, then GOAWAY and the end', async (t) => {
  const { client, ids, fake } = await withSession(t);
  fake.stdout.write('to out');
  fake.stderr.write('to err');
  exit(fake, 0);
  await client.closed;
  assert.equal(client.dataOf(ids.stdout).toString(), 'to out');
  assert.equal(client.dataOf(ids.stderr).toString(), 'to err');
  assert.deepEqual(statusOf(client, ids.error), { metadata: {}, status: 'Success' });
  assert.ok(client.finished(ids.stdout) && client.finished(ids.stderr) && client.finished(ids.error));
  assert.deepEqual(client.controls(GO_AWAY), [words(ids.stderr, 0)]);
  const last = client.received.findIndex((frame) => frame.kind === 'data' && frame.streamId === ids.error);
  const outputs = client.received.findLastIndex(
    (frame) => frame.kind === 'data' && (frame.streamId === ids.stdout || frame.streamId === ids.stderr),
  );
  assert.ok(outputs < last, 'the status comes after all output');
});

test('an exit code is told as metav1.Status', async (t) => {
  const { client, ids, fake } = await withSession(t);
  exit(fake, 17);
  await client.closed;
  assert.deepEqual(statusOf(client, ids.error), {
    metadata: {},
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: 'command terminated with non-zero exit code: 17',
    details: { causes: [{ reason: 'ExitCode', message: '17' }] },
  });
});

test('a session that breaks is told with its hint', async (t) => {
  const { client, ids, fake } = await withSession(t);
  fake.stdout.end();
  fake.stderr.end();
  fake.exit.reject(new Fail('Unavailable', 'the shim went away', { hint: 'try again' }));
  await client.closed;
  assert.deepEqual(statusOf(client, ids.error), {
    metadata: {},
    status: 'Failure',
    reason: 'InternalError',
    message: 'error executing command in container: the shim went away; try again',
    code: 500,
  });
  assert.ok(fake.state.destroyed);
});

test("the end of the client's stdin is the end of the process's, and the outputs go on", async (t) => {
  const { client, ids, fake } = await withSession(t);
  client.send(dataFrame(ids.stdin, Buffer.from('last words'), true));
  let input = '';
  for await (const chunk of fake.stdin) input += chunk;
  assert.equal(input, 'last words');
  fake.stdout.write('still here');
  await client.until(() => client.dataOf(ids.stdout).length > 0);
  assert.ok(!fake.state.destroyed);
});

test("a reset of the client's stdin is no end of input", async (t) => {
  const { client, ids, fake } = await withSession(t);
  client.send(dataFrame(ids.stdin, Buffer.from('some')));
  await until('the bytes have come', () => fake.stdin.readableLength === 4);
  client.send(controlFrame(RST_STREAM, words(ids.stdin, 5)));
  client.send(controlFrame(PING, words(1)));
  await client.until(() => client.controls(PING).length === 1);
  await sleep(20);
  assert.ok(!fake.stdin.writableEnded);
});

test('a process that closed its stdin makes the server reset the stream and drop the rest', async (t) => {
  const { client, ids, fake } = await withSession(t);
  fake.stdin.destroy();
  await client.until(() =>
    client.controls(RST_STREAM).some((payload) => payload.readUInt32BE(0) === ids.stdin),
  );
  client.send(dataFrame(ids.stdin, Buffer.alloc(1_000_000)));
  exit(fake, 0);
  await client.closed;
  assert.equal(statusOf(client, ids.error).status, 'Success');
});

test('an output that the client resets is drained, and the other still comes whole', async (t) => {
  const { client, ids, fake } = await withSession(t);
  client.send(controlFrame(RST_STREAM, words(ids.stdout, 5)));
  for (let megabyte = 0; megabyte < 5; megabyte++) fake.stdout.write(Buffer.alloc(1_000_000));
  fake.stderr.write('x'.repeat(100_000));
  await client.until(() => client.dataOf(ids.stderr).length === 100_000);
  exit(fake, 0);
  await client.closed;
  assert.equal(statusOf(client, ids.error).status, 'Success');
});

test('an output that nobody asked for is drained', async (t) => {
  const { server } = await withServer(t);
  const fake = fakeSession();
  const client = await SpdyClient.connect(server.execUrl(OUTPUT, async () => fake.session));
  const ids = await client.openAll('error', 'stdout');
  fake.stderr.write(Buffer.alloc(5_000_000));
  fake.stderr.end(() => fake.exit.resolve({ exitCode: 0 }));
  fake.stdout.end('done');
  await client.closed;
  assert.equal(client.dataOf(ids.stdout).toString(), 'done');
});

test('a client that does not read holds the process back, and gets every byte in the end', async (t) => {
  const { client, ids, fake } = await withSession(t);
  client.socket.pause();
  const total = 64 * 1024 * 1024;
  let written = 0;
  const produce = () => {
    while (written < total) {
      written += 65_536;
      if (!fake.stdout.write(Buffer.alloc(65_536))) return;
    }
    exit(fake, 0);
  };
  fake.stdout.on('drain', produce);
  produce();
  assert.ok(
    (await settled(() => written)) < total / 2,
    `${written} bytes were taken from the process though nobody reads them`,
  );
  client.socket.resume();
  await client.closed;
  const received = client.received.reduce(
    (sum, frame) => sum + (frame.kind === 'data' && frame.streamId === ids.stdout ? frame.data.length : 0),
    0,
  );
  assert.equal(received, total);
});

test('a process that does not read holds the client back', async (t) => {
  const { client, ids, fake } = await withSession(t);
  let sent = 0;
  const send = () => {
    if (sent < 64)
      client.socket.write(dataFrame(ids.stdin, Buffer.alloc(1_000_000)), () => {
        sent++;
        send();
      });
  };
  send();
  assert.ok(
    (await settled(() => sent)) < 32,
    `${sent} MB were taken from the client though the process reads nothing`,
  );
  fake.stdin.resume();
  await until('all has left the client', () => sent === 64);
});

test('a client that dies while its stdin is held back is noticed', async (t) => {
  const { client, ids, fake, signal } = await withSession(t, { probeIntervalMs: 20 });
  for (let index = 0; index < 64; index++) client.send(dataFrame(ids.stdin, Buffer.alloc(1_000_000)));
  await sleep(50);
  client.socket.destroy();
  await until('the session is destroyed', () => fake.state.destroyed);
  assert.ok(signal.aborted);
});

test('a client that goes away takes the session along, and that is no trouble to log', async (t) => {
  const { server, client, fake, signal, lines } = await withSession(t);
  client.socket.destroy();
  await until('the session is destroyed', () => fake.state.destroyed);
  assert.ok(signal.aborted);
  fake.exit.reject(new Fail('Unavailable', 'the session was destroyed'));
  await server.close();
  assert.match(lines.join(''), /^debug exec: the client left /);
});

test('a client that goes away while its session is being opened leaves none behind', async (t) => {
  const { server } = await withServer(t);
  const fake = fakeSession();
  const opening = Promise.withResolvers<AbortSignal>();
  const session = Promise.withResolvers<Session>();
  const url = server.execUrl(OUTPUT, (signal) => {
    opening.resolve(signal);
    return session.promise;
  });
  const client = await SpdyClient.connect(url);
  await client.openAll('error', 'stdout');
  const signal = await opening.promise;
  client.socket.destroy();
  await until('the signal is aborted', () => signal.aborted);
  session.resolve(fake.session);
  await until('the session is destroyed', () => fake.state.destroyed);
});

test('the server takes its sessions along when it closes', async (t) => {
  const { server, client, fake } = await withSession(t);
  await server.close();
  await client.closed;
  assert.ok(fake.state.destroyed);
});

test('terminal sizes reach the session, the one that came before it was open included', async (t) => {
  const { server } = await withServer(t);
  const fake = fakeSession();
  const session = Promise.withResolvers<Session>();
  const client = await SpdyClient.connect(server.execUrl(TERMINAL, () => session.promise));
  const ids = await client.openAll('error', 'stdin', 'stdout', 'resize');
  client.send(dataFrame(ids.resize, Buffer.from('{"Width":80,"Height":24}')));
  client.send(controlFrame(PING, words(1)));
  await client.until(() => client.controls(PING).length === 1);
  session.resolve(fake.session);
  client.send(
    dataFrame(ids.resize, Buffer.from('{"Width":100,"Hei')),
    dataFrame(ids.resize, Buffer.from('ght":30}\n')),
  );
  await until('both have come', () => fake.sizes.length === 2);
  assert.deepEqual(fake.sizes, [
    { width: 80, height: 24 },
    { width: 100, height: 30 },
  ]);
});

test('a session on a terminal waits for the stream of sizes: an end before it would leave that unanswered', async (t) => {
  const { server } = await withServer(t);
  const fake = fakeSession();
  let opened = false;
  const client = await SpdyClient.connect(
    server.execUrl(TERMINAL, async () => {
      opened = true;
      return fake.session;
    }),
  );
  await client.openAll('error', 'stdin', 'stdout');
  client.send(controlFrame(PING, words(1)));
  await client.until(() => client.controls(PING).length === 1);
  assert.ok(!opened);
  await client.openAll('resize');
  exit(fake, 0);
  await client.closed;
});

test('a terminal without resize stream, as who attaches without a terminal has it, is served', async (t) => {
  const { server } = await withServer(t);
  const fake = fakeSession();
  const streams = { ...TERMINAL, resize: false };
  const client = await SpdyClient.connect(server.attachUrl(streams, async () => fake.session));
  const ids = await client.openAll('error', 'stdin', 'stdout', 'stderr');
  fake.stdout.write('hello');
  await client.until(() => client.dataOf(ids.stdout).length > 0 && client.finished(ids.stderr));
});

test('a client that does not open all its streams in time is told so', async (t) => {
  const { server } = await withServer(t, { creationTimeoutMs: 50 });
  const client = await SpdyClient.connect(
    server.execUrl(EVERYTHING, () => Promise.reject(new Error('must not be opened'))),
  );
  const { error } = await client.openAll('error', 'stdin');
  await client.closed;
  assert.match(statusOf(client, error).message, /the client did not open its streams within 50 ms/);
});

test('a connection on which nothing moves is ended, and its session', async (t) => {
  const { client, fake, lines } = await withSession(t, { idleTimeoutMs: 100 });
  await client.closed;
  await until('the session is destroyed', () => fake.state.destroyed);
  await until('it is logged', () => lines.join('').includes('nothing was sent or received for 100 ms'));
});

test('a connection on which bytes move is not idle', async (t) => {
  const { client, ids, fake } = await withSession(t, { idleTimeoutMs: 150 });
  for (let index = 0; index < 8; index++) {
    fake.stdout.write('.');
    await sleep(50);
  }
  assert.equal(client.dataOf(ids.stdout).length, 8);
  assert.ok(!fake.state.destroyed);
});

test('PING is answered, SETTINGS and WINDOW_UPDATE and later HEADERS are taken without effect', async (t) => {
  const { client, ids, fake } = await withSession(t);
  client.send(
    controlFrame(SETTINGS, words(1, 4, 100)),
    controlFrame(WINDOW_UPDATE, words(ids.stdin, 1_000)),
    controlFrame(PING, words(4)),
    controlFrame(PING, words(3)),
  );
  await client.until(() => client.controls(PING).length > 0);
  assert.deepEqual(client.controls(PING), [words(3)]);
  assert.ok(!fake.state.destroyed);
});

test('a stream that nobody asked for is answered and ended', async (t) => {
  const { client, ids } = await withSession(t);
  const another = await client.openAll('stdout', 'resize', 'nonsense');
  await client.until(() => Object.values(another).every((id) => client.finished(id)));
  assert.ok(!client.finished(ids.stdout));
});

test('streams beyond the limit are refused, and the session goes on', async (t) => {
  const { client, ids, fake } = await withSession(t);
  for (let index = 0; index < 50; index++) await client.open({ streamtype: 'stdin' });
  await client.until(() => client.controls(SYN_REPLY).length + client.controls(RST_STREAM).length >= 54);
  const refused = client.controls(RST_STREAM).map((payload) => payload.readUInt32BE(4));
  assert.deepEqual([...new Set(refused)], [3]);
  assert.equal(refused.length, 38);
  fake.stdout.write('alive');
  await client.until(() => client.dataOf(ids.stdout).length > 0);
});

const protocolBreakers: Readonly<Record<string, (client: SpdyClient) => Promise<void>>> = {
  garbage: async (client) => client.send(Buffer.from('GET / HTTP/1.1\r\n\r\n')),
  'data for a stream that it never opened': async (client) => client.send(dataFrame(99, Buffer.from('x'))),
  'data for a stream that only a server opens': async (client) => client.send(dataFrame(2, Buffer.from('x'))),
  'a reply to a stream that nobody opened': async (client) =>
    client.send(controlFrame(SYN_REPLY, Buffer.concat([words(2), await new HeaderDeflater().block({})]))),
  'a stream id twice': async (client) => void (await client.open({ streamtype: 'stdin' }, 1)),
  'an even stream id': async (client) => void (await client.open({ streamtype: 'stdin' }, 42)),
  'headers that do not inflate': async (client) =>
    client.send(
      controlFrame(SYN_STREAM, Buffer.concat([words(101, 0), Buffer.alloc(2), Buffer.from('nonsense')])),
    ),
  'later headers that do not inflate': async (client) =>
    client.send(controlFrame(HEADERS, Buffer.concat([words(1), Buffer.from('nonsense')]))),
};

for (const [what, breakIt] of Object.entries(protocolBreakers)) {
  test(`a client that sends ${what} gets GOAWAY with a protocol error, and no other client feels it`, async (t) => {
    const { server, client, fake } = await withSession(t);
    const bystander = fakeSession();
    const other = await SpdyClient.connect(server.execUrl(OUTPUT, async () => bystander.session));
    const ids = await other.openAll('error', 'stdout');
    await breakIt(client);
    await client.closed;
    assert.equal(client.controls(GO_AWAY)[0]?.readUInt32BE(4), 1);
    await until('the session is destroyed', () => fake.state.destroyed);
    bystander.stdout.write('unmoved');
    await other.until(() => other.dataOf(ids.stdout).toString() === 'unmoved');
  });
}

test('a client that asks for answers and reads none is cut off', async (t) => {
  const { client, fake, lines } = await withSession(t);
  client.socket.pause();
  const pings = Buffer.concat(Array.from({ length: 10_000 }, () => controlFrame(PING, words(1))));
  const flood = setInterval(() => client.socket.destroyed || client.socket.write(pings), 1);
  t.after(() => clearInterval(flood));
  await until('the session is destroyed', () => fake.state.destroyed, 60_000);
  assert.match(lines.join(''), /the client does not read the answers that it asks for/);
});

test('the protocol is the first of the client that the server speaks', async (t) => {
  const { server } = await withServer(t);
  const offer = async (...headers: readonly string[]) => {
    const url = server.execUrl(OUTPUT, async () => fakeSession().session);
    const { head, socket } = await requestUpgrade(url, ['Upgrade: SPDY/3.1', ...headers]);
    socket.destroy();
    return head;
  };
  const name = 'X-Stream-Protocol-Version';
  assert.match(
    await offer(`${name}: v9.channel.k8s.io, v3.channel.k8s.io`, `${name}: v4.channel.k8s.io`),
    /v3\.channel/,
  );
  const refused = await offer(`${name}: v9.channel.k8s.io`);
  assert.match(refused, /^HTTP\/1\.1 403 /);
  assert.match(refused, /X-Accepted-Stream-Protocol-Versions: v4\.channel\.k8s\.io/);
  assert.match(await offer(), /^HTTP\/1\.1 400 /);
});

test('before v4 a failure is told in words, and success by silence', async (t) => {
  const { server } = await withServer(t);
  for (const [exitCode, text] of [
    [0, ''],
    [6, 'command terminated with non-zero exit code: 6'],
  ] as const) {
    const fake = fakeSession();
    const client = await SpdyClient.connect(
      server.execUrl(OUTPUT, async () => fake.session),
      'channel.k8s.io',
    );
    const ids = await client.openAll('error', 'stdout');
    exit(fake, exitCode);
    await client.closed;
    assert.equal(client.dataOf(ids.error).toString(), text);
  }
});
