import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { promisify } from 'node:util';
import type { Architecture } from '../../../src/artifacts/pins.ts';
import type { Registry } from '../../../src/artifacts/walkthrough/registry.ts';
import { walkthroughImageServing } from '../../../src/artifacts/walkthrough-image.ts';

const run = promisify(execFile);
const signal = new AbortController().signal;
const arch: Architecture = process.arch === 'arm64' ? 'arm64' : 'x64';

/** Bytes of blobs: what clients got so far, and what the image has. */
let sent = 0;
let whole = 0;

const serveImage = async (options: Parameters<typeof walkthroughImageServing>[0]): Promise<Registry> => {
  const { bytes, serve } = await walkthroughImageServing(options);
  whole = bytes;
  return serve((more) => {
    sent += more;
  });
};

let folder: string;
let cache: string | undefined;
let registry: Registry;
let base: string;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'berth-image-'));
  cache = process.env['BERTH_CACHE'];
  process.env['BERTH_CACHE'] = join(folder, 'cache');
  registry = await serveImage({ arch, emit: () => {}, signal });
  base = `http://127.0.0.1:${registry.port}/v2/crio/redis`;
});
after(async () => {
  await registry?.close();
  rmSync(folder, { recursive: true, force: true });
  if (cache === undefined) delete process.env['BERTH_CACHE'];
  else process.env['BERTH_CACHE'] = cache;
});

const digestOf = (content: Uint8Array): string =>
  `sha256:${createHash('sha256').update(content).digest('hex')}`;

test('another client of registries copies the image, and redis runs in it', async () => {
  const layout = join(folder, 'layout');
  await run('skopeo', [
    'copy',
    '--src-tls-verify=false',
    `docker://127.0.0.1:${registry.port}/crio/redis:alpine`,
    `oci:${layout}:redis`,
  ]);
  await run('umoci', ['unpack', '--image', `${layout}:redis`, join(folder, 'bundle')]);
  const root = join(folder, 'bundle', 'rootfs');
  const version = await run('chroot', [
    root,
    '/usr/local/bin/docker-entrypoint.sh',
    'redis-server',
    '--version',
  ]);
  assert.match(version.stdout, /Redis server v=\d/);
  assert.equal(sent, whole);
  assert.match(
    (await run('chroot', [root, '/bin/sh', '-c', 'redis-cli --version; id -u'])).stdout,
    /redis-cli \d.*\n0\n/,
  );
});

test('tag and digest name the same index, which names a manifest for the architecture', async () => {
  const byTag = await fetch(`${base}/manifests/alpine`);
  assert.equal(byTag.headers.get('content-type'), 'application/vnd.oci.image.index.v1+json');
  const bytes = new Uint8Array(await byTag.arrayBuffer());
  const digest = digestOf(bytes);
  assert.equal(byTag.headers.get('docker-content-digest'), digest);
  const byDigest = await fetch(`${base}/manifests/${digest}`);
  assert.deepEqual(new Uint8Array(await byDigest.arrayBuffer()), bytes);
  const index = JSON.parse(Buffer.from(bytes).toString()) as {
    manifests: { platform: object; digest: string }[];
  };
  assert.deepEqual(index.manifests[0]?.platform, {
    os: 'linux',
    architecture: arch === 'x64' ? 'amd64' : 'arm64',
  });
  assert.equal(
    (await fetch(`${base}/manifests/${index.manifests[0]?.digest}`, { method: 'HEAD' })).status,
    200,
  );
});

test('blobs are served whole, in ranges, and only as themselves', async () => {
  const { manifests } = (await (await fetch(`${base}/manifests/alpine`)).json()) as {
    manifests: { digest: string }[];
  };
  const manifest = await (await fetch(`${base}/manifests/${manifests[0]?.digest}`)).json();
  const { layers } = manifest as { layers: { digest: string; size: number }[] };
  assert.equal(layers.length, 2);
  for (const { digest, size } of layers) {
    const whole = new Uint8Array(await (await fetch(`${base}/blobs/${digest}`)).arrayBuffer());
    assert.equal(digestOf(whole), digest);
    assert.equal(whole.length, size);
    const rest = await fetch(`${base}/blobs/${digest}`, { headers: { range: `bytes=${size - 10}-` } });
    assert.equal(rest.status, 206);
    assert.deepEqual(new Uint8Array(await rest.arrayBuffer()), whole.subarray(size - 10));
    assert.equal(
      (await fetch(`${base}/blobs/${digest}`, { headers: { range: `bytes=${size}-` } })).status,
      416,
    );
    const head = await fetch(`${base}/blobs/${digest}`, { method: 'HEAD' });
    assert.equal(head.headers.get('content-length'), String(size));
  }
});

test('what does not exist is not found, and nothing can be written', async () => {
  assert.equal((await fetch(`${base}/manifests/latest`)).status, 404);
  assert.equal((await fetch(`${base}/blobs/sha256:${'0'.repeat(64)}`)).status, 404);
  assert.equal((await fetch(`http://127.0.0.1:${registry.port}/v2/other/manifests/alpine`)).status, 404);
  assert.equal((await fetch(`${base}/blobs/uploads/`, { method: 'POST' })).status, 405);
});

test('the image of the other architecture holds programs of that architecture', async () => {
  const other = arch === 'x64' ? 'arm64' : 'x64';
  const second = await serveImage({ arch: other, emit: () => {}, signal });
  try {
    const layout = join(folder, 'other');
    const platform = other === 'x64' ? 'amd64' : 'arm64';
    await run('skopeo', [
      'copy',
      '--override-arch',
      platform,
      '--src-tls-verify=false',
      `docker://127.0.0.1:${second.port}/crio/redis:alpine`,
      `oci:${layout}:redis`,
    ]);
    await run('umoci', ['unpack', '--image', `${layout}:redis`, join(folder, 'other-bundle')]);
    const redis = readFileSync(join(folder, 'other-bundle/rootfs/usr/bin/redis-server'));
    assert.equal(redis.readUInt16LE(18), other === 'arm64' ? 183 : 62);
  } finally {
    await second.close();
  }
});

test('a second call takes the image from the cache and leaves no scratch', async () => {
  const started = performance.now();
  const again = await serveImage({ arch, emit: () => {}, signal });
  await again.close();
  assert.ok(performance.now() - started < 2000, 'it was built again');
  assert.deepEqual(readdirSync(join(folder, 'cache', 'scratch')), []);
});
