import assert from 'node:assert/strict';
import { chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before, type TestContext } from 'node:test';
import { fetchImage } from '../../../../runtime/images/fetch-image.ts';
import type { PulledImage, PullRequest } from '../../../../runtime/images/protocol.ts';
import { candidate, requestFor } from '../../../harness/berth-pull.ts';
import {
  type BuiltImage,
  blobOf,
  buildImage,
  buildLayer,
  descriptorOf,
  digestOf,
  pushBlob,
  pushImage,
  pushIndex,
  pushManifest,
} from '../../../harness/oci-image.ts';
import { startRegistry, type TestRegistry } from '../../../harness/registry.ts';
import { type Gateway, type Intercept, startGateway } from '../../../harness/registry-gateway.ts';

process.umask(0);
const ENTRY = new URL('../../../../runtime/berth-pull.ts', import.meta.url);

let registry: TestRegistry;
before(async () => {
  registry = await startRegistry();
});
after(() => registry.stop());

const rootFor = (context: TestContext): string => {
  const root = mkdtempSync(join(tmpdir(), 'berth-fetch-'));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  return root;
};

const gatewayFor = async (context: TestContext, intercept: Intercept): Promise<Gateway> => {
  const gateway = await startGateway(registry.host, intercept);
  context.after(() => gateway.stop());
  return gateway;
};

const fetchAll = (request: PullRequest, signal = AbortSignal.timeout(30_000)): Promise<PulledImage> =>
  fetchImage(request, { signal, entry: ENTRY, onProgress: () => {} });

const smallImage = (body = 'hello'): BuiltImage =>
  buildImage({ layers: [buildLayer([{ path: 'file', body }])] });

/** A layer that does not compress, so that its blob is long. */
const longImage = (): BuiltImage => {
  const noise = Buffer.alloc(3 * 2 ** 20);
  for (let at = 0, state = 1; at < noise.length; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    noise.writeUInt32LE(state, at);
  }
  return buildImage({ layers: [buildLayer([{ path: 'noise', body: noise }])] });
};

const isBlob = (request: IncomingMessage, image: BuiltImage): boolean =>
  request.url?.endsWith(`/blobs/${image.layers[0]?.digest}`) ?? false;

const isManifest = (request: IncomingMessage): boolean => request.url?.includes('/manifests/') ?? false;

const firstFile = (root: string, image: PulledImage, name: string): string => {
  const [layer] = image.layers;
  return readFileSync(join(root, 'layers', layer?.chainId.slice(7) ?? '', 'diff', name), 'utf8');
};

test('of an index, the image for this platform is taken, and the index’s digest names it too', async (context) => {
  const root = rootFor(context);
  const images = [
    buildImage({ layers: [], architecture: 's390x' }),
    buildImage({
      layers: [buildLayer([{ path: 'file', body: 'v3' }])],
      architecture: 'amd64',
      variant: 'v3',
    }),
    buildImage({ layers: [buildLayer([{ path: 'file', body: 'amd64' }])], architecture: 'amd64' }),
    buildImage({ layers: [buildLayer([{ path: 'file', body: 'v7' }])], architecture: 'arm', variant: 'v7' }),
    buildImage({
      layers: [buildLayer([{ path: 'file', body: 'arm64' }])],
      architecture: 'arm64',
      variant: 'v8',
    }),
  ];
  const index = await pushIndex({ host: registry.host, repository: 'multi' }, 'v1', images);
  for (const [at, architecture] of [
    [2, 'amd64'],
    [4, 'arm64'],
  ] as const) {
    const platform = { os: 'linux', architecture, variant: undefined } as const;
    const pulled = await fetchAll(requestFor(root, registry.host, 'multi', 'v1', { platform }));
    assert.equal(firstFile(root, pulled, 'file'), architecture);
    assert.deepEqual(pulled.manifestDigests, [index, images[at]?.manifest.digest]);
  }
  const platform = { os: 'linux', architecture: 'riscv64', variant: undefined } as const;
  await assert.rejects(fetchAll(requestFor(root, registry.host, 'multi', 'v1', { platform })), {
    code: 'NotFound',
    message: /no image for linux\/riscv64; there are: linux\/s390x, linux\/amd64\/v3/,
  });
});

