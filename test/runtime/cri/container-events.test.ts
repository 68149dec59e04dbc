import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type ClientHttp2Stream, connect as http2Connect } from 'node:http2';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { create } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { type ContainerRecord, openContainers } from '../../../runtime/containers/record.ts';
import { containerEvents, createContainerEvents } from '../../../runtime/cri/container-events.ts';
import { getContainerEvents } from '../../../runtime/cri/get-container-events.ts';
import { implement, serve } from '../../../runtime/cri/transport.ts';
import { createLog } from '../../../runtime/observe/log.ts';
import { openPods, type PodRecord } from '../../../runtime/pods/record.ts';
import {
  ContainerConfigSchema,
  type ContainerEventResponse,
  ContainerEventType,
  ContainerState,
  PodSandboxConfigSchema,
  PodSandboxState,
  RuntimeService,
} from '../../../runtime/spec/cri/api_pb.js';
import { say, startBusyboxNode, until } from '../../harness/busybox-node.ts';
import { type Client, connectTo } from '../../harness/cri-client.ts';
import { crictlPath } from '../../harness/node.ts';

/** A subscription that stands; what it got so far, and how it ended. */
const subscribe = async (runtime: Client<typeof RuntimeService>, keep = true) => {
  const events: ContainerEventResponse[] = [];
  let count = 0;
  const client = new AbortController();
  const connected = Promise.withResolvers<void>();
  const ended = runtime
    .getContainerEvents(
      {},
      {
        signal: client.signal,
        onConnected: connected.resolve,
        onMessage: (event) => {
          count += 1;
          if (keep) events.push(event as ContainerEventResponse);
        },
      },
    )
    .then(
      () => 'ended',
      (error: { code: number; details: string }) => error,
    );
  await connected.promise;
  return { events, count: () => count, ended, leave: () => client.abort() };
};

const told = (events: readonly ContainerEventResponse[], names: Readonly<Record<string, string>>) =>
  events.map(
    ({ containerId, containerEventType }) =>
      `${names[containerId] ?? containerId} ${ContainerEventType[containerEventType]}`,
  );

