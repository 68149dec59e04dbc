import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { openImageStore } from '../../../runtime/images/store/open.ts';
import { pull, requestFor } from '../../harness/berth-pull.ts';
import { buildImage, buildLayer, pushImage } from '../../harness/oci-image.ts';
import { startRegistry } from '../../harness/registry.ts';

for (const [what, option] of [
  ['bytes', 'size=4m'],
  ['inodes', 'nr_inodes=120'],
] as const) {
  test(`a disk without ${what} is ResourceExhausted, and everything of the pull is gone`, async (context) => {
    const root = mkdtempSync(join(tmpdir(), 'berth-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', option, 'tmpfs', root]);
    const registry = await startRegistry();
    context.after(async () => {
      await registry.stop();
      execFileSync('umount', [root]);
      rmdirSync(root);
    });
    const files = Array.from({ length: 200 }, (_, index) => ({
      path: `f${index}`,
      body: Buffer.alloc(50_000),
    }));
    const layers = [buildLayer(files), buildLayer([...files, { path: 'more', body: 'x' }])];
    await pushImage({ host: registry.host, repository: 'large' }, 'v1', buildImage({ layers }));
    await openImageStore({ root });
    await assert.rejects(pull(requestFor(root, registry.host, 'large', 'v1')), {
      code: 'ResourceExhausted',
      message: /no space left/,
      hint: /free disk space/,
    });
    assert.deepEqual(readdirSync(join(root, 'staging')), []);
    assert.deepEqual(readdirSync(join(root, 'layers')), []);
  });
}
