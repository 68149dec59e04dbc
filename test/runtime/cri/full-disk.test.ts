import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { status } from '@grpc/grpc-js';
import { MountFlag, mount } from '../../../runtime/linux/mounts.ts';
import { remains, startBusyboxNode } from '../../harness/busybox-node.ts';

/** More than the image and a few containers take. */
const INODES = 4000;

/** Where `[crio.berth] root` of the node is going to be. */
const smallDisk = (folder: string): string => {
  const root = join(folder, 'lib');
  mkdirSync(root, { mode: 0o711 });
  mount({ source: 'tmpfs', target: root, type: 'tmpfs', data: `size=64m,nr_inodes=${INODES},mode=711` });
  return '';
};

const FULL = { code: status.RESOURCE_EXHAUSTED, details: /no space left on device.*; free space or inodes/ };

test('a node whose disks are full says so, leaves nothing of what failed, and goes on when there is room', async (t) => {
  const { node, podOf, create, start } = await startBusyboxNode(t, { dropIn: smallDisk });
  const podSandboxId = await podOf('pod');
  const running = await start(podSandboxId, 'running');
  const before = remains(node);

  await t.test('without inodes for a writable layer', async () => {
    const filler = join(node.root, 'filler');
    mkdirSync(filler);
    fill((count) => writeFileSync(join(filler, String(count)), ''));
    await assert.rejects(create(podSandboxId, 'late'), FULL);
    assert.deepEqual(remains(node), before);
    rmSync(filler, { recursive: true });
    await node.runtime.removeContainer({ containerId: await create(podSandboxId, 'late') });
  });

  await t.test('without room for records', async () => {
    mount({ source: null, target: node.runRoot, type: null, flags: MountFlag.remount, data: 'size=8m' });
    const filler = join(node.runRoot, 'filler');
    fill(() => appendFileSync(filler, Buffer.alloc(4096)));
    const records = { ...FULL, details: /cannot write \S+\.json: .*no space left .*; free space or inodes/ };
    await assert.rejects(podOf('late'), records);
    await assert.rejects(create(podSandboxId, 'late'), records);
    assert.deepEqual(remains(node), before);
    await assert.rejects(node.runtime.execSync({ containerId: running, cmd: ['true'] }), FULL);
    rmSync(filler);
    await node.runtime.removePodSandbox({ podSandboxId: await podOf('late') });
  });

  assert.equal((await node.runtime.execSync({ containerId: running, cmd: ['true'] })).exitCode, 0);
  await node.runtime.removePodSandbox({ podSandboxId });
});

/** Until there is no more room. */
const fill = (write: (count: number) => void): void => {
  for (let count = 0; ; count += 1) {
    try {
      write(count);
    } catch (error) {
      assert.match(String(error), /ENOSPC/);
      return;
    }
  }
};