test('events of a node tell what becomes of pods and containers', async (t) => {
  const { node, podOf, start, create: createOne, ended } = await startBusyboxNode(t);
  const { runtime } = node;

  await t.test('the life of a pod with a container, each step with all statuses at that moment', async () => {
    const one = await subscribe(runtime);
    const two = await subscribe(runtime);
    const pod = await podOf('life');
    const container = await createOne(pod, 'one', say('sleep 0.5; exit 3'));
    await runtime.startContainer({ containerId: container });
    await ended(container);
    await runtime.removeContainer({ containerId: container });
    await runtime.stopPodSandbox({ podSandboxId: pod });
    await runtime.removePodSandbox({ podSandboxId: pod });
    await until('all is told to both', () => one.events.length === 8 && two.events.length === 8);
    assert.deepEqual(told(one.events, { [pod]: 'pod', [container]: 'container' }), [
      'pod CONTAINER_CREATED_EVENT',
      'pod CONTAINER_STARTED_EVENT',
      'container CONTAINER_CREATED_EVENT',
      'container CONTAINER_STARTED_EVENT',
      'container CONTAINER_STOPPED_EVENT',
      'container CONTAINER_DELETED_EVENT',
      'pod CONTAINER_STOPPED_EVENT',
      'pod CONTAINER_DELETED_EVENT',
    ]);
    assert.deepEqual(two.events, one.events);
    assert.deepEqual(
      one.events.map(({ podSandboxStatus, containersStatuses }) => [
        podSandboxStatus?.metadata?.uid,
        PodSandboxState[podSandboxStatus?.state ?? -1],
        containersStatuses.map(({ id, state, exitCode }) => [id, ContainerState[state], exitCode]),
      ]),
      [
        [`${node.name}-life`, 'SANDBOX_READY', []],
        [`${node.name}-life`, 'SANDBOX_READY', []],
        [`${node.name}-life`, 'SANDBOX_READY', [[container, 'CONTAINER_CREATED', 0]]],
        [`${node.name}-life`, 'SANDBOX_READY', [[container, 'CONTAINER_RUNNING', 0]]],
        [`${node.name}-life`, 'SANDBOX_READY', [[container, 'CONTAINER_EXITED', 3]]],
        [`${node.name}-life`, 'SANDBOX_READY', []],
        [`${node.name}-life`, 'SANDBOX_NOTREADY', []],
        [`${node.name}-life`, 'SANDBOX_NOTREADY', []],
      ],
    );
    const [first, ...others] = one.events.map(({ createdAt }) => createdAt);
    assert.ok(first !== undefined && first > 10n ** 18n, 'nanoseconds');
    others.reduce((before, after) => {
      assert.ok(after >= before, 'the kubelet drops what is older than what it knows');
      return after;
    }, first);
    one.leave();
    two.leave();
  });

  await t.test('a container that ends before its start is answered was started all the same', async () => {
    const pod = await podOf('brief');
    const { events, leave } = await subscribe(runtime);
    const names: Record<string, string> = {};
    for (let round = 0; round < 8; round += 1) {
      const container = await createOne(pod, `one-${round}`, say('exit 3'));
      names[container] = String(round);
      await runtime.startContainer({ containerId: container });
      await ended(container);
    }
    await until('all is told', () => events.length === 24);
    assert.deepEqual(
      told(events, names),
      Object.values(names).flatMap((name) => [
        `${name} CONTAINER_CREATED_EVENT`,
        `${name} CONTAINER_STARTED_EVENT`,
        `${name} CONTAINER_STOPPED_EVENT`,
      ]),
    );
    await runtime.removePodSandbox({ podSandboxId: pod });
    leave();
  });

  await t.test('what cannot be made is not told of', async () => {
    const { events, leave } = await subscribe(runtime);
    const pod = await podOf('fails');
    await assert.rejects(createOne(pod, 'bad', { workingDir: '/proc/self/fd/7' }), {
      code: status.INVALID_ARGUMENT,
    });
    await runtime.removePodSandbox({ podSandboxId: pod });
    await until('the pod is gone', () => events.length === 4);
    assert.deepEqual(new Set(events.map(({ containerId }) => containerId)), new Set([pod]));
    leave();
  });

  await t.test('crictl events follows', async (inner) => {
    const following = spawn(crictlPath(), [...node.crictlArgs, 'events']);
    inner.after(() => following.kill('SIGKILL'));
    let heard = '';
    following.stdout.on('data', (text) => (heard += String(text)));
    let pod = '';
    await until('it has connected and hears of a pod', async () => {
      pod = await podOf('heard');
      await runtime.removePodSandbox({ podSandboxId: pod });
      await pause(200);
      return heard.includes(pod);
    });
    assert.match(heard, /CONTAINER_DELETED_EVENT/);
  });

  await t.test(
    'SIGTERM ends the streams at once, without an error, and a new daemon serves new ones',
    async () => {
      const pod = await podOf('outlives');
      const container = await start(pod, 'one', say('exec sleep 1000'));
      const { ended: over } = await subscribe(runtime);
      const began = performance.now();
      await node.daemon.kill('SIGTERM');
      assert.equal(await over, 'ended');
      assert.ok(performance.now() - began < 3000);
      await node.daemon.start();
      const { events, leave } = await subscribe(runtime);
      await runtime.stopContainer({ containerId: container, timeout: 0n });
      await until('the end is told', () => events.length === 1);
      assert.deepEqual(told(events, { [container]: 'container' }), ['container CONTAINER_STOPPED_EVENT']);
      leave();
      await runtime.removePodSandbox({ podSandboxId: pod });
    },
  );
});

/** A server of events alone, over collections that the test fills. */
const servingEvents = async (t: TestContext, enablePodEvents = true) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-events-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const pods = openPods(join(folder, 'pods'));
  const containers = openContainers(join(folder, 'containers'));
  const events = createContainerEvents(pods, containers);
  const listen = join(folder, 'cri.sock');
  const daemon = { events, config: { enablePodEvents } } as Parameters<typeof getContainerEvents>[0];
  const server = await serve({
    listen,
    maxMessageBytes: 16 * 1024 * 1024,
    implementations: [
      implement(RuntimeService, {
        getContainerEvents: (request, call) => getContainerEvents(daemon, request, call),
      }),
    ],
    log: createLog({ level: 'fatal', write: () => {}, journal: false }),
  });
  const runtime = connectTo(RuntimeService, listen);
  t.after(async () => {
    events.close();
    runtime.close();
    await server.close(100);
  });
  return { pods, containers, events, runtime, listen };
};

/** With an annotation of some size, so that what is kept for a subscriber shows in memory. */
const podRecord = (id: string): PodRecord => ({
  version: 1,
  id,
  config: create(PodSandboxConfigSchema, {
    metadata: { name: id, namespace: 'default', uid: id },
    annotations: { padding: randomBytes(30_000).toString('hex') },
  }),
  runtimeHandler: '',
  namespaces: {},
  pauseStarted: false,
  network: null,
  createdAtNs: 1n,
  readyAtNs: 1n,
  stoppingAtNs: null,
  stoppedAtNs: null,
});

