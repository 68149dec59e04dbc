import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { toBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { WebSocket } from 'ws';
import {
  ContainerState,
  ExecSyncResponseSchema,
  NamespaceMode,
  PodSandboxState,
  Signal,
} from '../../../runtime/spec/cri/api_pb.js';
import { nothing, remains, say, startBusyboxNode, until } from '../../harness/busybox-node.ts';

/** Empty when the process is gone. */
const commandOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
};

test('the life of pods and containers', async (t) => {
  const { node, image, imageRef, podOf, create, start, statusOf, ended, logged } = await startBusyboxNode(t);
  const { runtime, images } = node;

  await t.test('the runtime and the network are ready', async () => {
    const { status: answer, info } = await runtime.status({ verbose: true });
    assert.deepEqual(
      answer?.conditions.map(({ type, status: ok }) => [type, ok]),
      [
        ['RuntimeReady', true],
        ['NetworkReady', true],
      ],
    );
    assert.equal(JSON.parse(info['config'] ?? '').runRoot, node.runRoot);
    const version = await runtime.version({ version: 'v1' });
    assert.deepEqual([version.runtimeName, version.runtimeApiVersion], ['berth', 'v1']);
  });

  await t.test('the image has one id everywhere', async () => {
    const listed = await images.listImages({});
    assert.deepEqual(
      listed.images.map(({ id, repoTags }) => [id, repoTags]),
      [[imageRef, [image]]],
    );
    const known = await images.imageStatus({ image: { image } });
    assert.equal(known.image?.id, imageRef);
    assert.equal((await images.imageStatus({ image: { image: 'none.example/x:1' } })).image, undefined);
  });

  await t.test('a pod has an address, a container in it a life, and both go without a trace', async () => {
    const before = remains(node);
    const pod = await podOf('life', { labels: { app: 'life' }, annotations: { note: 'a' } });
    const up = await runtime.podSandboxStatus({ podSandboxId: pod, verbose: true });
    assert.equal(up.status?.state, PodSandboxState.SANDBOX_READY);
    assert.match(up.status?.network?.ip ?? '', /^10\.\d+\.\d+\.\d+$/);
    assert.deepEqual([up.status?.labels['app'], up.status?.annotations['note']], ['life', 'a']);

    const container = await create(pod, 'one', say('echo out; echo err >&2; exec sleep 1000'));
    assert.equal((await statusOf(container)).state, ContainerState.CONTAINER_CREATED);
    await runtime.startContainer({ containerId: container });
    const running = await runtime.containerStatus({ containerId: container, verbose: true });
    assert.equal(running.status?.state, ContainerState.CONTAINER_RUNNING);
    assert.equal(running.status?.imageId, imageRef);
    assert.equal(running.status?.imageRef, imageRef);
    const info = JSON.parse(running.info['info'] ?? '');
    const command = () => readFileSync(`/proc/${info.pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
    await until('the pid is that of its process', () => command() === 'sleep 1000');
    assert.deepEqual(info.runtimeSpec.process.args.slice(0, 2), ['sh', '-c']);

    await runtime.stopContainer({ containerId: container, timeout: 0n });
    const stopped = await statusOf(container);
    assert.deepEqual([stopped.state, stopped.exitCode], [ContainerState.CONTAINER_EXITED, 137]);
    assert.ok(stopped.createdAt > 0n && stopped.startedAt >= stopped.createdAt);
    assert.ok(stopped.finishedAt >= stopped.startedAt);
    const log = readFileSync(join(node.folder, 'logs/life/one.log'), 'utf8');
    assert.match(log, /^\S+ stdout F out$/m);
    assert.match(log, /^\S+ stderr F err$/m);

    await runtime.removeContainer({ containerId: container });
    await runtime.stopPodSandbox({ podSandboxId: pod });
    const down = await runtime.podSandboxStatus({ podSandboxId: pod });
    assert.equal(down.status?.state, PodSandboxState.SANDBOX_NOTREADY);
    await runtime.removePodSandbox({ podSandboxId: pod });
    assert.deepEqual(remains(node), before);
  });

  await t.test('exit codes are what the program returned, or the signal that ended it', async () => {
    const pod = await podOf('exits');
    const seven = await ended(await start(pod, 'seven', say('exit 7')));
    assert.deepEqual([seven.exitCode, seven.reason], [7, 'Error']);
    const zero = await ended(await start(pod, 'zero', say('true')));
    assert.deepEqual([zero.exitCode, zero.reason], [0, 'Completed']);
    // The first process of a PID namespace is deaf to signals from inside it.
    const hostPids = { securityContext: { namespaceOptions: { pid: NamespaceMode.NODE } } };
    const killed = await ended(await start(pod, 'killed', { ...say('kill -SEGV $$'), linux: hostPids }));
    assert.deepEqual([killed.exitCode, killed.reason], [139, 'Error']);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('stopping sends the stop signal, has patience, and kills in the end', async () => {
    const pod = await podOf('stops');
    const polite = await start(pod, 'polite', {
      ...say('trap "exit 3" USR1; echo ready; while :; do sleep 0.02; done'),
      stopSignal: Signal.SIGUSR1,
    });
    await logged('stops', 'polite', 1);
    await runtime.stopContainer({ containerId: polite, timeout: 20n });
    assert.equal((await statusOf(polite)).exitCode, 3);
    assert.equal((await statusOf(polite)).stopSignal, Signal.SIGUSR1);
    const deaf = await start(pod, 'deaf', say('trap "" TERM; echo ready; while :; do sleep 0.02; done'));
    await logged('stops', 'deaf', 1);
    const began = performance.now();
    await runtime.stopContainer({ containerId: deaf, timeout: 1n });
    const took = performance.now() - began;
    assert.equal((await statusOf(deaf)).exitCode, 137);
    assert.ok(took >= 1000 && took < 15_000, `${took} ms`);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('stopping and removing what is not there, or twice, succeeds', async () => {
    for (const id of ['0'.repeat(64), 'nothing']) {
      await runtime.stopContainer({ containerId: id, timeout: 1n });
      await runtime.removeContainer({ containerId: id });
      await runtime.stopPodSandbox({ podSandboxId: id });
      await runtime.removePodSandbox({ podSandboxId: id });
    }
    const pod = await podOf('twice');
    const container = await start(pod, 'one');
    await runtime.stopContainer({ containerId: container, timeout: 0n });
    await runtime.stopContainer({ containerId: container, timeout: 0n });
    await runtime.stopPodSandbox({ podSandboxId: pod });
    await runtime.stopPodSandbox({ podSandboxId: pod });
    await runtime.removePodSandbox({ podSandboxId: pod });
    await runtime.removePodSandbox({ podSandboxId: pod });
    await images.removeImage({ image: { image: 'none.example/x:1' } });
  });

  await t.test('asking for what is not there is NotFound', async () => {
    const id = '0'.repeat(64);
    const notFound = { code: status.NOT_FOUND };
    await assert.rejects(runtime.podSandboxStatus({ podSandboxId: id }), notFound);
    await assert.rejects(runtime.containerStatus({ containerId: id }), notFound);
    await assert.rejects(runtime.startContainer({ containerId: id }), notFound);
    await assert.rejects(runtime.execSync({ containerId: id, cmd: ['true'] }), notFound);
    await assert.rejects(runtime.createContainer({ podSandboxId: id, config: {} }), notFound);
  });

  await t.test(
    'a name is taken as long as its pod or container exists, and another attempt is another name',
    async () => {
      const pod = await podOf('taken');
      await assert.rejects(podOf('taken'), {
        code: status.ALREADY_EXISTS,
        details: new RegExp(`pod name taken_default_.*_0 is reserved for ${pod}`),
      });
      const container = await create(pod, 'one');
      await assert.rejects(create(pod, 'one'), { code: status.ALREADY_EXISTS });
      await create(pod, 'one', { metadata: { name: 'one', attempt: 1 } });
      await runtime.removeContainer({ containerId: container });
      await create(pod, 'one');
      await runtime.removePodSandbox({ podSandboxId: pod });
      await runtime.removePodSandbox({ podSandboxId: await podOf('taken') });
    },
  );

  await t.test('an unknown image and an impossible command leave nothing and no reserved name', async () => {
    const pod = await podOf('fails');
    const before = remains(node);
    await assert.rejects(create(pod, 'c', { image: { image: 'none.example/x:1' } }), {
      code: status.NOT_FOUND,
      details: /the image none\.example\/x:1 is not on this node; pull it first/,
    });
    await assert.rejects(start(pod, 'c', { command: ['/no/such/program'] }), /no such file/);
    for (const { id } of (await runtime.listContainers({ filter: { podSandboxId: pod } })).containers)
      await runtime.removeContainer({ containerId: id });
    assert.deepEqual(remains(node), before);
    const container = await start(pod, 'c');
    assert.equal((await statusOf(container)).state, ContainerState.CONTAINER_RUNNING);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('lists are filtered by id, state, pod and labels', async () => {
    const [a, b] = [
      await podOf('list-a', { labels: { tier: 'front', team: 'x' } }),
      await podOf('list-b', { labels: { tier: 'back' } }),
    ];
    const one = await start(a, 'one', { labels: { role: 'web' } });
    const two = await create(b, 'two', { labels: { role: 'db' } });
    await runtime.stopPodSandbox({ podSandboxId: b });
    const pods = async (filter: object) =>
      (await runtime.listPodSandbox({ filter })).items.map(({ id }) => id).sort();
    assert.deepEqual(await pods({}), [a, b].sort());
    assert.deepEqual(await pods({ id: a.slice(0, 13) }), [a]);
    assert.deepEqual(await pods({ state: { state: PodSandboxState.SANDBOX_NOTREADY } }), [b]);
    assert.deepEqual(await pods({ labelSelector: { tier: 'front', team: 'x' } }), [a]);
    assert.deepEqual(await pods({ labelSelector: { tier: 'front', team: 'y' } }), []);
    const containers = async (filter: object) =>
      (await runtime.listContainers({ filter })).containers.map(({ id }) => id).sort();
    assert.deepEqual(await containers({}), [one, two].sort());
    assert.deepEqual(await containers({ podSandboxId: a }), [one]);
    assert.deepEqual(await containers({ state: { state: ContainerState.CONTAINER_EXITED } }), [two]);
    assert.deepEqual(await containers({ labelSelector: { role: 'web' } }), [one]);
    const [streamed] = await runtime.streamContainers({ filter: { id: one } });
    assert.deepEqual(
      streamed?.containers.map(({ id }) => id),
      [one],
    );
    for (const pod of [a, b]) await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('ExecSync gives the output bytes, the exit code, and a deadline', async () => {
    const pod = await podOf('exec');
    const containerId = await start(pod, 'one', { envs: [{ key: 'WHERE', value: Buffer.from('harbour') }] });
    const answer = await runtime.execSync({
      containerId,
      cmd: ['sh', '-c', 'printf "$WHERE\\377"; echo bad >&2; exit 5'],
      timeout: 10n,
    });
    assert.deepEqual(Buffer.from(answer.stdout), Buffer.from('harbour\xff', 'latin1'));
    assert.equal(Buffer.from(answer.stderr).toString(), 'bad\n');
    assert.equal(answer.exitCode, 5);
    await assert.rejects(runtime.execSync({ containerId, cmd: ['sleep', '60'], timeout: 1n }), {
      code: status.DEADLINE_EXCEEDED,
      details: 'command "sleep" timed out after 1 s',
    });
    await runtime.stopContainer({ containerId, timeout: 0n });
    await assert.rejects(runtime.execSync({ containerId, cmd: ['true'] }), {
      code: status.FAILED_PRECONDITION,
    });
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test(
    'a pod that shares its processes has one PID namespace, whose first process reaps',
    async () => {
      const pod = await podOf('shared');
      const shared = { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.POD } } } };
      const one = await start(pod, 'one', { ...shared, ...say('exec sleep 1234') });
      const two = await start(pod, 'two', {
        ...shared,
        ...say('( (sleep 0.05; echo gone) & ); exec sleep 4321'),
      });
      const processes = async () => {
        const seen = await runtime.execSync({ containerId: one, cmd: ['ps', '-o', 'stat,args'] });
        return Buffer.from(seen.stdout).toString();
      };
      const expected = ['/pause', 'sleep 1234', 'sleep 4321'];
      await until('all see each other', async () => {
        const now = await processes();
        return expected.every((line) => now.includes(line));
      });
      await logged('shared', 'two', 1);
      await until('the orphan is gone', async () => !/^Z/m.test(await processes()));
      await runtime.stopContainer({ containerId: two, timeout: 0n });
      assert.equal((await statusOf(one)).state, ContainerState.CONTAINER_RUNNING);
      await runtime.removePodSandbox({ podSandboxId: pod });
    },
  );

  await t.test('a pod whose shared PID namespace has lost its first process is not ready', async () => {
    const pod = await podOf('orphaned');
    const shared = { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.POD } } } };
    const one = await start(pod, 'one', { ...shared, ...say('exec sleep 1000') });
    const { info } = await runtime.containerStatus({ containerId: one, verbose: true });
    const namespace = (pid: string) => readlinkSync(`/proc/${pid}/ns/pid`);
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && commandOf(name) === '/pause');
    const pause = pids.find((pid) => namespace(pid) === namespace(JSON.parse(info['info'] ?? '').pid));
    process.kill(Number(pause ?? assert.fail('there is no pause process')), 'SIGKILL');
    assert.equal((await ended(one)).exitCode, 137);
    await until('the pod is not ready', async () => {
      const { status: now } = await runtime.podSandboxStatus({ podSandboxId: pod });
      return now?.state === PodSandboxState.SANDBOX_NOTREADY;
    });
    await assert.rejects(create(pod, 'two', shared), { code: status.FAILED_PRECONDITION });
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('a WebSocket client reaches the ports that PortForward named', async () => {
    const pod = await podOf('ports');
    await start(pod, 'one', say('echo ready; exec nc -ll -p 7000 -e echo hello from the pod'));
    await logged('ports', 'one', 1);
    const { url } = await runtime.portForward({ podSandboxId: pod, port: [7000] });
    const socket = new WebSocket(url.replace('http:', 'ws:'), 'v4.channel.k8s.io');
    let heard = '';
    socket.on('message', (data) => (heard += String(data)));
    socket.on('error', (error) => (heard += error.message));
    await until('the pod has answered', () => heard.includes('hello from the pod') || /response/.test(heard));
    socket.terminate();
    assert.match(heard, /hello from the pod\n/);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('patience beyond what a timer holds is patience', async () => {
    const pod = await podOf('patient');
    const containerId = await start(
      pod,
      'one',
      say('trap "sleep 0.3; exit 3" TERM; echo ready; while :; do sleep 0.02; done'),
    );
    await logged('patient', 'one', 1);
    await runtime.stopContainer({ containerId, timeout: 3_000_000n });
    assert.equal((await statusOf(containerId)).exitCode, 3);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('ExecSync gives no more than the kubelet takes in one message', async () => {
    const pod = await podOf('flood');
    const containerId = await start(pod, 'one');
    const cmd = ['sh', '-c', 'head -c 20000000 /dev/zero; head -c 20000000 /dev/zero >&2'];
    const answer = await runtime.execSync({ containerId, cmd, timeout: 60n });
    const bytes = toBinary(ExecSyncResponseSchema, answer).length;
    assert.ok(bytes <= 16 * 1024 * 1024 && bytes > 15 * 1024 * 1024, `${bytes} bytes`);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('the kubelet may rotate a log', async () => {
    const pod = await podOf('rotate');
    const containerId = await start(
      pod,
      'one',
      say('n=0; while :; do n=$((n+1)); echo $n; sleep 0.005; done'),
    );
    const path = join(node.folder, 'logs/rotate/one.log');
    await logged('rotate', 'one', 20);
    renameSync(path, `${path}.1`);
    await runtime.reopenContainerLog({ containerId });
    await logged('rotate', 'one', 20);
    await runtime.stopContainer({ containerId, timeout: 0n });
    const text = readFileSync(`${path}.1`, 'utf8') + readFileSync(path, 'utf8');
    const numbers = text
      .trimEnd()
      .split('\n')
      .map((line) => Number(line.split(' ')[3]));
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => index + 1),
    );
    assert.ok(numbers.length >= 40);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('requests that make no sense are refused before anything is made', async () => {
    const refused = { code: status.INVALID_ARGUMENT };
    await assert.rejects(runtime.runPodSandbox({}), refused);
    await assert.rejects(podOf('bad', { hostname: 'a\nb' }), refused);
    await assert.rejects(
      runtime.runPodSandbox({ config: node.podConfig('bad'), runtimeHandler: 'none' }),
      refused,
    );
    const pod = await podOf('good');
    await assert.rejects(create(pod, 'c', { logPath: '../../escape.log' }), refused);
    await assert.rejects(create(pod, 'c', { metadata: { name: '' } }), refused);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('an image in use stays usable for its containers, and goes when asked', async () => {
    const pod = await podOf('image');
    const containerId = await start(pod, 'one');
    await images.removeImage({ image: { image } });
    assert.deepEqual((await images.listImages({})).images, []);
    const answer = await runtime.execSync({ containerId, cmd: ['cat', '/etc/group'] });
    assert.equal(answer.exitCode, 0);
    await runtime.removePodSandbox({ podSandboxId: pod });
    const { imageFilesystems } = await images.imageFsInfo();
    assert.ok((imageFilesystems[0]?.fsId?.mountpoint ?? '') !== '');
  });

  assert.deepEqual(remains(node), nothing);
});
