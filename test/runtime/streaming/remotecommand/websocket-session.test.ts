import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RawData, WebSocket } from 'ws';
import type { StreamingServerOptions } from '../../../../runtime/streaming/server.ts';
import { fakeSession } from '../local-session.ts';
import { requestUpgrade } from '../spdy-client.ts';
import { startServer } from '../start-server.ts';
import { settled, until } from '../until.ts';

const EVERYTHING = { stdin: true, stdout: true, stderr: true, tty: false, resize: false };
const TERMINAL = { stdin: true, stdout: true, stderr: true, tty: true, resize: true };

/** Messages of a client, by channel; `base64` ones as text, the others as bytes. */
class ChannelClient {
  readonly webSocket: WebSocket;
  readonly messages: { readonly channel: number; readonly text: string }[] = [];
  closeCode: number | undefined;

  constructor(url: string, protocol: string | undefined) {
    this.webSocket = new WebSocket(url.replace('http:', 'ws:'), protocol === undefined ? [] : [protocol]);
    const base64 = protocol?.includes('base64') ?? false;
    this.webSocket.on('message', (data: RawData, isBinary: boolean) => {
      assert.equal(isBinary, !base64);
      const bytes = Buffer.isBuffer(data) ? data : Buffer.alloc(0);
      const channel = base64 ? Number(String.fromCharCode(bytes[0] ?? 0)) : (bytes[0] ?? -1);
      const payload = bytes.subarray(1);
      this.messages.push({
        channel,
        text: base64 ? Buffer.from(payload.toString(), 'base64').toString() : `${payload}`,
      });
    });
    this.webSocket.on('close', (code) => (this.closeCode = code));
    this.webSocket.on('error', () => {});
  }

  send(channel: number, payload: string | Buffer): void {
    const bytes = Buffer.from(payload);
    if (this.webSocket.protocol.includes('base64'))
      this.webSocket.send(`${channel}${bytes.toString('base64')}`);
    else this.webSocket.send(Buffer.concat([Buffer.from([channel]), bytes]));
  }

  text(channel: number): string {
    return this.messages.flatMap((message) => (message.channel === channel ? [message.text] : [])).join('');
  }
}

const withSession = async (
  t: TestContext,
  protocol: string | undefined,
  streams = EVERYTHING,
  options: Partial<StreamingServerOptions> = {},
) => {
  const { server, lines } = await startServer(options);
  t.after(() => server.close());
  const fake = fakeSession();
  const client = new ChannelClient(
    server.execUrl(streams, async () => fake.session),
    protocol,
  );
  await once(client.webSocket, 'open');
  return { client, fake, lines };
};

const exit = (fake: ReturnType<typeof fakeSession>, exitCode: number): void => {
  fake.stdout.end();
  fake.stderr.end();
  fake.exit.resolve({ exitCode });
};

const FAILURE = {
  metadata: {},
  status: 'Failure',
  message: 'command terminated with non-zero exit code: 3',
  reason: 'NonZeroExitCode',
  details: { causes: [{ reason: 'ExitCode', message: '3' }] },
};

for (const [protocol, status] of [
  ['v5.channel.k8s.io', FAILURE],
  ['v4.channel.k8s.io', FAILURE],
  ['v4.base64.channel.k8s.io', FAILURE],
  ['channel.k8s.io', FAILURE.message],
  ['base64.channel.k8s.io', FAILURE.message],
  [undefined, FAILURE.message],
] as const) {
  test(`a session over ${protocol ?? 'no named subprotocol'} carries input, outputs and status`, async (t) => {
    const { client, fake } = await withSession(t, protocol);
    assert.equal(client.webSocket.protocol, protocol ?? '');
    client.send(0, 'to in');
    const [input] = await once(fake.stdin, 'data');
    assert.equal(input.toString(), 'to in');
    fake.stdout.write('to out \u20ac');
    fake.stderr.write('to err');
    exit(fake, 3);
    await once(client.webSocket, 'close');
    assert.deepEqual(client.messages[0], { channel: 1, text: '' });
    assert.equal(client.text(1), 'to out \u20ac');
    assert.equal(client.text(2), 'to err');
    const told = client.text(3);
    assert.deepEqual(typeof status === 'string' ? told : JSON.parse(told), status);
    assert.equal(client.closeCode, 1000);
    assert.equal(client.messages.at(-1)?.channel, 3);
  });
}

test('v5 ends stdin alone by a message on channel 255', async (t) => {
  const { client, fake } = await withSession(t, 'v5.channel.k8s.io');
  client.send(0, 'last words');
  client.send(255, Buffer.from([7]));
  client.send(255, Buffer.from([0]));
  client.send(0, 'too late');
  let input = '';
  for await (const chunk of fake.stdin) input += chunk;
  assert.equal(input, 'last words');
  fake.stdout.write('still here');
  await until('the output has come', () => client.text(1) === 'still here');
  exit(fake, 0);
  await once(client.webSocket, 'close');
  assert.deepEqual(JSON.parse(client.text(3)), { metadata: {}, status: 'Success' });
});

test('before v5 channel 255 means nothing', async (t) => {
  const { client, fake } = await withSession(t, 'v4.channel.k8s.io');
  client.send(255, Buffer.from([0]));
  client.send(0, 'more');
  const [input] = await once(fake.stdin, 'data');
  assert.equal(input.toString(), 'more');
});

