import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import {
  create,
  type DescMethod,
  fromBinary,
  type Message,
  toBinary,
  toJsonString,
} from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import {
  ImageService,
  NamespaceMode,
  RemoveContainerRequestSchema,
  RemovePodSandboxRequestSchema,
  RuntimeService,
} from '../../../runtime/spec/cri/api_pb.js';
import { nothing, remains, startBusyboxNode } from '../../harness/busybox-node.ts';
import { mutate, mutateBytes, randomFrom } from './mutate-request.ts';

/** BERTH_TEST_SEED and BERTH_TEST_MUTANTS walk elsewhere, or farther; BERTH_TEST_MUTANT sends that one alone. */
const SEED = Number(process.env['BERTH_TEST_SEED'] ?? 1);
const MUTANTS = Number(process.env['BERTH_TEST_MUTANTS'] ?? 10_000);
const ONLY = process.env['BERTH_TEST_MUTANT'];
const AT_ONCE = 8;

const METHODS = [...RuntimeService.methods, ...ImageService.methods];

/** Those that make something when they succeed take time: what they are asked less often, others are asked more. */
const SHARES: Readonly<Record<string, number>> = {
  runPodSandbox: 5,
  createContainer: 16,
  execSync: 4,
  pullImage: 2,
};
const DECK = METHODS.flatMap((method) => Array.from({ length: SHARES[method.localName] ?? 8 }, () => method));

