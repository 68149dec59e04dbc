import assert from 'node:assert/strict';
import { readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { status } from '@grpc/grpc-js';
import { say, startBusyboxNode, until } from '../../harness/busybox-node.ts';

const FAILED = { code: status.FAILED_PRECONDITION };

test('the logs of containers on a node with log_size_max', async (t) => {
  const dropIn = () => '[crio.runtime]\nlog_size_max = 65536\n';
  const { node, podOf, create, start, ended, logged } = await startBusyboxNode(t, { dropIn });
  const { runtime } = node;
  const pod = await podOf('logs');
  const folder = join(node.folder, 'logs/logs');

  await t.test('ReopenContainerLog makes a file for a running container only', async () => {
    const waiting = await create(pod, 'waiting');
    renameSync(join(folder, 'waiting.log'), join(folder, 'waiting.log.1'));
    await assert.rejects(runtime.reopenContainerLog({ containerId: waiting }), FAILED);
    const over = await start(pod, 'over', say('echo done'));
    await ended(over);
    renameSync(join(folder, 'over.log'), join(folder, 'over.log.1'));
    await assert.rejects(runtime.reopenContainerLog({ containerId: over }), FAILED);
    await assert.rejects(runtime.reopenContainerLog({ containerId: 'f'.repeat(64) }), {
      code: status.NOT_FOUND,
    });
    assert.deepEqual(readdirSync(folder).sort(), ['over.log.1', 'waiting.log.1']);
  });

  await t.test(
    'a container that prints without end has a log of bounded size, also after the shim was killed',
    async () => {
      const container = await start(pod, 'endless', say('n=0; while :; do n=$((n+1)); echo $n; done'));
      const path = join(folder, 'endless.log');
      const inodes = new Set<number>();
      const turns = async (more: number) => {
        const enough = inodes.size + more;
        await until(`the log has started anew ${more} times`, () => {
          const { ino, size } = statSync(path);
          assert.ok(size <= 65_536, `${size} bytes`);
          inodes.add(ino);
          return inodes.size >= enough;
        });
      };
      await turns(3);
      await node.shim.kill('SIGKILL');
      await node.shim.start();
      await turns(3);
      await runtime.stopContainer({ containerId: container, timeout: 0n });
      await logged('logs', 'endless', 10);
      const numbers = readFileSync(path, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => Number(line.split(' ')[3]));
      assert.deepEqual(
        numbers,
        numbers.map((_, index) => (numbers[0] ?? 0) + index),
      );
      assert.deepEqual(
        readdirSync(folder).filter((name) => name.startsWith('endless')),
        ['endless.log'],
      );
    },
  );

  await runtime.removePodSandbox({ podSandboxId: pod });
});
