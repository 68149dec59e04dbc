import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Lifetime, startNode, type TestNode } from '../../test/harness/node.ts';
import { buildRelease, onNode } from '../../test/harness/release.ts';
import { newPeer, type Peer } from './peer.ts';

const FOLDER = resolve(import.meta.dirname, '../../node_modules/.cache/berth-bench/release');

export interface Berth extends Peer {
  readonly node: TestNode;
}

/** This checkout's release, as it runs on a node; `profileFolder`: where V8's CPU profiles are written at its end. */
export const startBerth = async (
  lifetime: Lifetime,
  registries: string,
  profileFolder?: string,
): Promise<Berth> => {
  const profile =
    profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(profileFolder)}`];
  const { flags, env } = onNode;
  const release = { folder: await buildRelease(FOLDER), flags: [...flags, ...profile], env };
  const node = await startNode(lifetime, { registries, logLevel: 'info', release });
  const peer = newPeer({
    name: 'berth',
    folder: node.folder,
    runtime: node.runtime,
    images: node.images,
    cgroupParent: `/berth-test-${node.name}`,
    processes: () => [node.daemon.pid, node.shim.pid, holderOf(node)].filter((pid) => pid !== undefined),
  });
  return { ...peer, node };
};

/** The process that keeps descriptors for the shim where there is no systemd to do it. */
const holderOf = (node: TestNode): number | undefined => {
  const { pid } = JSON.parse(readFileSync(join(node.runRoot, 'shim/holder.json'), 'utf8'));
  return typeof pid === 'number' ? pid : undefined;
};
