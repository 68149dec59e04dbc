/**
 * berthd beside containerd, on this machine, in one run, taking turns: the same image, runc, CNI plugins and kind of
 * network, and requests as a kubelet sends them. Prints one table of ratios, and what berth takes beyond the calls of
 * runc, CNI and mount that a pod consists of.
 *
 *   npm run bench:runtime -- [--pods 110] [--rounds 30] [--poll-seconds 30] [--pull-mb 300] [--pull-rounds 3] [--quick]
 *                            [--folder /mnt/journaled-ext4] [--cpu-prof FOLDER]
 *
 * Needs root on Debian or Ubuntu and what the tests need; Go for a recent containerd, else the distribution's.
 */
import { parseArgs } from 'node:util';
import { startBusyboxRegistry } from '../test/harness/busybox-image.ts';
import { releasesAtEnd } from './releases.ts';
import { type Berth, startBerth } from './runtime/berth.ts';
import { atLeast, atMost, both, ofPeer, REFERENCE_FLOOR_MS, round } from './runtime/budgets.ts';
import { startContainerd } from './runtime/containerd.ts';
import { type Density, fillNode } from './runtime/density.ts';
import { Floor } from './runtime/floor.ts';
import { LIFE, type Pod, removePod, startPod } from './runtime/life.ts';
import type { Peer } from './runtime/peer.ts';
import { pullOnce, pushImages } from './runtime/pull.ts';
import { floorTable, type Row, ratioTable } from './runtime/report.ts';
import { Samples } from './runtime/samples.ts';

const { values } = parseArgs({
  options: {
    pods: { type: 'string' },
    rounds: { type: 'string' },
    'poll-seconds': { type: 'string' },
    'pull-mb': { type: 'string' },
    'pull-rounds': { type: 'string' },
    quick: { type: 'boolean', default: false },
    folder: { type: 'string' },
    'cpu-prof': { type: 'string' },
  },
});
const amount = (given: string | undefined, whole: number, quick: number): number =>
  given === undefined ? (values.quick ? quick : whole) : Number(given);
const size = {
  pods: amount(values.pods, 110, 16),
  rounds: amount(values.rounds, 30, 6),
  pollSeconds: amount(values['poll-seconds'], 30, 5),
  pullMegabytes: amount(values['pull-mb'], 300, 20),
  pullRounds: amount(values['pull-rounds'], 3, 1),
};
const WARM_UP_ROUNDS = 2;
if (values.folder !== undefined) process.env['TMPDIR'] = values.folder;

const say = (text: string): void => void process.stderr.write(`${text}\n`);

const main = async (): Promise<void> => {
  await using releases = releasesAtEnd();
  const { registry, image, registries } = await startBusyboxRegistry();
  releases.after(() => registry.stop());
  const berth = await startBerth(releases, registries, values['cpu-prof']);
  const containerd = await startContainerd(releases, image);
  const peers = [berth, containerd];
  const work = async () => {
    for (const { images } of peers) await images.pullImage({ image: { image } });
    const floor = await measureLives(peers, berth, image, releases);
    const images = await measurePulls(peers, registry.host);
    const densities: Density[] = [];
    for (const peer of peers) {
      say(`${size.pods} pods on ${peer.name}`);
      densities.push(await fillNode(peer, image, size));
    }
    print(berth, containerd, floor.samples, images, densities);
  };
  await Promise.race([work(), releases.interrupted]);
};

/** Pod after pod on each in turn, and commands in a pod that stays. */
const measureLives = async (
  peers: readonly Peer[],
  berth: Berth,
  image: string,
  releases: ConstructorParameters<typeof Floor>[0],
): Promise<Floor> => {
  say(`${size.rounds} rounds of a pod's life`);
  const standing = new Map<Peer, Pod>();
  for (const peer of peers) standing.set(peer, await startPod(unmeasured(peer), 'standing', image));
  const model = standing.get(berth);
  if (model === undefined) throw new Error('no pod stands');
  const floor = new Floor(releases, berth, model);
  const target = await floor.up();
  for (let round = -WARM_UP_ROUNDS; round < size.rounds; round += 1) {
    if (round === 0) floor.samples.clear();
    for (const peer of peers) {
      const subject = round < 0 ? unmeasured(peer) : peer;
      await removePod(subject, await startPod(subject, `p${round + WARM_UP_ROUNDS}`, image));
      await execIn(subject, standing.get(peer));
    }
    await floor.down(await floor.up());
    await floor.exec(target, ['true']);
  }
  await floor.down(target);
  for (const [peer, pod] of standing) await removePod(unmeasured(peer), pod);
  return floor;
};

