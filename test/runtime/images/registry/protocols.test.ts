import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before, type TestContext } from 'node:test';
import { fetchImage } from '../../../../runtime/images/fetch-image.ts';
import type { PulledImage } from '../../../../runtime/images/protocol.ts';
import { chunksOf } from '../../../../runtime/images/registry/body.ts';
import { certificatesFor } from '../../../../runtime/images/registry/certificates.ts';
import { createTransport } from '../../../../runtime/images/registry/transport.ts';
import { requestFor, startPull } from '../../../harness/berth-pull.ts';
import { buildImage, buildLayer, pushImage } from '../../../harness/oci-image.ts';
import { startRegistry, type TestRegistry } from '../../../harness/registry.ts';
import { type Intercept, startGateway } from '../../../harness/registry-gateway.ts';
import { selfSigned } from '../../../harness/self-signed.ts';

process.umask(0);
const ENTRY = new URL('../../../../runtime/berth-pull.ts', import.meta.url);
const PASS: Intercept = () => false;

let registry: TestRegistry;
let folder: string;
let tls: { readonly key: string; readonly cert: string };
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'berth-tls-'));
  const { key, certificate } = selfSigned(folder, 'localhost', ['DNS:localhost', 'IP:127.0.0.1']);
  tls = { key: readFileSync(key, 'utf8'), cert: readFileSync(certificate, 'utf8') };
  registry = await startRegistry();
  await pushImage(
    { host: registry.host, repository: 'app' },
    'v1',
    buildImage({ layers: [buildLayer([{ path: 'a', body: 'a' }])] }),
  );
});
after(async () => {
  await registry?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const fetchFrom = (host: string, insecure: boolean): Promise<PulledImage> => {
  const request = requestFor(mkdtempSync(join(folder, 'root-')), host, 'app', 'v1');
  const candidates = [
    {
      name: `${host}/app`,
      identifier: 'v1',
      sources: [{ host, repository: 'app', insecure, primary: true }],
    },
  ];
  return fetchImage(
    { ...request, candidates },
    { signal: AbortSignal.timeout(20_000), entry: ENTRY, onProgress: () => {} },
  );
};

const gatewayFor = async (context: TestContext, intercept: Intercept, secure = false) => {
  const gateway = await startGateway(registry.host, intercept, secure ? tls : undefined);
  context.after(() => gateway.stop());
  return gateway;
};

test('a loopback registry that speaks TLS is found, and its unknown authority refused with the remedy', async (context) => {
  const gateway = await gatewayFor(context, PASS, true);
  await assert.rejects(fetchFrom(gateway.host, false), {
    code: 'Unavailable',
    message: /self-signed certificate/,
    hint: /certs\.d/,
  });
});

test('an insecure registry’s certificate is not verified', async (context) => {
  const gateway = await gatewayFor(context, PASS, true);
  await fetchFrom(gateway.host, true);
  assert.ok(gateway.requests.length >= 3);
});

test('a registry that is neither insecure nor on loopback never gets plain HTTP, and an insecure one does after HTTPS failed', async (context) => {
  const root = mkdtempSync(join(folder, 'root-'));
  const proxy = await gatewayFor(context, (request, response) => {
    const path = (request.url ?? '').replace('http://registry.invalid', '');
    http.get(
      `http://${registry.host}${path}`,
      { headers: { accept: request.headers.accept ?? '*/*' } },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    return true;
  });
  const pullThrough = async (insecure: boolean) => {
    const sources = [{ host: 'registry.invalid', repository: 'app', insecure, primary: true }];
    const candidates = [{ name: 'registry.invalid/app', identifier: 'v1', sources }];
    return startPull(
      { ...requestFor(root, '', '', ''), candidates },
      { HTTP_PROXY: `http://${proxy.host}`, NO_PROXY: '' },
    ).outcome;
  };
  const secure = await pullThrough(false);
  assert.equal(secure?.ok === false && secure.error.code, 'Unavailable');
  assert.equal(proxy.requests.length, 0);
  assert.equal((await pullThrough(true))?.ok, true);
  assert.match(proxy.requests[0]?.path ?? '', /^http:\/\/registry\.invalid\/v2\/app\/manifests\/v1$/);
});

test('a redirect from HTTPS to HTTP is not followed', async (context) => {
  const gateway = await gatewayFor(
    context,
    (request, response) => {
      response.writeHead(307, { location: `http://${registry.host}${request.url}` }).end();
      return true;
    },
    true,
  );
  await assert.rejects(fetchFrom(gateway.host, true), {
    code: 'Unavailable',
    message: /redirects app from https:/,
  });
});

test('a token server by plain HTTP gets nothing from a registry by HTTPS', async (context) => {
  const realm = await gatewayFor(context, PASS);
  const gateway = await gatewayFor(
    context,
    (_request, response) => {
      response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${realm.host}/token"` }).end();
      return true;
    },
    true,
  );
  await assert.rejects(fetchFrom(gateway.host, true), {
    code: 'Unauthenticated',
    message: /no token server that can be trusted/,
  });
  assert.equal(realm.requests.length, 0);
});

test('a body that stands still is a broken connection', async (context) => {
  const gateway = await gatewayFor(context, (_request, response) => {
    response.writeHead(200, { 'content-length': 100 }).write('some');
    return true;
  });
  const transport = createTransport({ insecure: false, stallMs: 300 });
  context.after(() => transport.close());
  const response = await transport.send(new URL(`http://${gateway.host}/`), {
    headers: {},
    signal: AbortSignal.timeout(10_000),
  });
  const read = async (): Promise<void> => {
    for await (const _ of chunksOf(response, gateway.host, 300));
  };
  await assert.rejects(read(), { code: 'ETIMEDOUT', message: new RegExp(`${gateway.host} sent nothing`) });
});

test('a head that does not come is a broken connection', async (context) => {
  const gateway = await gatewayFor(context, () => true);
  const transport = createTransport({ insecure: false, stallMs: 200 });
  context.after(() => transport.close());
  const sent = transport.send(new URL(`http://${gateway.host}/`), {
    headers: {},
    signal: AbortSignal.timeout(10_000),
  });
  await assert.rejects(sent, { code: 'ETIMEDOUT' });
});

test('certificates come from the folder of exactly this host and port, the first of several folders that has it', () => {
  const [first, second] = [join(folder, 'first'), join(folder, 'second')];
  for (const path of [join(first, 'a.io:5000'), join(second, 'a.io:5000'), join(second, 'b.io')])
    mkdirSync(path, { recursive: true });
  writeFileSync(join(first, 'a.io:5000/ca.crt'), 'FIRST');
  writeFileSync(join(first, 'a.io:5000/client.cert'), 'CERT');
  writeFileSync(join(first, 'a.io:5000/client.key'), 'KEY');
  writeFileSync(join(second, 'a.io:5000/ca.crt'), 'SECOND');
  writeFileSync(join(second, 'b.io/ca.crt'), 'B');
  const at = (host: string) => certificatesFor(host, [first, second]);
  assert.equal(at('a.io:5000').ca?.[0], 'FIRST');
  assert.deepEqual([at('a.io:5000').cert, at('a.io:5000').key], ['CERT', 'KEY']);
  assert.equal(at('b.io').ca?.[0], 'B');
  assert.notEqual(at('a.io').ca?.[0], 'FIRST');
  assert.equal(at('a.io').cert, undefined);
});
