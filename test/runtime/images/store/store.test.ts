import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { PulledImage } from '../../../../runtime/images/protocol.ts';
import { namesMeant } from '../../../../runtime/images/registry-sources.ts';
import type { Image } from '../../../../runtime/images/store/image.ts';
import { commitLayers } from '../../../../runtime/images/store/layer.ts';
import { diffIn, layoutOf } from '../../../../runtime/images/store/layout.ts';
import { type OpenImageStore, openImageStore } from '../../../../runtime/images/store/open.ts';
import { makeStaging } from '../../../../runtime/images/store/staging.ts';
import { mount, mountOverlay, unmount } from '../../../../runtime/linux/mounts.ts';
import { startTimeTicks } from '../../../../runtime/linux/processes.ts';
import { createLog } from '../../../../runtime/observe/log.ts';
import type { Digest } from '../../../../runtime/spec/oci/image.ts';

const digest = (text: string): Digest => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const NONE: ReadonlySet<Digest> = new Set();

const rootFor = (context: TestContext): string => {
  const root = mkdtempSync(join(tmpdir(), 'berth-store-'));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  return root;
};

/** Puts a layer in place as berth-pull does. */
const addLayer = (root: string, name: string): void => {
  const layout = layoutOf(root);
  const staging = makeStaging(layout);
  const folder = join(staging, name);
  mkdirSync(diffIn(folder), { recursive: true });
  writeFileSync(join(diffIn(folder), 'file'), name);
  const record = {
    version: 1,
    chainId: digest(name),
    diffId: digest(`diff ${name}`),
    sizeBytes: 100,
    diskBytes: 4096,
    inodes: 2,
  } as const;
  commitLayers(layout, [{ folder, record }]);
  rmSync(staging, { recursive: true });
};

const pulledImage = (
  root: string,
  id: string,
  tag: string | undefined,
  layers: readonly string[],
  name = 'quay.io/team/app',
): PulledImage => {
  for (const layer of layers) addLayer(root, layer);
  return {
    id: digest(id),
    name,
    tag,
    manifestDigests: [digest(`index ${id}`), digest(`manifest ${id}`)],
    layers: layers.map((layer) => ({
      chainId: digest(layer),
      diffId: digest(`diff ${layer}`),
      sizeBytes: 100,
    })),
    configBytes: 7,
    config: {
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => digest(`diff ${layer}`)) },
    },
  };
};

const layersIn = (root: string): string[] => readdirSync(join(root, 'layers')).sort();
const hexes = (...names: string[]): string[] => names.map((name) => digest(name).slice(7)).sort();
const tagsOf = (store: OpenImageStore): string[] =>
  store
    .list()
    .flatMap(({ repoTags }) => repoTags)
    .sort();

test('an image is found by every name that means it', async (context) => {
  const root = rootFor(context);
  const store = await openImageStore({ root });
  const image = await store.record(pulledImage(root, 'one', 'v1', ['a']));
  const names = [
    image.id,
    image.id.slice(7),
    image.id.slice(7, 19),
    'quay.io/team/app:v1',
    `quay.io/team/app@${digest('index one')}`,
    `quay.io/team/app@${digest('manifest one')}`,
    `quay.io/team/app:v1@${digest('manifest one')}`,
  ];
  for (const name of names) assert.equal(store.find(name)?.id, image.id, name);
  for (const name of [
    'quay.io/team/app',
    'docker.io/team/app:v1',
    'pp:v1',
    image.id.slice(7, 9),
    digest('no'),
    '',
    'A B',
  ]) {
    assert.equal(store.find(name), undefined, name);
  }
});

test('a short name finds what it may mean by configuration, in that order, and no other that ends like it', async (context) => {
  const root = rootFor(context);
  const searched = { aliases: { tool: 'ghcr.io/team/tool' }, unqualifiedSearch: ['quay.io', 'docker.io'] };
  const config = { ...searched, shortNameMode: 'permissive', registries: [] } as const;
  const store = await openImageStore({ root, namesMeant: (text) => namesMeant(text, config) });
  await store.record(pulledImage(root, 'evil', 'latest', ['a'], 'evil.example.com/x/redis'));
  await store.record(pulledImage(root, 'deep', 'latest', ['a'], 'quay.io/x/redis'));
  assert.equal(store.find('redis'), undefined, 'neither is what a pull of the name would bring');
  const hub = await store.record(pulledImage(root, 'hub', 'latest', ['b'], 'docker.io/library/redis'));
  assert.equal(store.find('redis')?.id, hub.id);
  const quay = await store.record(pulledImage(root, 'quay', 'latest', ['c'], 'quay.io/redis'));
  assert.equal(store.find('redis')?.id, quay.id);
  const tool = await store.record(pulledImage(root, 'tool', 'v1', ['d'], 'ghcr.io/team/tool'));
  assert.equal(store.find('tool:v1')?.id, tool.id);
});

