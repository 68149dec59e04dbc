import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { download, downloadText } from '../../../src/artifacts/download.ts';
import type { Event } from '../../../src/core/events.ts';
import { freePort } from '../../harness/free-port.ts';
import { selfSigned } from '../../harness/self-signed.ts';

const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
const digest = createHash('sha256').update(content).digest('hex');
const never = new AbortController().signal;
const work = { emit: () => {}, signal: never };

const target = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-download-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'file');
};

const serve = async (t: TestContext, listener: RequestListener): Promise<string> => {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
};

test('a download that breaks off goes on from the byte that came last', async (t) => {
  const ranges: (string | undefined)[] = [];
  const url = await serve(t, (request, response) => {
    ranges.push(request.headers.range);
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const headers = { etag: '"one"', 'content-length': content.length - from };
    if (from === 0) {
      response.writeHead(200, headers);
      response.write(content.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 30));
      return;
    }
    assert.equal(request.headers['if-range'], '"one"');
    response.writeHead(206, {
      ...headers,
      'content-range': `bytes ${from}-${content.length - 1}/${content.length}`,
    });
    response.end(content.subarray(from));
  });
  const path = target(t);
  const events: Event[] = [];
  assert.equal(await download(url, path, { ...work, emit: (event) => events.push(event) }), digest);
  assert.deepEqual(readFileSync(path), content);
  assert.deepEqual(ranges, [undefined, 'bytes=100000-']);
  const last = events.findLast((event) => event.kind === 'bytes');
  assert.deepEqual([last?.done, last?.total], [content.length, content.length]);
});

test('where the file has become another meanwhile, nothing of the first one stays', async (t) => {
  const other = Buffer.from('quite another file');
  let asked = 0;
  const url = await serve(t, (_request, response) => {
    asked += 1;
    if (asked === 1) {
      response.writeHead(200, { etag: '"one"', 'content-length': content.length });
      response.write(content.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 30));
    } else response.writeHead(200, { etag: '"two"', 'content-length': other.length }).end(other);
  });
  const path = target(t);
  assert.equal(await download(url, path, work), createHash('sha256').update(other).digest('hex'));
  assert.deepEqual(readFileSync(path), other);
});

test('a server that is busy is asked again, one that says no is not', async (t) => {
  const answers: Record<string, number[]> = { busy: [503, 429, 200], no: [403], gone: [404] };
  const asked: Record<string, number> = {};
  const url = await serve(t, (request, response) => {
    const name = request.url?.slice(1) ?? '';
    const count = asked[name] ?? 0;
    asked[name] = count + 1;
    response.writeHead(answers[name]?.[count] ?? 500).end('text');
  });
  const at = (name: string): string => url.replace('/file', `/${name}`);
  assert.equal(await downloadText(at('busy'), work), 'text');
  assert.equal(await downloadText(at('gone'), work), undefined);
  await assert.rejects(download(at('no'), target(t), work), { code: 'Fetch', message: /HTTP status 403/ });
  assert.deepEqual(asked, { busy: 3, no: 1, gone: 1 });
});

test('where nobody listens there is one attempt and a plain reason', async (t) => {
  const began = Date.now();
  await assert.rejects(download(`http://127.0.0.1:${await freePort()}/file`, target(t), work), {
    code: 'Fetch',
    message: /ECONNREFUSED/,
  });
  assert.ok(Date.now() - began < 2000);
});

/** tinyproxy, which answers plain requests and tunnels to the given port alone. */
const startProxy = async (t: TestContext, tlsPort: number): Promise<{ url: string; log: () => string }> => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-proxy-'));
  const port = await freePort();
  const log = join(folder, 'log');
  writeFileSync(log, '');
  const settings = [
    `Port ${port}`,
    'Listen 127.0.0.1',
    `LogFile "${log}"`,
    'LogLevel Connect',
    `ConnectPort ${tlsPort}`,
  ];
  writeFileSync(join(folder, 'conf'), `${settings.join('\n')}\n`);
  const child = spawn('tinyproxy', ['-d', '-c', join(folder, 'conf')], { stdio: 'ignore' });
  t.after(async () => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  });
  await listening(port);
  return { url: `http://127.0.0.1:${port}`, log: () => readFileSync(log, 'utf8') };
};

/** Downloads in a process of its own, as the environment and its certificates are read at the start. */
const downloadWith = (url: string, path: string, env: NodeJS.ProcessEnv): Promise<string> =>
  new Promise((resolve, reject) => {
    const module = new URL('../../../src/artifacts/download.ts', import.meta.url);
    const script = `const { download } = await import(${JSON.stringify(module)});
      const work = { emit() {}, signal: new AbortController().signal };
      console.log(await download(${JSON.stringify(url)}, ${JSON.stringify(path)}, work));`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += chunk;
    });
    child.stderr.on('data', (chunk) => {
      said += chunk;
    });
    child.once('error', reject);
    child.once('close', () => resolve(said.trim()));
  });

test('a real proxy is used for http and https, and not for what NO_PROXY names', async (t) => {
  const plain = await serve(t, (_request, response) => response.end(content));
  const folder = mkdtempSync(join(tmpdir(), 'berth-tls-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { key, certificate } = selfSigned(folder, 'localhost', ['DNS:localhost']);
  const tls = createTlsServer(
    { key: readFileSync(key), cert: readFileSync(certificate) },
    (_request, response) => response.end(content),
  ).listen(0, '127.0.0.1');
  await once(tls, 'listening');
  t.after(() => {
    tls.closeAllConnections();
    tls.close();
  });
  const tlsPort = (tls.address() as AddressInfo).port;
  const proxy = await startProxy(t, tlsPort);
  const path = join(folder, 'file');

  assert.equal(await downloadWith(plain, path, { HTTP_PROXY: proxy.url }), digest);
  assert.match(proxy.log(), /GET http:\/\/127\.0\.0\.1/);
  const secure = `https://localhost:${tlsPort}/file`;
  const trusted = { HTTPS_PROXY: proxy.url, NODE_EXTRA_CA_CERTS: certificate };
  assert.equal(await downloadWith(secure, path, trusted), digest);
  assert.match(proxy.log(), /CONNECT localhost/);

  const before = proxy.log();
  assert.equal(await downloadWith(plain, path, { HTTP_PROXY: proxy.url, NO_PROXY: '127.0.0.1' }), digest);
  assert.equal(proxy.log(), before);
  const nobody = { HTTP_PROXY: 'http://127.0.0.1:9' };
  assert.match(await downloadWith(plain, path, nobody), /ECONNREFUSED/);
});

const listening = async (port: number): Promise<void> => {
  for (let tries = 0; tries < 200; tries += 1) {
    const socket = connect(port, '127.0.0.1');
    const open = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (open) return;
    await pause(50);
  }
  throw new Error(`nothing listens on port ${port}`);
};

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
};