test('a terminal gets its sizes, and no stderr', async (t) => {
  const { client, fake } = await withSession(t, 'v5.channel.k8s.io', TERMINAL);
  client.send(4, '{"Width":120,"Height":40}');
  await until('the size has come', () => fake.sizes.length === 1);
  assert.deepEqual(fake.sizes, [{ width: 120, height: 40 }]);
  fake.stderr.write('not for a terminal');
  fake.stdout.write('for a terminal');
  exit(fake, 0);
  await once(client.webSocket, 'close');
  assert.equal(client.text(2), '');
  assert.equal(client.text(1), 'for a terminal');
});

test("messages on channels that are not the client's to write are dropped", async (t) => {
  const { client, fake } = await withSession(t, 'v5.channel.k8s.io');
  for (const channel of [1, 2, 3, 4, 77]) client.send(channel, 'x');
  client.webSocket.send(Buffer.alloc(0));
  client.send(0, 'in');
  const [input] = await once(fake.stdin, 'data');
  assert.equal(input.toString(), 'in');
});

test('a client that does not read holds the process back', async (t) => {
  const { client, fake } = await withSession(t, 'v5.channel.k8s.io');
  client.webSocket.pause();
  let written = 0;
  const produce = () => {
    while (written < 64_000_000) {
      written += 65_536;
      if (!fake.stdout.write(Buffer.alloc(65_536))) return;
    }
  };
  fake.stdout.on('drain', produce);
  produce();
  assert.ok(
    (await settled(() => written)) < 32_000_000,
    `${written} bytes were taken from the process though nobody reads them`,
  );
});

test('a process that does not read holds the client back, which still hears from us', async (t) => {
  const { client, fake } = await withSession(t, 'v5.channel.k8s.io', EVERYTHING, { probeIntervalMs: 20 });
  const pong = once(client.webSocket, 'pong');
  let sent = 0;
  const send = () => {
    if (sent < 64)
      client.webSocket.send(Buffer.alloc(1_000_000), () => {
        sent++;
        send();
      });
  };
  send();
  await pong;
  assert.ok(
    (await settled(() => sent)) < 32,
    `${sent} MB were taken from the client though the process reads nothing`,
  );
  fake.stdin.resume();
  await until('all has left the client', () => sent === 64);
});

test('a stdin that is held back and then ends holds nothing else back', async (t) => {
  const { client, fake } = await withSession(t, 'v5.channel.k8s.io');
  // In one write, so that the end comes before the server has stopped to read.
  // @ts-expect-error: the client library does not offer its socket.
  const socket: Socket = client.webSocket._socket;
  socket.cork();
  // The first fills the process, the second the buffer before it.
  client.webSocket.send(Buffer.alloc(400_000));
  client.webSocket.send(Buffer.alloc(400_000));
  client.send(255, Buffer.from([0]));
  socket.uncork();
  // The first ping may be read along with what came before it; the second is, if anything still is.
  for (let ping = 0; ping < 2; ping++) {
    client.webSocket.ping();
    await once(client.webSocket, 'pong', { signal: AbortSignal.timeout(5_000) });
  }
  assert.ok(!fake.stdin.writableEnded);
});

test('a client that dies while its stdin is held back is noticed', async (t) => {
  const { client, fake } = await withSession(t, 'v5.channel.k8s.io', EVERYTHING, { probeIntervalMs: 20 });
  for (let index = 0; index < 64; index++) client.send(0, Buffer.alloc(1_000_000));
  await sleep(50);
  client.webSocket.terminate();
  await until('the session is destroyed', () => fake.state.destroyed);
});

test('a client that goes away takes the session along', async (t) => {
  const { client, fake } = await withSession(t, 'v5.channel.k8s.io');
  client.webSocket.terminate();
  await until('the session is destroyed', () => fake.state.destroyed);
});

test('a message beyond 16 MiB ends the connection and the session', async (t) => {
  const { client, fake, lines } = await withSession(t, 'v5.channel.k8s.io');
  client.send(0, Buffer.alloc(17 * 1024 * 1024));
  await until('the session is destroyed', () => fake.state.destroyed);
  await until('it is logged', () => lines.join('').includes('Max payload size exceeded'));
});

test('a connection on which nothing moves is ended, and its session', async (t) => {
  const { client, fake } = await withSession(t, 'v5.channel.k8s.io', EVERYTHING, { idleTimeoutMs: 100 });
  await once(client.webSocket, 'close');
  await until('the session is destroyed', () => fake.state.destroyed);
});

test('bytes that are no WebSocket frames end the connection and the session', async (t) => {
  const { client, fake } = await withSession(t, 'v5.channel.k8s.io');
  // @ts-expect-error: what a client library would never send goes around it.
  client.webSocket._socket.write(Buffer.alloc(100, 0xff));
  await until('the session is destroyed', () => fake.state.destroyed);
});

test('a handshake that is not one is refused', async (t) => {
  const { server } = await startServer();
  t.after(() => server.close());
  const handshake = async (...headers: readonly string[]) => {
    const url = server.execUrl(EVERYTHING, () => Promise.reject(new Error('must not be opened')));
    const { head, socket } = await requestUpgrade(url, ['Upgrade: websocket', ...headers], 'GET');
    socket.destroy();
    return head.split('\r\n', 1)[0];
  };
  const key = ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];
  assert.equal(await handshake(), 'HTTP/1.1 400 Bad Request');
  assert.equal(
    await handshake(...key, 'Sec-WebSocket-Protocol: v9.channel.k8s.io'),
    'HTTP/1.1 403 Forbidden',
  );
  assert.equal(await handshake(...key), 'HTTP/1.1 101 Switching Protocols');
});
