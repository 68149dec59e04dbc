import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before, type TestContext } from 'node:test';
import { openImageStore } from '../../../runtime/images/store/open.ts';
import { pull, requestFor } from '../../harness/berth-pull.ts';
import { buildImage, buildLayer, type Compression, type Format, pushImage } from '../../harness/oci-image.ts';
import { startRegistry, type TestRegistry } from '../../harness/registry.ts';

let registry: TestRegistry;
before(async () => {
  registry = await startRegistry();
});
after(() => registry.stop());

const rootFor = (context: TestContext): string => {
  const root = mkdtempSync(join(tmpdir(), 'berth-images-'));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  return root;
};

for (const format of ['oci', 'docker'] satisfies Format[]) {
  for (const compression of ['gzip', 'zstd', 'none'] satisfies Compression[]) {
    test(`an image of ${format} format with ${compression} layers is pulled, recorded and found`, async (context) => {
      const root = rootFor(context);
      const store = await openImageStore({ root });
      const layers = [
        buildLayer(
          [
            { path: 'etc/', flag: '5' },
            { path: 'etc/base', body: 'one' },
          ],
          { format, compression },
        ),
        buildLayer(
          [
            { path: 'etc/', flag: '5' },
            { path: 'etc/top', body: 'two' },
          ],
          { format, compression },
        ),
      ];
      const image = buildImage({ layers, format });
      const digest = await pushImage(
        { host: registry.host, repository: `team/${format}-${compression}` },
        'v1',
        image,
      );

      const pulled = await pull(requestFor(root, registry.host, `team/${format}-${compression}`, 'v1'));
      const recorded = await store.record(pulled);

      assert.equal(recorded.id, image.config.digest);
      assert.deepEqual(recorded.repoTags, [`${registry.host}/team/${format}-${compression}:v1`]);
      assert.deepEqual(recorded.repoDigests, [`${registry.host}/team/${format}-${compression}@${digest}`]);
      const [top = '', bottom = ''] = store.lowerDirs(recorded);
      assert.equal(readFileSync(join(top, 'etc/top'), 'utf8'), 'two');
      assert.equal(readFileSync(join(bottom, 'etc/base'), 'utf8'), 'one');
      assert.deepEqual(readdirSync(join(root, 'staging')), []);
    });
  }
}
