import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { inspect } from 'node:util';
import { publishedVersions } from '../../../src/artifacts/published.ts';
import { Fail } from '../../../src/core/fail.ts';

const never = new AbortController().signal;

const withVariable = (t: TestContext, name: string, value: string): void => {
  const before = process.env[name];
  t.after(() => {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  });
  process.env[name] = value;
};

const withProxy = (t: TestContext, value: string): void => withVariable(t, 'GOPROXY', value);

/** A Go module proxy that knows what it was told, and nothing else. */
const proxyWith = async (t: TestContext, lists: Readonly<Record<string, string>>): Promise<string> => {
  const server = createServer((request, response) => {
    const text = lists[request.url ?? ''];
    response.statusCode = text === undefined ? 404 : 200;
    response.end(text ?? 'not found');
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

test('the releases that are out are those that the Go module proxy lists, the newest first', async (t) => {
  const list = 'v1.4.2\nv1.10.0\nv1.5.0-rc.1\nv1.4.1\nv0.0.9\nv2.0.0+incompatible\nnonsense\n';
  withProxy(t, `${await proxyWith(t, { '/github.com/opencontainers/runc/@v/list': list })}/,direct`);
  assert.deepEqual(await publishedVersions('runc', never), ['1.10.0', '1.4.2', '1.4.1', '0.0.9']);
});

test('a proxy that knows no such module knows no releases', async (t) => {
  withProxy(t, await proxyWith(t, {}));
  assert.deepEqual(await publishedVersions('cri-o', never), []);
});

test('where no proxy may be asked, none is', async (t) => {
  for (const [value, told] of [
    ['off', /GOPROXY is off/],
    ['direct', /GOPROXY is direct/],
    [',', /GOPROXY is empty/],
  ] as const) {
    withProxy(t, value);
    await assert.rejects(publishedVersions('crictl', never), told);
  }
});

test('a proxy that wants a login is not asked, and the login is not told', async (t) => {
  for (const value of ['https://ada:pass-17@proxy.example', 'https://pass-17@proxy.example/go,direct']) {
    withProxy(t, value);
    await assert.rejects(publishedVersions('crictl', never), (error) => {
      assert.ok(error instanceof Fail);
      assert.equal(error.code, 'Fetch');
      assert.match(error.message, /^GOPROXY has a login for proxy\.example, /);
      assert.doesNotMatch(inspect(error), /pass-17|ada/);
      return true;
    });
  }
  for (const [value, told] of [
    ['https://pass-17@[', /^GOPROXY is no address:/],
    ['ada:pass-17@proxy.example', /^GOPROXY is no address of http or https:/],
  ] as const) {
    withProxy(t, value);
    await assert.rejects(publishedVersions('crictl', never), (error) => {
      assert.ok(error instanceof Fail);
      assert.match(error.message, told);
      assert.doesNotMatch(inspect(error), /pass-17/);
      return true;
    });
  }
});

test('an empty GOPROXY means what go means by it: the default', async (t) => {
  const proxy = await proxyWith(t, { '/github.com/opencontainers/runc/@v/list': 'v1.4.2\n' });
  const folder = mkdtempSync(join(tmpdir(), 'berth-goproxy-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const settings = join(folder, 'env');
  writeFileSync(settings, `GOPROXY=${proxy}\n`);
  withVariable(t, 'GOENV', settings);
  withProxy(t, '');
  assert.deepEqual(await publishedVersions('runc', never), ['1.4.2']);
});