const unmeasured = <P extends Peer>(peer: P): P => ({ ...peer, samples: new Samples() });

const execIn = async ({ runtime, samples }: Peer, pod: Pod | undefined): Promise<void> => {
  const request = { containerId: pod?.containerId ?? '', cmd: ['true'], timeout: 10n };
  const { exitCode } = await samples.time('ExecSync', () => runtime.execSync(request));
  if (exitCode !== 0) throw new Error(`true ended with exit code ${exitCode}`);
};

/** The figures that it measured. */
const measurePulls = async (peers: readonly Peer[], host: string): Promise<readonly string[]> => {
  say(`making two images of ${size.pullMegabytes} MB`);
  const images = await pushImages(host, size.pullMegabytes);
  for (const [figure, image] of images) {
    say(`${size.pullRounds} rounds of ${figure}`);
    for (let round = 0; round < size.pullRounds; round += 1)
      for (const peer of peers) await pullOnce(peer, figure, image);
  }
  return [...images.keys()];
};

const print = (
  ours: Peer,
  theirs: Peer,
  floor: Samples,
  pulls: readonly string[],
  densities: readonly Density[],
): void => {
  const [mine, other] = densities;
  if (mine === undefined || other === undefined) throw new Error('a node was not filled');
  const slowness = floor.median('pod up') / REFERENCE_FLOOR_MS;
  const limits: Readonly<Record<string, number>> = {
    'pod up': 64,
    'pod down': 61,
    ExecSync: 24,
    ListContainerStats: 94,
  };
  const quantiles = (figure: string): Row[] => {
    const [p50, p90] = [0.5, 0.9].map((q) => ({
      figure: `${figure} p${q * 100}`,
      unit: 'ms',
      ours: ours.samples.quantile(figure, q),
      theirs: theirs.samples.quantile(figure, q),
    })) as [Row, Row];
    const limit = limits[figure];
    return [limit === undefined ? p50 : { ...p50, budget: atMost(p50.ours, limit, slowness) }, p90];
  };
  const calls = [
    ...LIFE,
    'ExecSync',
    'ListPodSandbox',
    'ListContainers',
    'ListPodSandboxStats',
    'ListContainerStats',
  ];
  const rows: Row[] = [
    ...[...calls, 'PodSandboxStatus', 'ContainerStatus', 'Status'].flatMap(quantiles),
    {
      ...of('pods up with 8 workers', 'per s', mine.podsPerSecond, other.podsPerSecond),
      budget: atLeast(mine.podsPerSecond, 16, slowness),
    },
    of('pods down with 8 workers', 'per s', mine.removedPerSecond, other.removedPerSecond),
    {
      ...of(`PSS with ${size.pods} pods`, 'MiB', mine.pssMebibytes, other.pssMebibytes),
      budget: both(atMost(mine.pssMebibytes, 134), ofPeer(mine.pssMebibytes, other.pssMebibytes, 0.25)),
    },
    {
      ...of(`polling ${size.pods} pods`, '% CPU', mine.pollingCpu, other.pollingCpu),
      budget: atMost(mine.pollingCpu, 4.8, slowness),
    },
    ...pulls.map((figure) => {
      const row = of(figure, 's', ours.samples.median(figure) / 1000, theirs.samples.median(figure) / 1000);
      return { ...row, budget: ofPeer(row.ours, row.theirs, 0.7) };
    }),
  ];
  process.stdout.write(
    `${ratioTable(rows, [ours.name, theirs.name])}\n${floorTable(floor, ours)}\n` +
      `The floor of a pod is ${round(floor.median('pod up'))} ms here; limits in time are as much longer than those ` +
      `of a machine where it is ${REFERENCE_FLOOR_MS}.\n`,
  );
};

const of = (figure: string, unit: string, ours: number, theirs: number): Row => ({
  figure,
  unit,
  ours,
  theirs,
});

try {
  await main();
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
