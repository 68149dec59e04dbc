import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ContainerState, NamespaceMode } from '../../runtime/spec/cri/api_pb.js';
import type { OciImageConfig } from '../../runtime/spec/oci/image.ts';
import { startBusyboxRegistry } from './busybox-image.ts';
import {
  type ContainerConfig,
  type Lifetime,
  type NodeOptions,
  type PodConfig,
  startNode,
  type TestNode,
} from './node.ts';

export const ownPids = { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } };

/** A node with the image pulled, and ways to say things shortly. */
export const startBusyboxNode = async (
  t: Lifetime,
  options: NodeOptions = {},
  imageConfig?: OciImageConfig['config'],
) => {
  const { registry, image, registries } = await startBusyboxRegistry(imageConfig);
  t.after(() => registry.stop());
  const node = await startNode(t, { registries, ...options });
  const { imageRef } = await node.images.pullImage({ image: { image } });
  const podOf = async (name: string, changes: PodConfig = {}) =>
    (await node.runtime.runPodSandbox({ config: node.podConfig(name, changes) })).podSandboxId;
  const create = async (podSandboxId: string, name: string, config: ContainerConfig = {}) => {
    const whole = {
      metadata: { name, attempt: 0 },
      image: { image },
      logPath: `${name}.log`,
      linux: ownPids,
      ...config,
    };
    return (await node.runtime.createContainer({ podSandboxId, config: whole })).containerId;
  };
  const start = async (podSandboxId: string, name: string, config: ContainerConfig = {}) => {
    const containerId = await create(podSandboxId, name, config);
    await node.runtime.startContainer({ containerId });
    return containerId;
  };
  const statusOf = async (containerId: string) => {
    const answer = await node.runtime.containerStatus({ containerId });
    assert.ok(answer.status);
    return answer.status;
  };
  const ended = async (containerId: string) => {
    let now = await statusOf(containerId);
    await until(`container ${containerId} has ended`, async () => {
      now = await statusOf(containerId);
      return now.state === ContainerState.CONTAINER_EXITED;
    });
    return now;
  };
  /** Waits until the container's log has that many lines, and gives it. */
  const logged = async (pod: string, name: string, lines: number): Promise<string> => {
    const path = join(node.folder, 'logs', pod, `${name}.log`);
    const text = () => (existsSync(path) ? readFileSync(path, 'utf8') : '');
    await until(`${path} has ${lines} lines`, () => text().split('\n').length > lines);
    return text();
  };
  return { node, image, imageRef, podOf, create, start, statusOf, ended, logged };
};

const PATIENCE_MS = 20_000;

/** Waits until it is so; a busy machine may take its time. */
export const until = async (what: string, isSo: () => boolean | Promise<boolean>): Promise<void> => {
  for (const deadline = Date.now() + PATIENCE_MS; !(await isSo()); await pause(10))
    if (Date.now() > deadline) throw new Error(`waited ${PATIENCE_MS} ms in vain until ${what}`);
};

/** What of pods and containers is in the kernel and in files. */
export const remains = (node: TestNode) => ({
  pods: readdirSync(join(node.runRoot, 'pods')),
  containers: readdirSync(join(node.runRoot, 'containers')),
  namespaces: existsSync(join(node.runRoot, 'namespaces'))
    ? readdirSync(join(node.runRoot, 'namespaces'))
    : [],
  layers: existsSync(join(node.root, 'containers')) ? readdirSync(join(node.root, 'containers')) : [],
  mounts: readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(`${node.folder}/`) && !line.includes(` ${node.runRoot} `)),
});
export const nothing = { pods: [], containers: [], namespaces: [], layers: [], mounts: [] };

/** A container that runs this shell script. */
export const say = (script: string): ContainerConfig => ({ command: ['sh', '-c', script] });