test('an image is pulled by its digest without a tag', async (context) => {
  const image = smallImage('by digest');
  await pushImage({ host: registry.host, repository: 'digested' }, 'x', image);
  const pulled = await fetchAll(
    requestFor(rootFor(context), registry.host, 'digested', image.manifest.digest),
  );
  assert.equal(pulled.tag, undefined);
  assert.deepEqual(pulled.manifestDigests, [image.manifest.digest]);
});

test('a layer that is there already is not fetched again', async (context) => {
  const root = rootFor(context);
  const base = buildLayer([{ path: 'base', body: 'base' }]);
  const top = buildLayer([{ path: 'top', body: 'top' }]);
  const gateway = await gatewayFor(context, () => false);
  const target = { host: gateway.host, repository: 'shared' };
  await pushImage(target, 'v1', buildImage({ layers: [base] }));
  await pushImage(target, 'v2', buildImage({ layers: [base, top] }));
  await fetchAll(requestFor(root, gateway.host, 'shared', 'v1'));
  await fetchAll(requestFor(root, gateway.host, 'shared', 'v2'));
  const fetches = gateway.requests.filter(
    ({ method, path }) => method === 'GET' && path.endsWith(base.digest),
  );
  assert.equal(fetches.length, 1);
});

test('folders that a layer leaves out have the attributes of the layer below', async (context) => {
  const root = rootFor(context);
  const layers = [
    buildLayer([{ path: 'srv/', flag: '5', mode: 0o2770, uid: 33, gid: 34 }]),
    buildLayer([{ path: 'srv/data/file', body: 'x' }]),
  ];
  await pushImage({ host: registry.host, repository: 'implicit' }, 'v1', buildImage({ layers }));
  const pulled = await fetchAll(requestFor(root, registry.host, 'implicit', 'v1'));
  const top = statSync(join(root, 'layers', pulled.layers[1]?.chainId.slice(7) ?? '', 'diff/srv'));
  assert.deepEqual([top.mode & 0o7777, top.uid, top.gid], [0o2770, 33, 34]);
});

test('attributes are not looked up through a symbolic link that leads out of the layer below', async (context) => {
  const root = rootFor(context);
  const outside = mkdtempSync(join(tmpdir(), 'berth-outside-'));
  context.after(() => rmSync(outside, { recursive: true }));
  mkdirSync(join(outside, 'data'), { mode: 0o700 });
  chownSync(join(outside, 'data'), 77, 78);
  const layers = [
    buildLayer([{ path: 'srv', flag: '2', target: outside }]),
    buildLayer([{ path: 'srv/data/file', body: 'x' }]),
  ];
  await pushImage({ host: registry.host, repository: 'peeking' }, 'v1', buildImage({ layers }));
  const pulled = await fetchAll(requestFor(root, registry.host, 'peeking', 'v1'));
  const data = statSync(join(root, 'layers', pulled.layers[1]?.chainId.slice(7) ?? '', 'diff/srv/data'));
  assert.deepEqual([data.mode & 0o7777, data.uid, data.gid], [0o755, 0, 0]);
});

test('what the registry does not have is NotFound, by registry, repository and reference', async (context) => {
  await assert.rejects(fetchAll(requestFor(rootFor(context), registry.host, 'no/such', 'v9')), {
    code: 'NotFound',
    message: new RegExp(`registry ${registry.host}, repository no/such, reference v9`),
    hint: /check the repository/,
  });
});

test('a registry that is not there is Unavailable at once', async (context) => {
  await assert.rejects(fetchAll(requestFor(rootFor(context), '127.0.0.1:1', 'app', 'v1')), {
    code: 'Unavailable',
    message: /registry 127\.0\.0\.1:1, repository app.*ECONNREFUSED/,
  });
});

