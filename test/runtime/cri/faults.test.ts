import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { status } from '@grpc/grpc-js';
import { ContainerState, PodSandboxState } from '../../../runtime/spec/cri/api_pb.js';
import { nothing, remains, say, startBusyboxNode } from '../../harness/busybox-node.ts';

/** Counts up in its log, a number each 2 ms. */
const counter = say('n=0; while :; do n=$((n+1)); echo $n; usleep 2000; done');

const countedIn = (path: string): number[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => Number(line.split(' ')[3]));

/** Every number once and in order. */
const assertNoGap = (path: string, atLeast: number) => {
  const numbers = countedIn(path);
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => index + 1),
  );
  assert.ok(numbers.length >= atLeast, `${numbers.length} lines`);
};

test('what is killed, cut off or away is put right', async (t) => {
  const { node, podOf, start, create, statusOf, ended } = await startBusyboxNode(t);
  t.afterEach(async () => {
    for (const { id } of (await node.runtime.listPodSandbox({})).items)
      await node.runtime.removePodSandbox({ podSandboxId: id });
    assert.deepEqual(remains(node), nothing);
  });

  await t.test('kill -9 of the daemon: containers run on, and all is known again', async () => {
    const pod = await podOf('kept', { labels: { a: 'b' } });
    const counting = await start(pod, 'counting', counter);
    const waiting = await create(pod, 'waiting');
    const ending = await start(pod, 'ending', say('sleep 0.7; exit 9'));
    const before = await statusOf(counting);
    const podBefore = (await node.runtime.podSandboxStatus({ podSandboxId: pod })).status;
    for (let round = 0; round < 3; round += 1) {
      await node.daemon.kill('SIGKILL');
      await pause(400);
      await node.daemon.start();
    }
    assert.deepEqual(await statusOf(counting), before);
    assert.deepEqual((await node.runtime.podSandboxStatus({ podSandboxId: pod })).status, podBefore);
    assert.deepEqual([(await ended(ending)).exitCode, (await ended(ending)).reason], [9, 'Error']);
    await node.runtime.startContainer({ containerId: waiting });
    const answer = await node.runtime.execSync({ containerId: counting, cmd: ['echo', 'here'] });
    assert.equal(Buffer.from(answer.stdout).toString(), 'here\n');
    await node.runtime.stopContainer({ containerId: counting, timeout: 0n });
    assertNoGap(join(node.folder, 'logs/kept/counting.log'), 200);
  });

  await t.test('kill -9 of the shim: containers run on, logs have no gap, exits are known', async () => {
    const pod = await podOf('followed');
    const counting = await start(pod, 'counting', counter);
    const ending = await start(pod, 'ending', say('sleep 0.3; exit 9'));
    for (let round = 0; round < 3; round += 1) {
      await node.shim.kill('SIGKILL');
      await pause(500);
      await node.shim.start();
      await pause(100);
    }
    assert.equal((await statusOf(counting)).state, ContainerState.CONTAINER_RUNNING);
    assert.equal((await ended(ending)).exitCode, 9);
    const answer = await node.runtime.execSync({ containerId: counting, cmd: ['echo', 'here'] });
    assert.equal(Buffer.from(answer.stdout).toString(), 'here\n');
    const late = await start(pod, 'late', say('exit 4'));
    assert.equal((await ended(late)).exitCode, 4);
    await node.runtime.stopContainer({ containerId: counting, timeout: 0n });
    assertNoGap(join(node.folder, 'logs/followed/counting.log'), 200);
  });

  await t.test(
    'a shim that is away: the runtime is not ready, calls say so, and go on when it is back',
    async () => {
      const pod = await podOf('away');
      await node.shim.kill('SIGKILL');
      const { status: away } = await node.runtime.status({});
      assert.deepEqual(
        away?.conditions.map(({ type, status: ok, reason }) => [type, ok, reason]).slice(0, 1),
        [['RuntimeReady', false, 'ShimUnavailable']],
      );
      const starting = start(pod, 'one');
      await pause(200);
      await node.shim.start();
      await starting;
      const { status: back } = await node.runtime.status({});
      assert.equal(back?.conditions[0]?.status, true);
    },
  );

  await t.test(
    'kill -9 of the daemon at any moment of making and removing: nothing is left, no name stays reserved',
    async () => {
      for (let round = 0; round < 8; round += 1) {
        const working = (async () => {
          const pod = await podOf('torn');
          await start(pod, 'one');
          await node.runtime.stopPodSandbox({ podSandboxId: pod });
          await node.runtime.removePodSandbox({ podSandboxId: pod });
        })();
        working.catch(() => {}); // its connection breaks
        await pause(25 * round);
        await node.daemon.kill('SIGKILL');
        await working.catch(() => {});
        await node.daemon.start();
        const { items } = await node.runtime.listPodSandbox({});
        for (const { id } of items) await node.runtime.removePodSandbox({ podSandboxId: id });
        assert.deepEqual(remains(node), nothing, `round ${round}\n${node.daemon.log()}`);
        const runc = join(node.runRoot, 'runc');
        assert.deepEqual(existsSync(runc) ? readdirSync(runc) : [], [], `round ${round}`);
      }
      const pod = await podOf('torn');
      await start(pod, 'one');
    },
  );

  await t.test('a reboot: /run is empty, the writable layers on disk go', async () => {
    await node.daemon.kill('SIGTERM');
    const left = join(node.root, 'containers', 'f'.repeat(64));
    mkdirSync(join(left, 'upper', 'data'), { recursive: true });
    mkdirSync(join(left, 'merged'));
    writeFileSync(join(left, 'upper', 'data', 'file'), 'x');
    await node.daemon.start();
    assert.deepEqual(remains(node), nothing);
    assert.equal((await node.images.listImages({})).images.length, 1);
    await podOf('after');
  });

  await t.test('a pod whose network fails leaves nothing, says why, and may be tried again', async () => {
    const list = join(node.networkDir, '10-test.conflist');
    const good = readFileSync(list, 'utf8');
    writeFileSync(list, good.replace('"plugins":[', '"plugins":[{"type":"no-such-plugin"},'));
    await assert.rejects(podOf('net'), (error: { details: string }) => /no-such-plugin/.test(error.details));
    assert.deepEqual(remains(node), nothing);
    rmSync(list);
    const { status: none } = await node.runtime.status({});
    assert.equal(none?.conditions[1]?.status, false);
    await assert.rejects(podOf('net'), { code: status.FAILED_PRECONDITION });
    assert.deepEqual(remains(node), nothing);
    writeFileSync(list, good);
    const pod = await podOf('net');
    const { status: up } = await node.runtime.podSandboxStatus({ podSandboxId: pod });
    assert.equal(up?.state, PodSandboxState.SANDBOX_READY);
  });

  await t.test(
    'a client that gives up in the middle of a pod and asks again gets its pod; the first attempt leaves nothing',
    async () => {
      for (const deadlineMs of [1, 4, 8, 12, 16]) {
        const first = node.runtime.runPodSandbox({ config: node.podConfig('late') }, { deadlineMs });
        await first.catch((error) => assert.equal(error.code, status.DEADLINE_EXCEEDED)); // a fast machine makes it
        await podOf('late').catch((error) => assert.equal(error.code, status.ALREADY_EXISTS)); // it was up just then
        const { items } = await node.runtime.listPodSandbox({});
        assert.deepEqual(
          items.map(({ metadata, state }) => [metadata?.name, state]),
          [['late', PodSandboxState.SANDBOX_READY]],
        );
        assert.deepEqual(
          remains(node).namespaces,
          items.map(({ id }) => id),
        );
        await node.runtime.removePodSandbox({ podSandboxId: items[0]?.id ?? '' });
        assert.deepEqual(remains(node), nothing);
      }
    },
  );

  await t.test(
    'SIGTERM ends the daemon at once and leaves containers alone; a second daemon is refused',
    async () => {
      const container = await start(await podOf('calm'), 'one');
      await assert.rejects(
        promisify(execFile)(process.execPath, [...node.daemon.argv]),
        /another program serves/,
      );
      const elsewhere = join(node.folder, 'elsewhere.conf');
      const text = readFileSync(join(node.folder, 'crio.conf'), 'utf8');
      writeFileSync(elsewhere, text.replace(node.socket, `${node.socket}.2`));
      const argv = node.daemon.argv.map((word) => (word.endsWith('/crio.conf') ? elsewhere : word));
      await assert.rejects(promisify(execFile)(process.execPath, argv), /another berthd serves/);
      const began = performance.now();
      await node.daemon.kill('SIGTERM');
      assert.ok(performance.now() - began < 3000);
      await node.daemon.start();
      assert.equal((await statusOf(container)).state, ContainerState.CONTAINER_RUNNING);
    },
  );
});