test('without a registry for short names they are Docker Hub’s', async (context) => {
  const root = rootFor(context);
  const store = await openImageStore({ root });
  await store.record(pulledImage(root, 'quay', 'latest', ['a'], 'quay.io/redis'));
  assert.equal(store.find('redis'), undefined);
  const hub = await store.record(pulledImage(root, 'hub', 'latest', ['b'], 'docker.io/library/redis'));
  assert.equal(store.find('redis')?.id, hub.id);
});

test('layers are given top first, and an image without any has an empty one', async (context) => {
  const root = rootFor(context);
  const store = await openImageStore({ root });
  const image = await store.record(pulledImage(root, 'one', 'v1', ['a', 'b']));
  assert.deepEqual(store.lowerDirs(image), [
    diffIn(join(root, 'layers', hexes('b')[0] ?? '')),
    diffIn(join(root, 'layers', hexes('a')[0] ?? '')),
  ]);
  const empty = await store.record(pulledImage(root, 'empty', 'v0', []));
  assert.deepEqual(
    store.lowerDirs(empty).map((path) => readdirSync(path)),
    [[]],
  );
  assert.equal(image.sizeBytes, 207);
});

test('everything is there again after a restart', async (context) => {
  const root = rootFor(context);
  const first = await openImageStore({ root });
  await first.record(pulledImage(root, 'one', 'v1', ['a', 'b']));
  await first.record(pulledImage(root, 'two', 'v2', ['a', 'c']));
  const second = await openImageStore({ root });
  assert.deepEqual(second.list(), first.list());
  assert.deepEqual(await second.usage(), await first.usage());
});

test('two tags of one image are one image; a tag that moves leaves the old image its digests', async (context) => {
  const root = rootFor(context);
  const store = await openImageStore({ root });
  await store.record(pulledImage(root, 'one', 'v1', ['a']));
  const both = await store.record(pulledImage(root, 'one', 'latest', ['a']));
  assert.deepEqual(both.repoTags, ['quay.io/team/app:v1', 'quay.io/team/app:latest']);
  assert.equal(both.repoDigests.length, 2);
  await store.record(pulledImage(root, 'two', 'latest', ['b']));
  assert.equal(store.find('quay.io/team/app:latest')?.id, digest('two'));
  assert.deepEqual(store.find(digest('one'))?.repoTags, ['quay.io/team/app:v1']);
  await store.record(pulledImage(root, 'two', 'v1', ['b']));
  assert.deepEqual(store.find(digest('one'))?.repoTags, []);
  assert.equal(store.find(`quay.io/team/app@${digest('index one')}`)?.id, digest('one'));
  assert.deepEqual(tagsOf(await openImageStore({ root })), tagsOf(store));
});

test('a tag in two records, which a crash between two writes leaves, belongs to the newer one', async (context) => {
  const root = rootFor(context);
  const store = await openImageStore({ root });
  const record = (image: Image): void =>
    writeFileSync(join(root, 'images', `${image.id.slice(7)}.json`), JSON.stringify(image));
  const old = await store.record(pulledImage(root, 'one', 'v1', ['a']));
  const young = await store.record(pulledImage(root, 'two', 'v1', ['b']));
  record({ ...old, pulledAtNs: '999' });
  record({ ...young, pulledAtNs: '1000' });
  const again = await openImageStore({ root });
  assert.equal(again.find('quay.io/team/app:v1')?.id, digest('two'));
  assert.deepEqual(again.find(digest('one'))?.repoTags, []);
});