test(`${MUTANTS} requests that are nearly right get an answer or a reason, and leave nothing`, async (t) => {
  const { node, image, imageRef, podOf, start } = await startBusyboxNode(t);
  t.diagnostic(`seed ${SEED}`);
  const podSandboxId = await podOf('stays');
  /** What is made in one pod is made one after the other. */
  const others = await Promise.all(['a', 'b', 'c'].map((name) => podOf(name)));
  const containerId = await start(podSandboxId, 'stays');
  const nobody = '0'.repeat(64);
  const folder = join(node.folder, 'volume');
  mkdirSync(folder);

  const podConfig = (name: string) => ({
    ...node.podConfig(name),
    dnsConfig: { servers: ['10.0.0.10'], searches: ['example.com'], options: ['ndots:5'] },
    portMappings: [{ protocol: 0, containerPort: 80, hostPort: 0, hostIp: '' }],
    labels: { app: name },
    annotations: { 'kubernetes.io/ingress-bandwidth': '1M', note: 'x' },
    linux: {
      ...node.podConfig(name).linux,
      sysctls: { 'net.ipv4.ip_forward': '1', 'kernel.shm_rmid_forced': '1' },
      overhead: { cpuShares: 2n },
      resources: { cpuShares: 128n, memoryLimitInBytes: 10n ** 8n },
    },
  });
  const filter = { id: containerId, podSandboxId, labelSelector: { app: 'x' }, state: { state: 1 } };
  const limits = {
    cpuShares: 128n,
    cpuPeriod: 100_000n,
    cpuQuota: 50_000n,
    memoryLimitInBytes: 10n ** 8n,
    oomScoreAdj: 500n,
  };
  /** For each method a request that would be answered, or would be if there were such a pod. */
  const templates: Readonly<Record<string, (number: number) => Record<string, unknown>>> = {
    version: () => ({ version: 'v1' }),
    runPodSandbox: (number) => ({ config: podConfig(`mutant-${number}`), runtimeHandler: 'runc' }),
    stopPodSandbox: () => ({ podSandboxId: nobody }),
    removePodSandbox: () => ({ podSandboxId: nobody }),
    podSandboxStatus: () => ({ podSandboxId, verbose: true }),
    listPodSandbox: () => ({ filter: { ...filter, id: podSandboxId } }),
    streamPodSandboxes: () => ({ filter: { ...filter, id: podSandboxId } }),
    createContainer: (number) => ({
      podSandboxId: others[number % others.length],
      config: {
        metadata: { name: `mutant-${number}`, attempt: 1 },
        image: { image, annotations: { a: 'b' } },
        command: ['sleep'],
        args: ['1000'],
        workingDir: '/tmp',
        envs: [{ key: 'A', value: Buffer.from('b') }],
        mounts: [{ containerPath: '/volume', hostPath: folder, readonly: true, mountOptions: [] }],
        devices: [{ containerPath: '/dev/nothing', hostPath: '/dev/null', permissions: 'rw' }],
        labels: { app: 'x' },
        annotations: { note: 'x' },
        logPath: `mutant-${number}.log`,
        stopSignal: 23,
        linux: {
          resources: { ...limits, cpusetCpus: '0', hugepageLimits: [{ pageSize: '2MB', limit: 0n }] },
          securityContext: {
            capabilities: { addCapabilities: ['NET_RAW'], dropCapabilities: ['KILL'] },
            namespaceOptions: { pid: NamespaceMode.CONTAINER },
            runAsUser: { value: 1200n },
            runAsGroup: { value: 1300n },
            supplementalGroups: [1400n],
            maskedPaths: ['/proc/kcore'],
            readonlyPaths: ['/proc/sys'],
            seccomp: { profileType: 0 },
            noNewPrivs: true,
          },
        },
      },
      sandboxConfig: podConfig('stays'),
    }),
    startContainer: () => ({ containerId: nobody }),
    stopContainer: () => ({ containerId: nobody, timeout: 1n }),
    removeContainer: () => ({ containerId: nobody }),
    listContainers: () => ({ filter }),
    streamContainers: () => ({ filter }),
    containerStatus: () => ({ containerId, verbose: true }),
    updateContainerResources: () => ({ containerId, linux: limits, annotations: { a: 'b' } }),
    reopenContainerLog: () => ({ containerId }),
    execSync: () => ({ containerId, cmd: ['true', 'x'], timeout: 5n }),
    exec: () => ({ containerId, cmd: ['true'], tty: false, stdin: true, stdout: true, stderr: true }),
    attach: () => ({ containerId, tty: false, stdin: true, stdout: true, stderr: true }),
    portForward: () => ({ podSandboxId, port: [80] }),
    containerStats: () => ({ containerId }),
    listContainerStats: () => ({ filter }),
    streamContainerStats: () => ({ filter }),
    podSandboxStats: () => ({ podSandboxId }),
    listPodSandboxStats: () => ({ filter: { ...filter, id: podSandboxId } }),
    streamPodSandboxStats: () => ({ filter: { ...filter, id: podSandboxId } }),
    updateRuntimeConfig: () => ({ runtimeConfig: { networkConfig: { podCidr: '10.0.0.0/24' } } }),
    status: () => ({ verbose: true }),
    checkpointContainer: () => ({ containerId, location: '/none', timeout: 1n }),
    checkpointPod: () => ({ podSandboxId, outputPath: '/none', containerIds: [containerId] }),
    restorePod: () => ({ config: podConfig('restored') }),
    getContainerEvents: () => ({}),
    listMetricDescriptors: () => ({}),
    listPodSandboxMetrics: () => ({}),
    streamPodSandboxMetrics: () => ({}),
    runtimeConfig: () => ({}),
    updatePodSandboxResources: () => ({ podSandboxId, overhead: { cpuShares: 2n }, resources: limits }),
    listImages: () => ({ filter: { image: { image, annotations: { a: 'b' } } } }),
    streamImages: () => ({ filter: { image: { image } } }),
    imageStatus: () => ({ image: { image }, verbose: true }),
    pullImage: () => ({
      image: { image: `${image}-none` },
      auth: { username: 'u', password: 'p' },
      sandboxConfig: podConfig('stays'),
    }),
    removeImage: () => ({ image: { image: 'none.example/x:1' } }),
    imageFsInfo: () => ({}),
  };

  const client = new grpc.Client(`unix:${node.socket}`, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': 80 * 1024 * 1024,
  });
  t.after(async () => client.close());

  const mutant = (number: number) => {
    const random = randomFrom(SEED * 1_000_003 + number);
    const method = DECK[random(DECK.length)] ?? assert.fail();
    const template = templates[method.localName] ?? assert.fail(`no request for ${method.name}`);
    const message: Message = create(method.input, template(number));
    if (random(12) === 0) {
      const bytes = mutateBytes(toBinary(method.input, message), random);
      // What can still be read may have come to say anything, a folder to be made in / for one.
      if (!isReadable(method, bytes)) return { method, fields: [method.input.name], bytes };
    }
    const fields = mutate(method.input, message, random);
    return { method, fields, bytes: toBinary(method.input, message) };
  };

  const counts = new Map<string, number>();
  const complaints: string[] = [];
  const send = async (number: number): Promise<void> => {
    const { method, fields, bytes } = mutant(number);
    const began = performance.now();
    const { code, details, answer } = await answerTo(client, method, bytes);
    const took = performance.now() - began;
    const name = grpc.status[code] ?? String(code);
    counts.set(name, (counts.get(name) ?? 0) + 1);
    const left = code === grpc.status.OK ? await notRemoved(method, answer) : undefined;
    const why = left ?? complaintOf(fields, code, details, took);
    if (why === undefined) return;
    complaints.push(
      `${why}\n  BERTH_TEST_SEED=${SEED} BERTH_TEST_MUTANT=${number} ${method.name} ${fields.join(' ')}: ${name} ${details.slice(0, 500)}` +
        (ONLY === undefined ? '' : `\n  ${asText(method, bytes)}`),
    );
  };

  /** Takes away what was made, so that the lists stay short and fast; why it could not, else undefined. */
  const notRemoved = async (method: DescMethod, answer: Uint8Array): Promise<string | undefined> => {
    try {
      if (method.localName === 'runPodSandbox')
        await node.runtime.removePodSandbox(fromBinary(RemovePodSandboxRequestSchema, answer));
      if (method.localName === 'createContainer')
        await node.runtime.removeContainer(fromBinary(RemoveContainerRequestSchema, answer));
      return undefined;
    } catch (error) {
      return `what it made cannot be removed: ${String(error)}`;
    }
  };

  const numbers =
    ONLY === undefined ? Array.from({ length: MUTANTS }, (_, number) => number) : ONLY.split(',').map(Number);
  const before = { files: filesOf(node.daemon.pid), shim: filesOf(node.shim.pid), pid: node.daemon.pid };
  const queue = numbers.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const number of queue) await send(number);
    }),
  );
  t.diagnostic([...counts].map(([name, count]) => `${name} ${count}`).join(', '));
  assert.equal(
    complaints.length,
    0,
    `${complaints.length} answers are wrong:\n${complaints.slice(0, 40).join('\n')}`,
  );

  assert.equal(node.daemon.pid, before.pid);
  const { status } = await node.runtime.containerStatus({ containerId });
  assert.equal(status?.imageId, imageRef);
  for (const { id } of (await node.runtime.listPodSandbox({})).items)
    await node.runtime.removePodSandbox({ podSandboxId: id });
  assert.deepEqual(remains(node), nothing);
  assert.deepEqual(existsSync(join(node.runRoot, 'runc')) ? readdirSync(join(node.runRoot, 'runc')) : [], []);
  assert.deepEqual(readdirSync(join(node.runRoot, 'shim', 'containers')), []);
  assert.deepEqual(readdirSync(folder), []);
  assert.ok(
    filesOf(node.daemon.pid) <= before.files + 5,
    `${before.files} files became ${filesOf(node.daemon.pid)}`,
  );
  assert.ok(filesOf(node.shim.pid) <= before.shim, `${before.shim} files became ${filesOf(node.shim.pid)}`);
});