test('a blob that breaks off is taken up where it broke', async (context) => {
  const root = rootFor(context);
  const image = longImage();
  const bytes = image.layers[0]?.bytes ?? Buffer.alloc(0);
  const gateway = await gatewayFor(context, (request, response, count) => {
    if (!isBlob(request, image) || request.method !== 'GET' || count > 2) return false;
    const start = Number(/bytes=([0-9]+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    cutOff(response, bytes, start, start + 1_000_000);
    return true;
  });
  await pushImage({ host: registry.host, repository: 'broken' }, 'v1', image);
  await fetchAll(requestFor(root, gateway.host, 'broken', 'v1'));
  const ranges = gateway.requests
    .filter(({ path }) => path.includes(image.layers[0]?.digest ?? ''))
    .map(({ range }) => range);
  assert.equal(ranges.length, 3);
  assert.equal(ranges[0], undefined);
  assert.match(ranges[1] ?? '', /^bytes=[1-9][0-9]*-$/);
});

const cutOff = (response: ServerResponse, bytes: Buffer, start: number, end: number): void => {
  const range = start === 0 ? {} : { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
  response.writeHead(start === 0 ? 200 : 206, { 'content-length': bytes.length - start, ...range });
  response.write(bytes.subarray(start, end), () => setTimeout(() => response.destroy(), 50));
};

test('a registry that knows no ranges sends the whole again, and what came before is skipped', async (context) => {
  const image = longImage();
  const bytes = image.layers[0]?.bytes ?? Buffer.alloc(0);
  const gateway = await gatewayFor(context, (request, response, count) => {
    if (!isBlob(request, image) || request.method !== 'GET') return false;
    if (count === 1) cutOff(response, bytes, 0, 700_000);
    else response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    return true;
  });
  await pushImage({ host: registry.host, repository: 'no-ranges' }, 'v1', image);
  await fetchAll(requestFor(rootFor(context), gateway.host, 'no-ranges', 'v1'));
  assert.equal(gateway.requests.filter(({ path }) => path.includes('/blobs/')).length, 3);
});

test('a connection that always breaks without a byte is given up', async (context) => {
  const image = smallImage('never');
  const gateway = await gatewayFor(context, (request, response) => {
    if (!isBlob(request, image)) return false;
    response.writeHead(200, { 'content-length': 100 }).flushHeaders();
    setTimeout(() => response.destroy(), 10);
    return true;
  });
  await pushImage({ host: registry.host, repository: 'never' }, 'v1', image);
  await assert.rejects(fetchAll(requestFor(rootFor(context), gateway.host, 'never', 'v1')), {
    code: 'Unavailable',
    message: /broke 5 times at byte 0/,
  });
});

for (const status of [429, 500, 503]) {
  test(`${status} is tried again`, async (context) => {
    const gateway = await gatewayFor(context, (request, response, count) => {
      if (!isManifest(request) || count > 2) return false;
      response.writeHead(status, { 'retry-after': '0' }).end('later');
      return true;
    });
    await pushImage({ host: registry.host, repository: 'retried' }, 'v1', smallImage());
    await fetchAll(requestFor(rootFor(context), gateway.host, 'retried', 'v1'));
  });
}

test('Retry-After is waited for', async (context) => {
  const times: number[] = [];
  const gateway = await gatewayFor(context, (request, response, count) => {
    if (!isManifest(request)) return false;
    times.push(Date.now());
    if (count > 1) return false;
    response.writeHead(429, { 'retry-after': '2' }).end();
    return true;
  });
  await pushImage({ host: registry.host, repository: 'polite' }, 'v1', smallImage());
  await fetchAll(requestFor(rootFor(context), gateway.host, 'polite', 'v1'));
  assert.ok((times[1] ?? 0) - (times[0] ?? 0) >= 1_990);
});

test('a pull that is cancelled while it waits ends at once and leaves no staging', async (context) => {
  const root = rootFor(context);
  const gateway = await gatewayFor(context, (request, response) => {
    if (!isManifest(request)) return false;
    response.writeHead(503, { 'retry-after': '50' }).end();
    return true;
  });
  const start = Date.now();
  await assert.rejects(fetchAll(requestFor(root, gateway.host, 'app', 'v1'), AbortSignal.timeout(300)));
  assert.ok(Date.now() - start < 5_000);
  assert.deepEqual(readdirSync(join(root, 'staging')), []);
});

test('a layer with other bytes than its digest is DataLoss, and never in the store', async (context) => {
  const root = rootFor(context);
  const image = smallImage('true');
  const other = smallImage('fals').layers[0]?.bytes ?? Buffer.alloc(0);
  const gateway = await gatewayFor(context, (request, response) => {
    if (!isBlob(request, image)) return false;
    response.writeHead(200, { 'content-length': other.length }).end(other);
    return true;
  });
  await pushImage({ host: registry.host, repository: 'altered' }, 'v1', image);
  await assert.rejects(fetchAll(requestFor(root, gateway.host, 'altered', 'v1')), {
    code: 'DataLoss',
    message: new RegExp(`registry ${gateway.host}, repository altered, blob ${image.layers[0]?.digest}`),
  });
  assert.deepEqual(readdirSync(root).sort(), ['staging']);
  assert.deepEqual(readdirSync(join(root, 'staging')), []);
});

test('a layer damaged on the way is DataLoss even when it no longer decompresses', async (context) => {
  const image = longImage();
  const damaged = Buffer.from(image.layers[0]?.bytes ?? Buffer.alloc(0));
  damaged.fill(0xff, 1000, 2000);
  const gateway = await gatewayFor(context, (request, response) => {
    if (!isBlob(request, image)) return false;
    response.writeHead(200, { 'content-length': damaged.length }).end(damaged);
    return true;
  });
  await pushImage({ host: registry.host, repository: 'damaged' }, 'v1', image);
  await assert.rejects(fetchAll(requestFor(rootFor(context), gateway.host, 'damaged', 'v1')), {
    code: 'DataLoss',
  });
});

test('a blob longer than its descriptor is DataLoss', async (context) => {
  const image = smallImage('long');
  const longer = Buffer.concat([image.layers[0]?.bytes ?? Buffer.alloc(0), Buffer.alloc(100_000)]);
  const gateway = await gatewayFor(context, (request, response) => {
    if (!isBlob(request, image)) return false;
    response.writeHead(200).end(longer);
    return true;
  });
  await pushImage({ host: registry.host, repository: 'longer' }, 'v1', image);
  await assert.rejects(fetchAll(requestFor(rootFor(context), gateway.host, 'longer', 'v1')), {
    code: 'DataLoss',
    message: /longer than/,
  });
});

test('a diff id that is not the layer’s is DataLoss by the layer’s digest', async (context) => {
  const layer = buildLayer([{ path: 'file', body: 'x' }]);
  const image = buildImage({ layers: [layer], diffIds: [digestOf(Buffer.from('else'))] });
  await pushImage({ host: registry.host, repository: 'diff-id' }, 'v1', image);
  await assert.rejects(fetchAll(requestFor(rootFor(context), registry.host, 'diff-id', 'v1')), {
    code: 'DataLoss',
    message: new RegExp(`layer ${layer.digest}`),
  });
});

const answering =
  (headers: Record<string, string>, body: Buffer | string): Intercept =>
  (request, response) => {
    if (!isManifest(request)) return false;
    response.writeHead(200, headers).end(body);
    return true;
  };

const OCI = 'application/vnd.oci.image.manifest.v1+json';
const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const empty = blobOf('application/vnd.oci.image.config.v1+json', {});
const manifest = (more: object = {}): string =>
  JSON.stringify({ schemaVersion: 2, mediaType: OCI, config: descriptorOf(empty), layers: [], ...more });
const layerOfType = (mediaType: string) => ({ mediaType, digest: empty.digest, size: 2 });

const BAD_MANIFESTS: readonly (readonly [string, string, string, string, RegExp])[] = [
  [
    'called an index that calls itself a manifest',
    OCI_INDEX,
    manifest(),
    'InvalidArgument',
    /the registry calls it/,
  ],
  ['with layers and manifests', OCI, manifest({ manifests: [] }), 'InvalidArgument', /ambiguous/],
  [
    'of an index with layers',
    OCI_INDEX,
    JSON.stringify({ schemaVersion: 2, manifests: [], layers: [] }),
    'InvalidArgument',
    /ambiguous/,
  ],
  [
    'of schema 1',
    'application/vnd.docker.distribution.manifest.v1+prettyjws',
    '{"schemaVersion":1}',
    'Unimplemented',
    /schema 1/,
  ],
  ['that is not JSON', OCI, '<html>', 'InvalidArgument', /not JSON/],
  ['that is a list', OCI, '[]', 'InvalidArgument', /not a JSON object/],
  [
    'of an artifact',
    OCI,
    manifest({ config: { ...descriptorOf(empty), mediaType: 'application/vnd.oci.empty.v1+json' } }),
    'InvalidArgument',
    /artifact/,
  ],
  [
    'with a foreign layer',
    OCI,
    manifest({ layers: [layerOfType('application/vnd.oci.image.layer.nondistributable.v1.tar+gzip')] }),
    'Unimplemented',
    /foreign/,
  ],
  [
    'with an encrypted layer',
    OCI,
    manifest({ layers: [layerOfType('application/vnd.oci.image.layer.v1.tar+gzip+encrypted')] }),
    'Unimplemented',
    /encrypted/,
  ],
  [
    'with an unknown layer',
    OCI,
    manifest({ layers: [layerOfType('text/plain')] }),
    'InvalidArgument',
    /unknown type text\/plain/,
  ],
  [
    'with a digest that climbs',
    OCI,
    manifest({ config: { ...descriptorOf(empty), digest: 'sha256:../../etc' } }),
    'InvalidArgument',
    /not a sha256 digest/,
  ],
  [
    'with a negative size',
    OCI,
    manifest({ config: { ...descriptorOf(empty), size: -1 } }),
    'InvalidArgument',
    /no valid size/,
  ],
  ['of 5 MiB', OCI, ' '.repeat(5 * 2 ** 20), 'ResourceExhausted', /larger than/],
];

for (const [what, type, body, code, message] of BAD_MANIFESTS) {
  test(`a manifest ${what} is refused`, async (context) => {
    const gateway = await gatewayFor(context, answering({ 'content-type': type }, body));
    await assert.rejects(fetchAll(requestFor(rootFor(context), gateway.host, 'bad', 'v1')), {
      code,
      message,
    });
  });
}

test('a manifest that is not the one whose digest was asked for is DataLoss', async (context) => {
  const gateway = await gatewayFor(context, answering({ 'content-type': OCI }, manifest()));
  await assert.rejects(fetchAll(requestFor(rootFor(context), gateway.host, 'app', empty.digest)), {
    code: 'DataLoss',
  });
});

test('indexes that lead to each other end', async (context) => {
  const index = {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [{ ...descriptorOf(empty), mediaType: OCI_INDEX }],
  };
  const inner = blobOf(OCI_INDEX, index);
  const outer = blobOf(OCI_INDEX, { ...index, manifests: [descriptorOf(inner)] });
  const outermost = blobOf(OCI_INDEX, { ...index, manifests: [descriptorOf(outer)] });
  const byDigest = new Map([inner, outer, outermost].map((blob) => [blob.digest as string, blob.bytes]));
  const gateway = await gatewayFor(context, (request, response) => {
    const identifier = request.url?.split('/').at(-1) ?? '';
    response.writeHead(200, { 'content-type': OCI_INDEX }).end(byDigest.get(identifier) ?? outermost.bytes);
    return true;
  });
  await assert.rejects(fetchAll(requestFor(rootFor(context), gateway.host, 'deep', 'v1')), {
    code: 'InvalidArgument',
    message: /nested/,
  });
});

test('a configuration for another system, or that does not fit the manifest, is refused', async (context) => {
  const target = { host: registry.host, repository: 'configs' };
  await pushImage(target, 'windows', buildImage({ layers: [], os: 'windows' }));
  await assert.rejects(fetchAll(requestFor(rootFor(context), registry.host, 'configs', 'windows')), {
    code: 'NotFound',
  });
  await pushImage(target, 'odd', buildImage({ layers: [buildLayer([])], diffIds: [] }));
  await assert.rejects(fetchAll(requestFor(rootFor(context), registry.host, 'configs', 'odd')), {
    code: 'InvalidArgument',
    message: /1 layers, its configuration 0/,
  });
  const wrong = blobOf('application/vnd.oci.image.config.v1+json', {
    os: 'linux',
    config: { Env: 'x' },
    rootfs: {},
  });
  await pushBlob(target, wrong);
  await pushManifest(
    target,
    'wrong',
    blobOf(OCI, { schemaVersion: 2, mediaType: OCI, config: descriptorOf(wrong), layers: [] }),
  );
  await assert.rejects(fetchAll(requestFor(rootFor(context), registry.host, 'configs', 'wrong')), {
    code: 'InvalidArgument',
    message: /Env is not a list of strings/,
  });
});

test('a mirror that fails is passed over, gets no credentials, and the image keeps its own name', async (context) => {
  const image = smallImage('mirrored');
  const mirror = await gatewayFor(context, (_request, response) => {
    response.writeHead(404).end();
    return true;
  });
  const origin = await gatewayFor(context, (request, response) => {
    if (request.headers.authorization !== undefined) return false;
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    return true;
  });
  await pushImage({ host: registry.host, repository: 'mirrored' }, 'v1', image);
  const sources = [
    { host: mirror.host, repository: 'mirrored', insecure: false, primary: false },
    { host: origin.host, repository: 'mirrored', insecure: false, primary: true },
  ];
  const candidates = [{ name: 'quay.io/team/mirrored', identifier: 'v1', sources }];
  const auth = { username: 'user', password: 'secret' };
  const pulled = await fetchAll({ ...requestFor(rootFor(context), '', '', ''), candidates, auth });
  assert.equal(pulled.name, 'quay.io/team/mirrored');
  assert.equal(mirror.requests.length, 1);
  assert.deepEqual(
    mirror.requests.map(({ authorization }) => authorization),
    [undefined],
  );
});

test('when every source fails, each says why', async (context) => {
  const candidates = [
    candidate(registry.host, 'nowhere', 'v1'),
    candidate(registry.host, 'nowhere-else', 'v1'),
  ];
  await assert.rejects(fetchAll({ ...requestFor(rootFor(context), '', '', ''), candidates }), {
    code: 'NotFound',
    message: /nowhere, reference v1.*nowhere-else, reference v1/,
  });
});

test('a redirect to another host is followed without credentials', async (context) => {
  const image = smallImage('redirected');
  const storage = await gatewayFor(context, () => false);
  const gateway = await gatewayFor(context, (request, response) => {
    if (request.headers.authorization === undefined) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      return true;
    }
    if (!isBlob(request, image)) return false;
    response.writeHead(307, { location: `http://${storage.host}${request.url}` }).end();
    return true;
  });
  await pushImage({ host: registry.host, repository: 'redirected' }, 'v1', image);
  const auth = { username: 'user', password: 'secret' };
  await fetchAll(requestFor(rootFor(context), gateway.host, 'redirected', 'v1', { auth }));
  assert.deepEqual(
    storage.requests.map(({ authorization }) => authorization),
    [undefined],
  );
});

test('redirects in a circle end', async (context) => {
  const gateway = await gatewayFor(context, (request, response) => {
    response.writeHead(302, { location: request.url ?? '/' }).end();
    return true;
  });
  await assert.rejects(fetchAll(requestFor(rootFor(context), gateway.host, 'circle', 'v1')), {
    code: 'Unavailable',
    message: /redirects circle more than 5 times/,
  });
});