for (const by of ['quay.io/team/app:v1', digest('one'), `quay.io/team/app@${digest('manifest one')}`]) {
  test(`removing by ${by.slice(0, 24)} removes all names, and the layers that no other image needs`, async (context) => {
    const root = rootFor(context);
    const store = await openImageStore({ root });
    await store.record(pulledImage(root, 'one', 'v1', ['a', 'b']));
    await store.record(pulledImage(root, 'one', 'v1.0', ['a', 'b']));
    await store.record(pulledImage(root, 'two', 'v2', ['a', 'c']));
    await store.remove(by, NONE);
    assert.deepEqual(tagsOf(store), ['quay.io/team/app:v2']);
    assert.deepEqual(layersIn(root), hexes('a', 'c'));
    assert.deepEqual(readdirSync(join(root, 'staging')), []);
    assert.equal((await store.usage()).usedBytes, 2 * 4096);
    assert.equal((await store.usage()).inodesUsed, 4);
  });
}

test('removing what is not there is no error', async (context) => {
  const store = await openImageStore({ root: rootFor(context) });
  await store.remove('quay.io/no/such:v1', NONE);
  await store.remove('not a reference', NONE);
});

test('the layers of a removed image stay while a container uses it, also over a restart', async (context) => {
  const root = rootFor(context);
  const store = await openImageStore({ root });
  const image = await store.record(pulledImage(root, 'one', 'v1', ['a']));
  await store.remove('quay.io/team/app:v1', new Set([image.id]));
  assert.equal(store.find(image.id), undefined);
  assert.deepEqual(store.list(), []);
  assert.deepEqual(layersIn(root), hexes('a'));

  const again = await openImageStore({ root });
  assert.deepEqual(layersIn(root), hexes('a'));
  await again.remove(image.id, NONE);
  assert.deepEqual(layersIn(root), []);
});

test('an image that is pulled again while its removed self is in use is an ordinary image', async (context) => {
  const root = rootFor(context);
  const store = await openImageStore({ root });
  const image = await store.record(pulledImage(root, 'one', 'v1', ['a']));
  await store.remove(image.id, new Set([image.id]));
  await store.record(pulledImage(root, 'one', 'v1', ['a']));
  await store.remove('quay.io/no/such', NONE);
  const again = await openImageStore({ root });
  assert.equal(again.find('quay.io/team/app:v1')?.id, image.id);
  assert.deepEqual(layersIn(root), hexes('a'));
});

test('no layer is removed while a pull may rely on it, and the removal is made up for', async (context) => {
  const root = rootFor(context);
  const store = await openImageStore({ root });
  await store.record(pulledImage(root, 'one', 'v1', ['a', 'b']));
  const release = store.holdLayers();
  await store.remove('quay.io/team/app:v1', NONE);
  assert.deepEqual(layersIn(root), hexes('a', 'b'));
  await store.record({
    ...pulledImage(root, 'two', 'v2', []),
    layers: [{ chainId: digest('a'), diffId: digest('diff a'), sizeBytes: 100 }],
  });
  await release();
  assert.deepEqual(layersIn(root), hexes('a'));
});

test('an image is not recorded when one of its layers is missing', async (context) => {
  const root = rootFor(context);
  const store = await openImageStore({ root });
  const pulled = {
    ...pulledImage(root, 'one', 'v1', []),
    layers: [{ chainId: digest('x'), diffId: digest('y'), sizeBytes: 1 }],
  };
  await assert.rejects(store.record(pulled), { code: 'Unavailable' });
  assert.deepEqual(store.list(), []);
});

test('a start removes staging of ended processes and layers without a record, and leaves a live pull alone', async (context) => {
  const root = rootFor(context);
  const store = await openImageStore({ root });
  await store.record(pulledImage(root, 'one', 'v1', ['a']));
  addLayer(root, 'orphan');
  mkdirSync(join(root, 'staging/999999999.5.abc/half'), { recursive: true });
  mkdirSync(join(root, `staging/${process.pid}.1.abc`));
  writeFileSync(join(root, 'images/x.json.tmp'), 'half');
  const live = join(root, `staging/${process.ppid}.${startTimeTicks(process.ppid)}.abc`);
  mkdirSync(live);

  await openImageStore({ root });
  assert.deepEqual(readdirSync(join(root, 'staging')), [live.split('/').at(-1)]);
  assert.deepEqual(layersIn(root), hexes('a', 'orphan'));

  rmSync(live, { recursive: true });
  await openImageStore({ root });
  assert.deepEqual(layersIn(root), hexes('a'));
  assert.equal(existsSync(join(root, 'images/x.json.tmp')), false);
});