const filesOf = (pid: number | undefined): number => readdirSync(`/proc/${pid}/fd`).length;

const asText = (method: DescMethod, bytes: Uint8Array): string => {
  try {
    return toJsonString(method.input, fromBinary(method.input, bytes)).slice(0, 4000);
  } catch (error) {
    return String(error);
  }
};

const PATIENCE_MS = 60_000;

interface Answer {
  readonly code: grpc.status;
  readonly details: string;
  readonly answer: Uint8Array;
}

const NOTHING = new Uint8Array();

const answerTo = (client: grpc.Client, method: DescMethod, bytes: Uint8Array): Promise<Answer> => {
  const path = `/${method.parent.typeName}/${method.name}`;
  const same = (buffer: Buffer) => buffer;
  const request = [path, same, same, Buffer.from(bytes), new grpc.Metadata()] as const;
  const endless = method.localName === 'getContainerEvents';
  const options = { deadline: Date.now() + (endless ? 100 : PATIENCE_MS) };
  return new Promise((resolve) => {
    if (method.methodKind === 'unary') {
      client.makeUnaryRequest(...request, options, (error, answer = Buffer.alloc(0)) =>
        resolve({ code: error?.code ?? grpc.status.OK, details: error?.details ?? '', answer }),
      );
      return;
    }
    const stream = client.makeServerStreamRequest(...request, options);
    stream.on('data', () => {});
    stream.on('error', () => {});
    stream.on('status', ({ code, details }) => {
      const stillThere = endless && code === grpc.status.DEADLINE_EXCEEDED;
      resolve({ code: stillThere ? grpc.status.OK : code, details, answer: NOTHING });
    });
  });
};

const isReadable = (method: DescMethod, bytes: Uint8Array): boolean => {
  try {
    fromBinary(method.input, bytes);
    return true;
  } catch {
    return false;
  }
};

const NEVER: ReadonlySet<grpc.status> = new Set([
  grpc.status.INTERNAL,
  grpc.status.UNKNOWN,
  grpc.status.DATA_LOSS,
  grpc.status.CANCELLED,
  grpc.status.DEADLINE_EXCEEDED,
  grpc.status.ABORTED,
  grpc.status.UNAVAILABLE,
]);

/** A mutant may give a command a second, which on a busy machine is not enough for it. */
const isOwnTimeout = (fields: readonly string[], details: string): boolean =>
  fields.some((field) => field.endsWith('.timeout')) && / timed out after \d+ s$/.test(details);

/** What is wrong with this answer to a bad request; undefined: nothing. */
const complaintOf = (
  fields: readonly string[],
  code: grpc.status,
  details: string,
  tookMs: number,
): string | undefined => {
  if (tookMs > 20_000) return `it took ${tookMs} ms`;
  if (isOwnTimeout(fields, details)) return undefined;
  if (NEVER.has(code)) return 'that is no answer to a bad request';
  if (code !== grpc.status.OK && details === '') return 'it says nothing';
  if (code === grpc.status.INVALID_ARGUMENT && !namesOneOf(fields, details))
    return 'it does not name the field';
  return undefined;
};

/** `RunPodSandboxRequest.config.stop_signal` is named by `config`, or by the words `stop signal`; bytes by their type. */
const namesOneOf = (fields: readonly string[], details: string): boolean => {
  const text = details.toLowerCase();
  const names = fields.flatMap((field) => field.toLowerCase().split('.'));
  return names.some((name) => name.split('_').every((word) => text.includes(word.replace(/s$/, ''))));
};
