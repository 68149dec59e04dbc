import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { say, startBusyboxNode, until } from '../../harness/busybox-node.ts';
import { dataFrame, SpdyClient } from '../streaming/spdy-client.ts';

/** Of nine sessions each; BERTH_TEST_ROUNDS=1112 makes ten thousand, in some minutes. */
const ROUNDS = Number(process.env['BERTH_TEST_ROUNDS'] ?? 8);
const DELAYS = 8;

test('clients that leave at any moment leave no process, descriptor or file behind', async (t) => {
  const { node, podOf, start } = await startBusyboxNode(t);
  const { runtime } = node;
  const pod = await podOf('streams');
  const containerId = await start(pod, 'one', {
    ...say('nc -ll -p 7000 -e cat & wait'),
    stdin: true,
  });

  const exec = async (cmd: readonly string[], tty = false): Promise<SpdyClient> => {
    const outputs = { stdin: true, stdout: true, stderr: !tty };
    const { url } = await runtime.exec({ containerId, cmd: [...cmd], tty, ...outputs });
    return SpdyClient.connect(url);
  };
  const leave = async (client: SpdyClient): Promise<void> => {
    client.socket.destroy();
    await client.closed;
  };

  const failures: readonly ((round: number) => Promise<void>)[] = [
    // While the process is being started: in the next round a little later.
    async (round) => {
      const client = await exec(['sleep', '600']);
      await client.openAll('error', 'stdin', 'stdout', 'stderr');
      await pause((round % DELAYS) * 6);
      await leave(client);
    },
    async () => {
      const client = await exec(['sh', '-c', 'echo up; sleep 600 & wait']);
      const { stdout } = await client.openAll('error', 'stdin', 'stdout', 'stderr');
      await client.until(() => client.dataOf(stdout).length > 0);
      await leave(client);
    },
    async () => {
      const client = await exec(['sh', '-c', 'echo up; sleep 600'], true);
      const { stdout, resize } = await client.openAll('error', 'stdin', 'stdout', 'resize');
      client.send(dataFrame(resize, Buffer.from('{"Width":100,"Height":30}')));
      await client.until(() => client.dataOf(stdout).length > 0);
      await leave(client);
    },
    async () => {
      const client = await exec(['/no/such/program']);
      const { error } = await client.openAll('error', 'stdin', 'stdout', 'stderr');
      await client.until(() => client.finished(error));
      assert.match(client.dataOf(error).toString(), /no such file/);
      await leave(client);
    },
    // A process that reads nothing of what it is sent.
    async () => {
      const client = await exec(['sleep', '600']);
      const { stdin } = await client.openAll('error', 'stdin', 'stdout', 'stderr');
      client.send(dataFrame(stdin, Buffer.alloc(1_000_000)));
      await pause(20);
      await leave(client);
    },
    async () => {
      const streams = { stdin: true, stdout: true, stderr: true, tty: false };
      const { url } = await runtime.attach({ containerId, ...streams });
      const client = await SpdyClient.connect(url);
      await client.openAll('error', 'stdin', 'stdout', 'stderr');
      await leave(client);
    },
    async () => {
      const { url } = await runtime.portForward({ podSandboxId: pod, port: [] });
      const client = await SpdyClient.connect(url, 'portforward.k8s.io');
      const headers = { port: '7001', requestid: '0' };
      const error = await client.open({ streamtype: 'error', ...headers });
      await client.open({ streamtype: 'data', ...headers });
      await client.until(() => client.finished(error));
      await leave(client);
    },
    // A client that never comes: its URL costs nothing but memory, and expires.
    async () => void (await runtime.exec({ containerId, cmd: ['true'], stdout: true })),
    async () => {
      const { url } = await runtime.exec({ containerId, cmd: ['sleep', '600'], stdout: true });
      const { port } = new URL(url);
      await new Promise<void>((resolve) => {
        const socket: Socket = connect(Number(port), '127.0.0.1', () => socket.destroy());
        socket.once('close', () => resolve());
      });
    },
  ];

  const descriptors = (pid: number | undefined) => readdirSync(`/proc/${pid}/fd`).length;
  const processes = async () => {
    const { stdout } = await runtime.execSync({ containerId, cmd: ['ps'], timeout: 10n });
    return stdout
      .toString()
      .trim()
      .split('\n')
      .slice(1)
      .filter((line) => !line.endsWith(' ps'));
  };
  const left = async () => ({
    daemon: descriptors(node.daemon.pid),
    shim: descriptors(node.shim.pid),
    processes: await processes(),
    files: readdirSync(join(node.runRoot, 'shim'), { recursive: true }).filter((name) =>
      /exec-/.test(String(name)),
    ),
  });
  const failAll = (round: number) => Promise.all(failures.map((fail) => fail(round)));

  const running = (await processes()).length;
  await failAll(ROUNDS);
  await until('the warm-up has settled', async () => (await processes()).length === running);
  const before = await left();
  for (let round = 0; round < ROUNDS; round++) await failAll(round);
  let after = await left();
  const asBefore = until('everything is as before', async () => {
    after = await left();
    return after.daemon <= before.daemon && after.shim <= before.shim && after.processes.length === running;
  });
  await asBefore.catch(() => {}); // the comparison says more than that the time is over
  assert.deepEqual(after, { ...before, files: [] });
});
