import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openImageStore } from '../../../runtime/images/store/open.ts';
import { pull, requestFor, startPull } from '../../harness/berth-pull.ts';
import { buildImage, buildLayer, pushImage } from '../../harness/oci-image.ts';
import { startRegistry } from '../../harness/registry.ts';

const KILLS = 8;
const LAYERS = 4;
const FILES = 700;

/** Every path, mode, owner, time, link and content of a tree, in one digest. */
const fingerprint = (folder: string): string =>
  execFileSync('sh', ['-c', 'tar --create --sort=name . | sha256sum'], { cwd: folder, encoding: 'utf8' });

test('kill -9 of berth-pull at any moment leaves whole layers only, and the next pull is good', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-kill-'));
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', folder]);
  const registry = await startRegistry();
  context.after(async () => {
    await registry.stop();
    execFileSync('umount', [folder]);
    rmdirSync(folder);
  });
  const layers = Array.from({ length: LAYERS }, (_, layer) =>
    buildLayer([
      { path: './', flag: '5' },
      { path: `l${layer}/`, flag: '5', mtime: 1_600_000_000 },
      ...Array.from({ length: FILES }, (_, file) => ({
        path: `l${layer}/f${file}`,
        body: `${layer} ${file} `.repeat(file % 700),
      })),
    ]),
  );
  await pushImage({ host: registry.host, repository: 'big' }, 'v1', buildImage({ layers }));
  const whole = join(folder, 'whole');
  const start = performance.now();
  const good = await pull(requestFor(whole, registry.host, 'big', 'v1'));
  const duration = performance.now() - start;
  const expected = new Map(
    good.layers.map(({ chainId }) => [
      chainId.slice(7),
      fingerprint(join(whole, 'layers', chainId.slice(7), 'diff')),
    ]),
  );

  const root = join(folder, 'killed');
  let interrupted = 0;
  for (let round = 0; round < KILLS; round += 1) {
    const run = startPull(requestFor(root, registry.host, 'big', 'v1'));
    await sleep((duration * (round + 0.5)) / KILLS);
    if (existsSync(join(root, 'staging')) && readdirSync(join(root, 'staging')).length > 0) interrupted += 1;
    run.child.kill('SIGKILL');
    await run.outcome;
    for (const name of existsSync(join(root, 'layers')) ? readdirSync(join(root, 'layers')) : []) {
      assert.equal(
        fingerprint(join(root, 'layers', name, 'diff')),
        expected.get(name),
        `layer after kill ${round}`,
      );
    }
    if (round % 2 === 1) rmSync(join(root, 'layers'), { recursive: true, force: true });
  }
  assert.ok(interrupted >= 3, `only ${interrupted} kills met a pull at work`);

  const store = await openImageStore({ root });
  assert.deepEqual(readdirSync(join(root, 'staging')), []);
  const image = await store.record(await pull(requestFor(root, registry.host, 'big', 'v1')));
  for (const { chainId } of image.layers) {
    assert.equal(fingerprint(join(root, 'layers', chainId.slice(7), 'diff')), expected.get(chainId.slice(7)));
  }
});