/** A client that subscribes and then reads nothing. */
const subscribeAndRest = async (t: TestContext, socketPath: string): Promise<ClientHttp2Stream> => {
  const session = http2Connect('http://localhost', { createConnection: () => connect(socketPath) });
  session.on('error', () => {});
  t.after(() => session.destroy());
  const stream = session.request({
    ':method': 'POST',
    ':path': `/${RuntimeService.typeName}/GetContainerEvents`,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const connected = once(stream, 'response');
  stream.end(Buffer.alloc(5)); // an empty message
  await connected;
  return stream;
};

/** What is reachable, here and behind buffers: what lies behind those that one collection found goes with the next. */
const memoryMb = async (): Promise<number> => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  for (let round = 0; round < 3; round += 1) {
    collect();
    await pause(50);
  }
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1e6;
};

test('a subscriber that does not read costs no memory, hurts nobody, and is told when it reads again', async (t) => {
  const { pods, runtime, listen } = await servingEvents(t);
  const reader = await subscribe(runtime, false);
  const resting = await subscribeAndRest(t, listen);
  const before = await memoryMb();
  const rounds = 1500;
  for (let round = 1; round <= rounds; round += 1) {
    pods.add(podRecord(String(round)));
    pods.remove(String(round));
    await until('the reader keeps up', () => reader.count() >= round * 3 - 100);
  }
  await until('the reader has all', () => reader.count() === rounds * 3);
  const grown = (await memoryMb()) - before;
  assert.ok(grown < 10, `${grown} MB`);

  const over = once(resting, 'trailers');
  resting.resume();
  const [trailers] = await over;
  assert.equal(trailers['grpc-status'], String(status.RESOURCE_EXHAUSTED));
  assert.match(
    decodeURI(String(trailers['grpc-message'])),
    /more than 1000 events behind; list pods and containers, and subscribe again/,
  );
  reader.leave();
});

test('a subscriber that has gone is forgotten', async (t) => {
  const { pods, runtime, events } = await servingEvents(t);
  for (let round = 0; round < 50; round += 1) (await subscribe(runtime)).leave();
  const last = await subscribe(runtime);
  await until('only one is left', () => events.subscribers === 1);
  pods.add(podRecord('p'));
  await until('it is told', () => last.events.length === 2);
  last.leave();
  await until('none is left', () => events.subscribers === 0);
});

test('where enable_pod_events is false, subscribing says so', async (t) => {
  const { runtime } = await servingEvents(t, false);
  await assert.rejects(runtime.getContainerEvents(), {
    code: status.UNIMPLEMENTED,
    details: /switched off on this node; set enable_pod_events = true in \[crio.runtime\]/,
  });
});

const containerRecord = (changes: Partial<ContainerRecord>): ContainerRecord => ({
  version: 1,
  id: 'c',
  podId: 'p',
  config: create(ContainerConfigSchema),
  imageName: 'i',
  imageId: `sha256:${'0'.repeat(64)}`,
  runtime: ['runc'],
  logPath: null,
  stopSignal: 15,
  user: { uid: 0, gid: 0, additionalGids: [] },
  requestedAtNs: 1n,
  createdAtNs: 1n,
  pid: 1,
  startedAtNs: null,
  exit: null,
  failure: null,
  ...changes,
});

test('a state that was passed unseen is told of all the same', () => {
  const exit = { exitCode: 0, finishedAtNs: '3', oomKilled: false, reason: 'Exited' } as const;
  const [made, running, ended, failed] = [
    containerRecord({}),
    containerRecord({ startedAtNs: 2n }),
    containerRecord({ startedAtNs: 2n, exit }),
    containerRecord({ exit }),
  ];
  const making = containerRecord({ createdAtNs: null });
  const names = (before: ContainerRecord | undefined, after: ContainerRecord | undefined) =>
    containerEvents(before, after).map((type) => ContainerEventType[type].split('_')[1]);
  assert.deepEqual(names(undefined, making), []);
  assert.deepEqual(names(making, undefined), []);
  assert.deepEqual(names(making, made), ['CREATED']);
  assert.deepEqual(names(made, { ...made, pid: 2 }), []);
  assert.deepEqual(names(made, running), ['STARTED']);
  assert.deepEqual(names(made, ended), ['STARTED', 'STOPPED']);
  assert.deepEqual(names(made, failed), ['STOPPED']);
  assert.deepEqual(names(making, ended), ['CREATED', 'STARTED', 'STOPPED']);
  assert.deepEqual(names(running, ended), ['STOPPED']);
  assert.deepEqual(names(ended, undefined), ['DELETED']);
});
