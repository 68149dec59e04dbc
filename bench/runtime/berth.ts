import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type Lifetime, startNode, type TestNode } from '../../test/harness/node.ts';
import { newPeer, type Peer } from './peer.ts';

const run = promisify(execFile);
const CHECKOUT = resolve(import.meta.dirname, '../..');

/** As berthd.service and berth-shim.service have it. */
const FLAGS = ['--max-semi-space-size=1'];
const ENVIRONMENT = { MALLOC_ARENA_MAX: '1' };

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
  const release = { folder: await buildRelease(), flags: [...FLAGS, ...profile], env: ENVIRONMENT };
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

const buildRelease = async (): Promise<string> => {
  const out = join(CHECKOUT, 'node_modules/.cache/berth-bench/release');
  rmSync(out, { recursive: true, force: true });
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
  await run(join(CHECKOUT, 'src/cli/berth'), ['build-release', '--arch', arch, '--out', out]);
  const [folder] = readdirSync(out);
  if (folder === undefined) throw new Error(`berth build-release left nothing in ${out}`);
  return join(out, folder);
};

/** The process that keeps descriptors for the shim where there is no systemd to do it. */
const holderOf = (node: TestNode): number | undefined => {
  const { pid } = JSON.parse(readFileSync(join(node.runRoot, 'shim/holder.json'), 'utf8'));
  return typeof pid === 'number' ? pid : undefined;
};