test('a start does not fail for the sake of staging that cannot be removed, and the next one tries again', async (context) => {
  const root = rootFor(context);
  const stuck = join(root, 'staging/999999999.5.abc/stuck');
  mkdirSync(stuck, { recursive: true });
  mkdirSync(join(root, 'staging/999999999.6.abc'));
  mount({ source: 'tmpfs', target: stuck, type: 'tmpfs' });
  const lines: string[] = [];
  const log = createLog({ level: 'info', write: (line) => lines.push(line), journal: false });
  try {
    await openImageStore({ root, log });
  } finally {
    unmount(stuck);
  }
  assert.deepEqual(readdirSync(join(root, 'staging')), ['999999999.5.abc']);
  assert.match(
    lines.join(''),
    /^warn cannot remove what an ended pull left; .* folder=\S+999999999\.5\.abc error=.*busy/m,
  );
  await openImageStore({ root, log });
  assert.deepEqual(readdirSync(join(root, 'staging')), []);
});

test('a record whose layer somebody removed is no image', async (context) => {
  const root = rootFor(context);
  const store = await openImageStore({ root });
  await store.record(pulledImage(root, 'one', 'v1', ['a', 'b']));
  await store.record(pulledImage(root, 'two', 'v2', ['c']));
  rmSync(join(root, 'layers', hexes('b')[0] ?? ''), { recursive: true });
  const again = await openImageStore({ root });
  assert.deepEqual(tagsOf(again), ['quay.io/team/app:v2']);
  assert.deepEqual(layersIn(root), hexes('c'));
});

for (const damage of ['', '{"version":1}']) {
  test(`a layer whose record is damaged to ${JSON.stringify(damage)} costs its images alone`, async (context) => {
    const root = rootFor(context);
    const store = await openImageStore({ root });
    await store.record(pulledImage(root, 'one', 'v1', ['a', 'b']));
    await store.record(pulledImage(root, 'two', 'v2', ['c']));
    writeFileSync(join(root, 'layers', hexes('b')[0] ?? '', 'layer.json'), damage);
    const again = await openImageStore({ root });
    assert.deepEqual(tagsOf(again), ['quay.io/team/app:v2']);
    assert.deepEqual(layersIn(root), hexes('c'));
  });
}

for (const damage of ['', '{"version":1,"id', '[]']) {
  test(`an image whose record is damaged to ${JSON.stringify(damage)} is forgotten alone, and not from under containers`, async (context) => {
    const root = rootFor(context);
    const store = await openImageStore({ root });
    await store.record(pulledImage(root, 'one', 'v1', ['a', 'b']));
    await store.record(pulledImage(root, 'two', 'v2', ['c']));
    const file = join(root, 'images', `${hexes('one')[0]}.json`);
    writeFileSync(file, damage);
    const merged = join(root, 'containers/x/merged');
    const [lower, ...others] = hexes('a', 'b').map((hex) => join(root, 'layers', hex, 'diff'));
    mkdirSync(merged, { recursive: true });
    mountOverlay({ lower: [lower ?? '', ...others], target: merged });
    try {
      const lines: string[] = [];
      const log = createLog({ level: 'info', write: (line) => lines.push(line), journal: false });
      assert.deepEqual(tagsOf(await openImageStore({ root, log })), ['quay.io/team/app:v2']);
      assert.match(lines.join(''), new RegExp(`^warn .*${file} is damaged.* hint="pull its image again"`));
      assert.deepEqual(layersIn(root), hexes('a', 'b', 'c'));
    } finally {
      unmount(merged);
    }
    assert.equal(existsSync(file), false);
    await openImageStore({ root });
    assert.deepEqual(layersIn(root), hexes('c'));
  });
}

test('a record of a version this program does not know is refused and stays', async (context) => {
  const root = rootFor(context);
  await openImageStore({ root });
  const file = join(root, 'images', `${hexes('future')[0]}.json`);
  writeFileSync(file, JSON.stringify({ version: 2, layers: [] }));
  await assert.rejects(openImageStore({ root }), { code: 'FailedPrecondition', message: new RegExp(file) });
  assert.equal(existsSync(file), true);
});
