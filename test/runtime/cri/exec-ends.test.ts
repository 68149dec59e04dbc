import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { WebSocket } from 'ws';
import { ContainerState, NamespaceMode } from '../../../runtime/spec/cri/api_pb.js';
import { remains, say, startBusyboxNode, until } from '../../harness/busybox-node.ts';

/** Processes whose command line holds the word. */
const running = (word: string): readonly string[] =>
  readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(word));

/** Empty when the process is gone. */
const commandOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
  } catch {
    return '';
  }
};

const withPids = (pid: NamespaceMode) => ({ linux: { securityContext: { namespaceOptions: { pid } } } });

test('an exec that outlives its container, or is outlived by it', async (t) => {
  const { node, podOf, start, statusOf, ended } = await startBusyboxNode(t);
  const { runtime } = node;
  const before = remains(node);
  /** Sleeps so long that its number tells it from every other process of this machine. */
  const mark = (number: number) => `${process.pid}${number}`;

  const modes = [
    ['its own processes', NamespaceMode.CONTAINER],
    ['the pod’s processes', NamespaceMode.POD],
    ['the host’s processes', NamespaceMode.NODE],
  ] as const;
  for (const [index, [name, mode]] of modes.entries()) {
    await t.test(`with ${name}: ExecSync ends when its container is stopped`, async () => {
      const pod = await podOf(`sync-${index}`);
      const container = await start(pod, 'one', withPids(mode));
      const seconds = mark(10 + index);
      const answer = runtime.execSync({ containerId: container, cmd: ['sleep', seconds], timeout: 0n });
      await until('it runs', () => running(seconds).length > 0);
      await runtime.stopContainer({ containerId: container, timeout: 0n });
      await runtime.removeContainer({ containerId: container });
      assert.equal((await answer).exitCode, 137);
      assert.deepEqual(running(seconds), []);
      await runtime.removePodSandbox({ podSandboxId: pod });
    });

    await t.test(`with ${name}: a session ends when its container does so by itself`, async () => {
      const pod = await podOf(`session-${index}`);
      const container = await start(pod, 'one', { ...say('sleep 1.5; exit 4'), ...withPids(mode) });
      const seconds = mark(20 + index);
      const { url } = await runtime.exec({ containerId: container, cmd: ['sleep', seconds], stdout: true });
      const socket = new WebSocket(url.replace('http:', 'ws:'), 'v4.channel.k8s.io');
      t.after(async () => socket.terminate());
      let heard = '';
      socket.on('message', (data) => (heard += String(data)));
      const closed = new Promise((resolve) => socket.once('close', resolve));
      await until('it runs', () => running(seconds).length > 0);
      assert.equal((await ended(container)).exitCode, 4);
      await runtime.removeContainer({ containerId: container });
      await closed;
      assert.match(heard, /"reason":"NonZeroExitCode".*"message":"137"/);
      assert.deepEqual(running(seconds), []);
      await runtime.removePodSandbox({ podSandboxId: pod });
    });

    await t.test(
      `with ${name}: what an exec leaves behind runs on without it and ends with the container`,
      async () => {
        const pod = await podOf(`left-${index}`);
        const container = await start(pod, 'one', withPids(mode));
        const seconds = mark(30 + index);
        const cmd = ['sh', '-c', `setsid sleep ${seconds} & echo left`];
        const began = performance.now();
        const answer = await runtime.execSync({ containerId: container, cmd, timeout: 60n });
        assert.equal(Buffer.from(answer.stdout).toString(), 'left\n');
        assert.ok(performance.now() - began < 10_000);
        await until('it runs on', () => running(`sleep ${seconds}`).length > 0);
        assert.equal((await statusOf(container)).state, ContainerState.CONTAINER_RUNNING);
        await runtime.stopContainer({ containerId: container, timeout: 0n });
        await runtime.removeContainer({ containerId: container });
        assert.deepEqual(running(seconds), []);
        await runtime.removePodSandbox({ podSandboxId: pod });
      },
    );
  }

  await t.test('a command ends when the client that waits for it leaves', async () => {
    const pod = await podOf('left');
    const container = await start(pod, 'one');
    const seconds = mark(50);
    const leave = new AbortController();
    const asked = runtime.execSync(
      { containerId: container, cmd: ['sleep', seconds] },
      { signal: leave.signal },
    );
    await until('it runs', () => running(seconds).length > 0);
    leave.abort();
    await assert.rejects(asked, { code: 1 });
    await until('it has ended', () => running(seconds).length === 0);
    await runtime.removeContainer({ containerId: container });
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test(
    'an exec that is asked for while its container ends is refused or ends, and leaves nothing',
    async () => {
      const pod = await podOf('race');
      for (let round = 0; round < 6; round += 1) {
        const container = await start(pod, `one-${round}`);
        const seconds = mark(40 + round);
        const asked = Array.from({ length: 4 }, () =>
          runtime.execSync({ containerId: container, cmd: ['sleep', seconds] }).then(
            ({ exitCode }) => assert.equal(exitCode, 137),
            ({ details }) =>
              assert.match(
                details,
                /runc exec|not running|it is exited|there is no container|the shim knows no/,
              ),
          ),
        );
        await runtime.removeContainer({ containerId: container });
        await Promise.all(asked);
        assert.deepEqual(running(seconds), []);
      }
      await runtime.removePodSandbox({ podSandboxId: pod });
    },
  );

  assert.deepEqual(remains(node), before);
});
