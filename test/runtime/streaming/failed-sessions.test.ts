import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import test from 'node:test';
import { WebSocket } from 'ws';
import type { StreamingServer } from '../../../runtime/streaming/server.ts';
import { fakeSession } from './local-session.ts';
import { dataFrame, SpdyClient } from './spdy-client.ts';
import { startServer } from './start-server.ts';
import { openTunnel } from './tunnel-client.ts';
import { until } from './until.ts';

const EVERYTHING = { stdin: true, stdout: true, stderr: true, tty: false, resize: false };
const TERMINAL = { ...EVERYTHING, tty: true, resize: true };

/** Sessions that were opened and not destroyed. */
const living = new Set<ReturnType<typeof fakeSession>>();

const open = async () => {
  const fake = fakeSession();
  living.add(fake);
  const destroy = () => {
    living.delete(fake);
    fake.session.destroy();
  };
  return { ...fake.session, destroy };
};

type Failure = (server: StreamingServer, baseUrl: string) => Promise<unknown>;

const dropAfter = (text: string, url: string): Promise<unknown> => {
  const { port, hostname } = new URL(url);
  const socket = connect(Number(port), hostname, () => socket.end(text, () => socket.destroy()));
  socket.on('error', () => {});
  return once(socket, 'close');
};

const upgradeRequest = (url: string): string =>
  `POST ${new URL(url).pathname} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n` +
  'X-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n';

const tunnel = async (server: StreamingServer, message: Buffer | string): Promise<void> => {
  const dial = () => Promise.reject(new Error('must not be dialled'));
  const webSocket = openTunnel(server.portForwardUrl(dial));
  await once(webSocket, 'open');
  webSocket.send(message, () => webSocket.terminate());
  await once(webSocket, 'close');
};

/** All the ways in which a session comes to nothing. */
const FAILURES: readonly Failure[] = [
  (_server, baseUrl) => dropAfter('', baseUrl),
  (_server, baseUrl) => dropAfter('POST /exec/', baseUrl),
  (_server, baseUrl) => dropAfter(upgradeRequest(`${baseUrl}/exec/wrong`), baseUrl),
  (server, baseUrl) => dropAfter(upgradeRequest(server.execUrl(EVERYTHING, open)), baseUrl),
  (server, baseUrl) => dropAfter(`${upgradeRequest(server.execUrl(EVERYTHING, open))}garbage`, baseUrl),
  async (server) => {
    const client = await SpdyClient.connect(server.execUrl(EVERYTHING, open));
    await client.openAll('error', 'stdin');
    client.socket.destroy();
    await client.closed;
  },
  async (server) => {
    const client = await SpdyClient.connect(server.execUrl(TERMINAL, open));
    const { resize } = await client.openAll('error', 'stdin', 'stdout', 'resize');
    client.send(dataFrame(resize, Buffer.from('{"Width":1,"Hei')));
    client.socket.destroy();
    await client.closed;
  },
  async (server) => {
    const client = await SpdyClient.connect(
      server.attachUrl(EVERYTHING, () => Promise.reject(new Error('no'))),
    );
    await client.openAll('error', 'stdin', 'stdout', 'stderr');
    await client.closed;
  },
  async (server) => {
    const client = await SpdyClient.connect(
      server.portForwardUrl(() => Promise.reject(new Error('no'))),
      'portforward.k8s.io',
    );
    await client.open({ streamtype: 'error', port: '80', requestid: '0' });
    await client.open({ streamtype: 'data', port: '80', requestid: '0' });
    client.socket.destroy();
    await client.closed;
  },
  async (server) => {
    const webSocket = new WebSocket(server.execUrl(TERMINAL, open).replace('http:', 'ws:'), [
      'v5.channel.k8s.io',
    ]);
    webSocket.on('error', () => {});
    await once(webSocket, 'open');
    webSocket.terminate();
    await once(webSocket, 'close');
  },
  // Ports over WebSocket: tunnelled SPDY that is cut off in the middle of a frame, and that is none.
  (server) => tunnel(server, Buffer.from([0x80, 3, 0, 1, 0, 0])),
  (server) => tunnel(server, 'text'),
  async (server) => {
    const dial = () => Promise.reject(new Error('no'));
    const url = server.portForwardUrl(dial, [80, 81]).replace('http:', 'ws:');
    const webSocket = new WebSocket(url, ['v4.channel.k8s.io']);
    await once(webSocket, 'close');
  },
];

const openFiles = async () => (await readdir('/proc/self/fd')).length;
const handles = () => process.getActiveResourcesInfo().length;

const failManyTimes = async (server: StreamingServer, baseUrl: string, rounds: number) => {
  for (let round = 0; round < rounds; round++)
    await Promise.all(FAILURES.map((fail) => fail(server, baseUrl)));
};

test('ten thousand sessions that fail in every way leave no handle, descriptor or session behind', async (t) => {
  const { server, baseUrl } = await startServer({ tokenTtlMs: 5_000, creationTimeoutMs: 60_000 });
  t.after(() => server.close());
  await failManyTimes(server, baseUrl, 20);
  await until('the warm-up has settled', () => living.size === 0);
  const before = { files: await openFiles(), handles: handles() };
  await failManyTimes(server, baseUrl, Math.ceil(10_000 / FAILURES.length));
  await until('every session is destroyed', () => living.size === 0);
  await until('every handle is closed', () => handles() <= before.handles);
  assert.ok((await openFiles()) <= before.files);
});
