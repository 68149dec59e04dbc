import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { failedWith } from '../../../runtime/core/fail.ts';
import type { TlsFiles } from '../../../runtime/streaming/certificates.ts';
import { createStreamingServer } from '../../../runtime/streaming/server.ts';
import { freePort } from '../../harness/free-port.ts';
import { Authority, type Issued } from './authority.ts';
import { crictl, startCrictl } from './crictl.ts';
import { startFakeCri } from './fake-cri.ts';
import { LocalSessions } from './local-session.ts';
import { recordingLog, startServer } from './start-server.ts';
import { until } from './until.ts';

const TRANSPORTS = ['spdy', 'websocket'] as const;
const OUTPUT = { stdin: false, stdout: true, stderr: false, tty: false, resize: false };
const never = () => Promise.reject(new Error('must not be opened'));
const HUNG_UP = 'hung up';
/** Whom the server does not trust, it may tell so or just hang up on; how depends on who is faster. */
const REFUSED = /^(hung up|ECONNRESET|EPIPE|ERR_SSL_.*)$/;
const ANSWERED = 'HTTP/1.1 404 Not Found';
const TLS_1_3 = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256';
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

const folderOf = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-tls-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
};

/** A server with a certificate of its own authority, which clients must have one of too. */
const withTls = async (t: TestContext, changes: Partial<TlsFiles> = {}) => {
  const folder = folderOf(t);
  const authority = new Authority(folder, 'first');
  const files = authority.issue('server');
  const tls: TlsFiles = { ...files, ca: authority.cert, minVersion: 'TLSv1.2', ...changes };
  const started = await startServer({ tls });
  t.after(() => started.server.close());
  return { ...started, folder, authority, tls };
};

const clientOf = (authority: Authority, { cert, key }: Issued, url: string): ConnectionOptions => ({
  host: '127.0.0.1',
  port: Number(new URL(url).port),
  ca: readFileSync(authority.cert),
  cert: readFileSync(cert),
  key: readFileSync(key),
});

/** The first line of the answer to a request for a URL that nobody gave out; or why there was none. */
const greet = (options: ConnectionOptions): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(options, () => socket.write('GET /exec/x HTTP/1.1\r\nHost: x\r\n\r\n'));
    socket.once('data', (answer) => {
      resolve(String(answer).split('\r\n', 1)[0] ?? '');
      socket.destroy();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once('close', () => resolve(HUNG_UP));
  });

/** Hash of the certificate that the server shows. */
const shownTo = async (options: ConnectionOptions): Promise<string> => {
  const socket: TLSSocket = connect(options);
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
};

for (const transport of TRANSPORTS) {
  test(`crictl over ${transport} and TLS runs commands and reaches ports, with a certificate of its own`, async (t) => {
    const { server, authority } = await withTls(t);
    const sessions = new LocalSessions();
    const cri = await startFakeCri(server, sessions, ['cat']);
    t.after(async () => {
      sessions.killAll();
      await cri.close();
    });
    const { cert, key } = authority.issue('client');
    const tls = ['--tls-ca', authority.cert, '--tls-cert', cert, '--tls-key', key, '-r', transport];

    const input = randomBytes(5_000_000);
    const command = ['c1', 'sh', '-c', 'cat; echo done >&2; exit 4'];
    const result = await crictl(cri.endpoint, ['exec', '-i', ...tls, ...command], input);
    assert.equal(sha256(result.stdout), sha256(input));
    assert.match(result.stderr, /^done$/m);
    assert.match(result.stderr, /command terminated with exit code 4/);

    const body = randomBytes(3_000_000);
    const web = createServer((_request, response) => response.end(body)).listen(0, '127.0.0.1');
    t.after(() => web.close());
    await once(web, 'listening');
    const [remote, local] = [(web.address() as AddressInfo).port, await freePort()];
    const forwarder = startCrictl(cri.endpoint, ['port-forward', ...tls, 'p1', `${local}:${remote}`]);
    t.after(() => forwarder.kill('SIGKILL'));
    await once(forwarder.stdout, 'data');
    const answer = await fetch(`http://127.0.0.1:${local}/`, { headers: { connection: 'close' } });
    assert.equal(sha256(Buffer.from(await answer.arrayBuffer())), sha256(body));
  });
}

