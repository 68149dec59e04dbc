/**
 * Pull and unpack, berth-pull beside containerd, from one registry on loopback: an image of many small files and
 * one of few big ones. The rounds alternate, so that both meet the same machine; what counts is the ratio.
 *
 *   node bench/pull.ts [--rounds 3] [--folder /mnt/journaled-ext4] [--source /usr] [--many-mb 300] [--big-mb 300]
 *
 * Needs root, docker-registry, containerd and tar. Files come from --source, so that they compress like real ones.
 * The folder should be on a journaled file system of its own: others slow down with every round.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { pull, requestFor } from '../test/harness/berth-pull.ts';
import { buildImage, digestOf, type LayerBlob, pushImage } from '../test/harness/oci-image.ts';
import { startRegistry } from '../test/harness/registry.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    folder: { type: 'string', default: tmpdir() },
    source: { type: 'string', default: '/usr' },
    'many-mb': { type: 'string', default: '300' },
    'big-mb': { type: 'string', default: '300' },
  },
});

const SMALL_FILE_BYTES = 64 * 1024;
const BIG_FILE_BYTES = 4 * 1024 * 1024;

const filesIn = function* (folder: string): Generator<{ path: string; size: number }> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesIn(path);
    else if (entry.isFile()) yield { path, size: statSync(path).size };
  }
};

/** Lists of files, one per layer, of about `megabytes` together; neighbours stay in one layer, as in real images. */
const chooseFiles = (megabytes: number, layers: number, fits: (size: number) => boolean): string[][] => {
  const lists: string[][] = Array.from({ length: layers }, () => []);
  const limit = megabytes * 2 ** 20;
  let bytes = 0;
  for (const { path, size } of filesIn(values.source)) {
    if (!fits(size)) continue;
    lists[Math.floor((bytes / limit) * layers)]?.push(path);
    bytes += size;
    if (bytes >= limit) break;
  }
  return lists.filter((list) => list.length > 0);
};

const layerOf = (paths: readonly string[], folder: string): LayerBlob => {
  const list = join(folder, 'list');
  writeFileSync(list, paths.join('\n'));
  const options = { maxBuffer: 2 ** 31, cwd: '/' };
  const tar = execFileSync(
    'tar',
    ['--create', '--absolute-names', '--no-recursion', '--files-from', list],
    options,
  );
  const bytes = execFileSync('gzip', ['-6'], { ...options, input: tar });
  return {
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    digest: digestOf(bytes),
    bytes,
    diffId: digestOf(tar),
  };
};

interface Containerd {
  pull(image: string): void;
  reset(image: string): void;
  stop(): Promise<void>;
}

const startContainerd = async (folder: string): Promise<Containerd> => {
  const root = join(folder, 'containerd');
  const socket = join(root, 'socket');
  mkdirSync(root);
  const config = join(root, 'config.toml');
  writeFileSync(
    config,
    `version = 2\nroot = "${root}/root"\nstate = "${root}/state"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\n  address = "${socket}"\n`,
  );
  const child: ChildProcess = spawn('containerd', ['--config', config], { stdio: 'ignore' });
  for (let tries = 0; tries < 200 && !existsSync(socket); tries += 1) await sleep(50);
  const ctr = (...argv: string[]) =>
    execFileSync('ctr', ['--address', socket, '--namespace', 'bench', ...argv], { stdio: 'pipe' });
  return {
    pull: (image) => void ctr('images', 'pull', '--plain-http', '--snapshotter', 'overlayfs', image),
    reset: (image) => void ctr('images', 'remove', '--sync', image),
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
};

const seconds = async (work: () => unknown): Promise<number> => {
  execFileSync('sync');
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
};

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[(numbers.length - 1) >> 1] ?? Number.NaN;

/** Rejects when the bench is told to end, so that what it made goes like after any other failure. */
const untilStopped = (): Promise<never> =>
  new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => reject(new Error(`ended by ${signal}`)));
  });

const main = async (): Promise<void> => {
  const stopped = untilStopped();
  stopped.catch(() => {});
  const folder = mkdtempSync(join(values.folder, 'berth-bench-'));
  const registry = await startRegistry({ onDisk: true });
  const containerd = await startContainerd(folder);
  try {
    const images = {
      'many-small': chooseFiles(Number(values['many-mb']), 6, (size) => size <= SMALL_FILE_BYTES),
      'few-big': chooseFiles(Number(values['big-mb']), 3, (size) => size >= BIG_FILE_BYTES),
    };
    for (const [name, lists] of Object.entries(images)) {
      const layers = lists.map((list) => layerOf(list, folder));
      await pushImage({ host: registry.host, repository: name }, 'v1', buildImage({ layers }));
      const megabytes = layers.reduce((sum, { bytes }) => sum + bytes.length, 0) / 2 ** 20;
      console.log(
        `${name}: ${lists.flat().length} files, ${layers.length} layers, ${megabytes.toFixed(0)} MiB compressed`,
      );
      const comparison = compare(name, `${registry.host}/${name}:v1`, {
        folder,
        host: registry.host,
        containerd,
      });
      await Promise.race([comparison, stopped]);
    }
  } finally {
    await containerd.stop();
    await registry.stop();
    rmSync(folder, { recursive: true, force: true });
  }
};

const compare = async (
  name: string,
  image: string,
  {
    folder,
    host,
    containerd,
  }: { readonly folder: string; readonly host: string; readonly containerd: Containerd },
): Promise<void> => {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    const root = join(folder, `berth-${name}-${round}`);
    ours.push(await seconds(() => pull(requestFor(root, host, name, 'v1'))));
    rmSync(root, { recursive: true });
    theirs.push(await seconds(() => containerd.pull(image)));
    containerd.reset(image);
    console.log(
      `  round ${round}: berth ${ours.at(-1)?.toFixed(2)} s, containerd ${theirs.at(-1)?.toFixed(2)} s`,
    );
  }
  console.log(
    `  median: berth ${median(ours).toFixed(2)} s, containerd ${median(theirs).toFixed(2)} s, ratio ${(median(ours) / median(theirs)).toFixed(2)}`,
  );
};

try {
  await main();
  process.exit(0);
} catch (error) {
  console.error(error);
  process.exit(1);
}
