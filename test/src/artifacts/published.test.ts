import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type TestContext } from 'node:test';
import { publishedVersions } from '../../../src/artifacts/published.ts';

const never = new AbortController().signal;

const withProxy = (t: TestContext, value: string): void => {
  const before = process.env['GOPROXY'];
  t.after(() => {
    if (before === undefined) delete process.env['GOPROXY'];
    else process.env['GOPROXY'] = before;
  });
  process.env['GOPROXY'] = value;
};

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
  ] as const) {
    withProxy(t, value);
    await assert.rejects(publishedVersions('crictl', never), told);
  }
});
