import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { mount } from '../../../runtime/linux/mounts.ts';
import { NamespaceMode } from '../../../runtime/spec/cri/api_pb.js';
import { say, startBusyboxNode } from '../../harness/busybox-node.ts';

const PAGE_BYTES = 2 * 1024 * 1024;
const POOL = '/sys/kernel/mm/hugepages/hugepages-2048kB';
const numberIn = (file: string): number => Number(readFileSync(join(POOL, file), 'utf8'));

/** A few pages more for this test; whoever has less of them cannot run it. */
const PAGES = 8;

const limits = (bytes: number) => ({
  securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } },
  resources: { hugepageLimits: [{ pageSize: '2MB', limit: BigInt(bytes) }] },
});

/** As HostFacts has it. */
const limitsHere = existsSync('/sys/fs/cgroup/hugetlb') || /\bhugetlb\b/.test(controllersOfV2());

function controllersOfV2(): string {
  const file = '/sys/fs/cgroup/cgroup.controllers';
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

test('a container has real huge pages of a volume of them, which are free again when it has gone', async (t) => {
  const before = numberIn('nr_hugepages');
  t.after(() => writeFileSync(join(POOL, 'nr_hugepages'), String(before)));
  writeFileSync(join(POOL, 'nr_hugepages'), String(before + PAGES));
  if (numberIn('nr_hugepages') < before + PAGES) return t.skip('the memory is too fragmented for huge pages');

  const { node, podOf, create, start, ended, logged } = await startBusyboxNode(t);
  // As the kubelet makes an emptyDir of medium HugePages; the node's end unmounts it.
  const volume = join(node.folder, 'huge');
  mkdirSync(volume);
  mount({ source: 'nodev', target: volume, type: 'hugetlbfs', data: 'pagesize=2M' });
  const mounts = [{ hostPath: volume, containerPath: '/huge' }];
  const free = numberIn('free_hugepages');

  const pod = await podOf('huge');
  const id = await start(pod, 'user', {
    ...say(`fallocate -l ${2 * PAGE_BYTES} /huge/two && stat -c %s /huge/two; sleep 1000`),
    mounts,
    linux: limits(limitsHere ? 2 * PAGE_BYTES : 0),
  });
  assert.match(await logged('huge', 'user', 1), new RegExp(` ${2 * PAGE_BYTES}\\n`));
  assert.equal(numberIn('free_hugepages'), free - 2);
  await node.runtime.stopContainer({ containerId: id, timeout: 0n });
  rmSync(join(volume, 'two'));
  assert.equal(numberIn('free_hugepages'), free);

  const greedy = { ...say(`fallocate -l ${2 * PAGE_BYTES} /huge/two`), mounts, linux: limits(PAGE_BYTES) };
  if (limitsHere) {
    const { exitCode } = await ended(await start(pod, 'greedy', greedy));
    assert.notEqual(exitCode, 0);
  } else
    await assert.rejects(create(pod, 'greedy', greedy), /hugepage_limits: this host has no pages of "2MB"/);
});