test('who has no certificate, or one of another authority, gets no answer, and the server goes on', async (t) => {
  const { server, authority, folder, lines } = await withTls(t);
  const url = server.execUrl(OUTPUT, never);
  assert.match(url, /^https:\/\/127\.0\.0\.1:\d+\/exec\//);
  const known = clientOf(authority, authority.issue('client'), url);
  const { cert: _cert, key: _key, ...nameless } = known;
  assert.match(await greet(nameless), REFUSED);
  const stranger = new Authority(folder, 'stranger');
  assert.match(await greet({ ...clientOf(stranger, stranger.issue('other'), url), ca: known.ca }), REFUSED);
  assert.equal(await greet(known), 'HTTP/1.1 404 Not Found');
  const said = lines.filter((line) => line.includes('failed at the TLS handshake')).join('');
  assert.match(
    said,
    /reason="peer did not return a certificate"\n.*reason="its certificate: UNABLE_TO_VERIFY_LEAF_SIGNATURE"/s,
  );
});

test('without an authority whoever has a URL may use it', async (t) => {
  const { authority, baseUrl } = await withTls(t, { ca: undefined });
  const { cert: _cert, key: _key, ...nameless } = clientOf(authority, authority.issue('client'), baseUrl);
  assert.equal(await greet(nameless), 'HTTP/1.1 404 Not Found');
});

test('of TLS 1.2 only the chosen cipher suites are taken, and TLS 1.3 goes on as before', async (t) => {
  const { authority, baseUrl } = await withTls(t, {
    ciphers: `${TLS_1_3}:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256`,
  });
  const client = clientOf(authority, authority.issue('client'), baseUrl);
  const with12 = (ciphers: string) => greet({ ...client, maxVersion: 'TLSv1.2', ciphers });
  assert.equal(await with12('ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256'), ANSWERED);
  assert.match(await with12('ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384'), REFUSED);
  assert.equal(await greet({ ...client, minVersion: 'TLSv1.3' }), ANSWERED);
});

test('an older TLS than the least one is refused', async (t) => {
  const { authority, baseUrl } = await withTls(t, { minVersion: 'TLSv1.3' });
  const client = clientOf(authority, authority.issue('client'), baseUrl);
  assert.match(await greet({ ...client, maxVersion: 'TLSv1.2' }), /PROTOCOL_VERSION/);
  assert.equal(await greet({ ...client, minVersion: 'TLSv1.3' }), 'HTTP/1.1 404 Not Found');
});

test('new certificates hold from the next connection on, and a running session keeps its own', async (t) => {
  const { server, baseUrl, authority, lines } = await withTls(t);
  const sessions = new LocalSessions();
  const cri = await startFakeCri(server, sessions, ['cat']);
  t.after(async () => {
    sessions.killAll();
    await cri.close();
  });
  const { cert, key } = authority.issue('client');
  const tls = ['--tls-ca', authority.cert, '--tls-cert', cert, '--tls-key', key];
  const running = startCrictl(cri.endpoint, ['exec', '-i', ...tls, 'c1', 'cat']);
  let heard = '';
  running.stdout.on('data', (chunk: Buffer) => {
    heard += chunk.toString();
  });
  running.stdin.write('before\n');
  await until('the session runs', () => heard === 'before\n');

  const client = clientOf(authority, { cert, key }, baseUrl);
  const former = await shownTo(client);
  assert.equal(await shownTo(client), former);
  authority.issue('server');
  const next = await shownTo(client);
  assert.notEqual(next, former);
  assert.equal(await shownTo(client), next);
  assert.equal(lines.filter((line) => line.includes('took the new certificates')).length, 1);

  running.stdin.end('after\n');
  await once(running, 'close');
  assert.equal(heard, 'before\nafter\n');
});

test('a key that does not fit its certificate yet leaves the former pair in use', async (t) => {
  const { baseUrl, authority, folder, lines, tls } = await withTls(t);
  const client = clientOf(authority, authority.issue('client'), baseUrl);
  const former = await shownTo(client);
  const { cert, key } = authority.issue('next');
  renameSync(cert, tls.cert);
  assert.equal(await shownTo(client), former);
  assert.equal(await shownTo(client), former);
  const warnings = lines.filter((line) => line.includes('keeping the former certificates'));
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', new RegExp(`${folder}/server\\.crt.*server\\.key.*mismatch`, 'i'));
  renameSync(key, tls.key);
  assert.notEqual(await shownTo(client), former);
});

test('a certificate that is gone for a moment leaves the former in use', async (t) => {
  const { baseUrl, authority, tls } = await withTls(t);
  const client = clientOf(authority, authority.issue('client'), baseUrl);
  const former = await shownTo(client);
  rmSync(tls.key);
  assert.equal(await shownTo(client), former);
  authority.issue('server');
  assert.notEqual(await shownTo(client), former);
});

test('whom a new authority does not know is shut out', async (t) => {
  const { baseUrl, authority, folder } = await withTls(t);
  const client = clientOf(authority, authority.issue('client'), baseUrl);
  assert.equal(await greet(client), 'HTTP/1.1 404 Not Found');
  const next = new Authority(folder, 'next');
  const newcomer = { ...clientOf(next, next.issue('newcomer'), baseUrl), ca: client.ca };
  copyFileSync(next.cert, authority.cert);
  assert.match(await greet(client), REFUSED);
  assert.equal(await greet(newcomer), 'HTTP/1.1 404 Not Found');
});

test('files that cannot be used are told before the server listens', (t) => {
  const folder = folderOf(t);
  const authority = new Authority(folder, 'first');
  const good = { ...authority.issue('server'), ca: authority.cert, minVersion: 'TLSv1.2' as const };
  const empty = join(folder, 'empty.pem');
  writeFileSync(empty, '');
  const unusable: readonly Partial<TlsFiles>[] = [
    { cert: join(folder, 'missing.crt') },
    { cert: empty },
    { key: authority.issue('other').key },
    { key: empty },
    { ca: empty },
    { ca: good.key },
  ];
  for (const change of unusable) {
    const [path] = Object.values(change);
    const options = { address: '127.0.0.1', port: 0, idleTimeoutMs: 0, creationTimeoutMs: 1, tokenTtlMs: 1 };
    assert.throws(
      () => createStreamingServer({ ...options, log: recordingLog().log, tls: { ...good, ...change } }),
      (error) => failedWith(error, 'InvalidArgument') && error.message.includes(String(path)),
      JSON.stringify(change),
    );
  }
});

test('closing waits for no client that stays silent at the handshake', async (t) => {
  const { server, baseUrl, authority } = await withTls(t);
  const silent = connectTcp(Number(new URL(baseUrl).port), '127.0.0.1');
  const greeted = connect(clientOf(authority, authority.issue('client'), baseUrl));
  await Promise.all([once(silent, 'connect'), once(greeted, 'secureConnect')]);
  for (const socket of [silent, greeted]) socket.on('error', () => {});
  const began = performance.now();
  await server.close();
  assert.ok(performance.now() - began < 1_000);
});

test('clients that fail at TLS leave no handle and no descriptor', async (t) => {
  const { server, baseUrl, authority } = await withTls(t);
  const client = clientOf(authority, authority.issue('client'), baseUrl);
  const { cert: _cert, key: _key, ...nameless } = client;
  const { port } = client;
  const upgrade = () => {
    const { pathname } = new URL(server.execUrl(OUTPUT, never));
    const head = 'Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io';
    return `POST ${pathname} HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n`;
  };
  const speak = (text: string) => {
    const socket = connectTcp(Number(port), '127.0.0.1', () => socket.write(text, () => socket.destroy()));
    return once(
      socket.on('error', () => {}),
      'close',
    );
  };
  const leave = (options: ConnectionOptions, text: string) => {
    const socket = connect(options, () => socket.write(text, () => socket.destroy()));
    return once(
      socket.on('error', () => {}),
      'close',
    );
  };
  const round = () =>
    Promise.all([
      speak(''),
      speak('POST /exec/x HTTP/1.1\r\n\r\n'),
      leave(nameless, ''),
      leave(client, ''),
      leave(client, upgrade()),
    ]);
  const counts = () => ({
    files: readdirSync('/proc/self/fd').length,
    handles: process.getActiveResourcesInfo().length,
  });
  for (let index = 0; index < 5; index++) await round();
  await sleep(100);
  const before = counts();
  for (let index = 0; index < 40; index++) await round();
  await until('every handle is closed', () => counts().handles <= before.handles);
  assert.ok(counts().files <= before.files);
});
