import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { bindMount, isMountPoint, unmount } from '../../../runtime/linux/mounts.ts';
import { pinnedNamespaces } from '../../../runtime/pods/folders.ts';
import { unpinPod } from '../../../runtime/pods/namespaces.ts';
import { missingForUserNamespaces } from '../../../runtime/pods/user-namespaces-probe.ts';
import type { Shim } from '../../../runtime/shim/client/shim.ts';

/** A node's folders, with an image store in which something is. */
const nodeFolders = (t: TestContext) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-pins-'));
  const roots = { root: join(folder, 'root'), runRoot: join(folder, 'run') };
  const layer = join(roots.root, 'layers', 'precious');
  mkdirSync(layer, { recursive: true });
  const mounts: string[] = [];
  t.after(() => {
    for (const place of mounts) if (isMountPoint(place)) unmount(place, { detach: true });
    rmSync(folder, { recursive: true });
  });
  return { roots, layer, mounts };
};

test('letting go of a pod never removes what is mounted among its namespaces', (t) => {
  const { roots, layer, mounts } = nodeFolders(t);
  const place = join(pinnedNamespaces(roots, 'pod'), 'store');
  mkdirSync(place, { recursive: true });
  mounts.push(place);
  bindMount(roots.root, place, { recursive: false });
  assert.throws(() => unpinPod(roots, 'pod'), { code: 'ENOTEMPTY' });
  assert.ok(existsSync(layer));
});

test('a daemon that is killed while it tries user namespaces leaves what the next try takes away, and no more', async (t) => {
  const { roots, layer, mounts } = nodeFolders(t);
  const id = `probe-${process.pid}`;
  const staged = join(roots.runRoot, 'staged', id);
  mkdirSync(join(staged, 'store'), { recursive: true });
  mkdirSync(join(staged, 'overlay'));
  mounts.push(join(staged, 'store'));
  bindMount(roots.root, join(staged, 'store'), { recursive: false });
  const refusal = new Error('no user namespaces here');
  const shim = { call: () => Promise.reject(refusal) } as unknown as Shim;
  assert.equal(await missingForUserNamespaces({ roots, shim }), refusal);
  for (const folder of [staged, pinnedNamespaces(roots, id)]) assert.ok(!existsSync(folder));
  assert.ok(existsSync(layer));
});
