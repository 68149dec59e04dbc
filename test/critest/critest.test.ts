import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { nothing, remains, until } from '../harness/busybox-node.ts';
import { startNode, type TestNode } from '../harness/node.ts';
import { becomeOwnHost } from '../harness/own-host.ts';
import { onNode } from '../harness/release.ts';
import { critest } from './critest.ts';
import { differences, expectedHere, parseExpectations } from './expected.ts';
import { critestLayers } from './images/layers.ts';
import { startCritestRegistry } from './registry.ts';
import type { SpecOutcome } from './report.ts';

/**
 * Files of specs that may run beside each other: no two of the parts touch the same image, or the same port. Whatever
 * is in none of them is the last part.
 */
const PARTS = [
  ['security_context'],
  ['streaming'],
  ['container.go', 'container_linux', 'networking'],
] as const;

const filesOf = (part: readonly string[]): string => `/validate/(${part.join('|').replaceAll('.', '\\.')})`;

/** The Node Resource Interface. */
const NRI = ['nri'];

/** WebSocket wherever critest can use it. */
const WEBSOCKET = ['--websocket-exec', '--websocket-attach', '--websocket-portforward'] as const;

/** `systemd`, where it is PID 1; else the node's default. */
const CGROUPS = process.env['BERTH_TEST_CGROUP_MANAGER'];

/** Where berth build-release left one: its programs are tested, not the sources. */
const RELEASE = process.env['BERTH_TEST_RELEASE'];

/** A plugin of critest takes its 2 s to be synchronized, which is all that a plugin has by default. */
const NRI_PATIENCE = '[crio.nri]\nnri_plugin_request_timeout = "30s"\n';

/** Parts of critest at a time; fewer where the processor is emulated and specs would wait too short for each other. */
const LANES = Number(process.env['BERTH_TEST_CRITEST_LANES'] ?? 4);

test('critest', async (t) => {
  // From the package archives: to be had before this file leaves the machine's network.
  const layers = await critestLayers();
  becomeOwnHost();
  const { registries, stop } = await startCritestRegistry(layers);
  t.after(stop);
  const node = await startNode(t, {
    registries,
    hostPorts: true,
    logLevel: 'info',
    ...(RELEASE === undefined ? {} : { release: { folder: RELEASE, ...onNode } }),
    dropIn: () =>
      `${CGROUPS === undefined ? '' : `[crio.runtime]\ncgroup_manager = "${CGROUPS}"\n`}${NRI_PATIENCE}`,
  });
  const expected = expectedHere(
    parseExpectations(readFileSync(join(import.meta.dirname, 'expected.md'), 'utf8')),
  );
  const all = namesOf(await critest(node, 'dry', ['--ginkgo.dry-run']));
  // With the first container the shim begins to watch cgroups and the kernel's messages, for all that come.
  const first = await critest(node, 'first', ['--ginkgo.focus=should support starting container \\[Conf']);
  assert.deepEqual(differences(first, []), []);
  assert.equal(first.length, 1);
  const before = descriptors(node);
  const runs = runAll(node);
  await Promise.allSettled([runs.whole, runs.webSocket, runs.benchmarks]);

  await t.test('over SPDY every spec passes, except those that expected.md lists', async (context) => {
    const whole = await runs.whole;
    tell(context, 'SPDY', whole);
    assert.deepEqual(differences(whole, expected), []);
    assert.deepEqual(namesOf(whole), all, 'every spec has run once');
  });

  await t.test('over WebSocket every spec of streaming passes', async (context) => {
    const webSocket = await runs.webSocket;
    tell(context, 'WebSocket', webSocket);
    assert.deepEqual(differences(webSocket, []), []);
    assert.deepEqual(
      namesOf(webSocket),
      all.filter((name) => name.startsWith('Streaming ')),
    );
  });

  await t.test('the benchmarks pass', async (context) => {
    const benchmarks = await runs.benchmarks;
    tell(context, 'benchmarks', benchmarks);
    assert.deepEqual(differences(benchmarks, []), []);
    assert.equal(benchmarks.length, 5);
  });

  await t.test('nothing of it is left', async () => {
    assert.deepEqual(remains(node), nothing);
    assert.deepEqual(readdirSync(join(node.runRoot, 'runc')), []);
    const more = () => moreThan(before, descriptors(node));
    await until('no more files are open than before', () => more().length === 0).catch((error: Error) => {
      throw new Error(`${error.message}: ${more().join(', ')}`);
    });
    assert.deepEqual(networkRemains(node), { links: ['lo', node.name], hostPorts: [], leases: [] });
  });
});

/** Much of critest's time is waiting for its next look at a container, so its parts run side by side. */
const runAll = (node: TestNode) => {
  const [security, streaming, container] = PARTS;
  const only = (part: readonly string[]) => `--ginkgo.focus-file=${filesOf(part)}`;
  const run = inLanes(LANES);
  const parts = [
    run(node, 'security', [only(security)]),
    run(node, 'streaming', [only(streaming)]),
    run(node, 'container', [only(container)]),
    run(
      node,
      'rest',
      [...PARTS, NRI].map((part) => `--ginkgo.skip-file=${filesOf(part)}`),
    ),
  ] as const;
  // After those that use the same ports.
  const webSocket = parts[1].then(() => run(node, 'websocket', [...WEBSOCKET, only(streaming)]));
  const benchmarks = parts[3].then(() => run(node, 'benchmarks', benchmarkArguments(node)));
  // Its plugins are told of everything on the node, and expect their own pods alone.
  const nri = Promise.allSettled([...parts, webSocket, benchmarks]).then(() =>
    run(node, 'nri', [`--nri-socket=${join(node.folder, 'nri.sock')}`, only(NRI)]),
  );
  return { whole: Promise.all([...parts, nri]).then((outcomes) => outcomes.flat()), webSocket, benchmarks };
};

/** So many runs of critest at a time, the others in their turn. */
const inLanes = (count: number): typeof critest => {
  const lanes: Promise<unknown>[] = Array.from({ length: count }, () => Promise.resolve());
  let next = 0;
  return (...args) => {
    const lane = next++ % count;
    const turn = lanes[lane]?.then(() => critest(...args)) ?? critest(...args);
    lanes[lane] = turn.catch(() => {}); // whoever asked for it is told
    return turn;
  };
};

/** A few rounds each, with time for a busy machine: what is asked here is whether they work. */
const benchmarkArguments = (node: TestNode): string[] => {
  const seconds = 60;
  const params = {
    containersNumber: 3,
    podsNumber: 3,
    imagesNumber: 3,
    containerBenchmarkTimeoutSeconds: seconds,
    podBenchmarkTimeoutSeconds: seconds,
    imageBenchmarkTimeoutSeconds: seconds,
    podContainerStartBenchmarkTimeoutSeconds: seconds,
  };
  const file = join(node.folder, 'benchmarks.yaml');
  writeFileSync(file, JSON.stringify(params));
  return ['--benchmark', `--benchmarking-params-file=${file}`, `--benchmarking-output-dir=${node.folder}`];
};

/** Of the daemon and the shim. */
/** What the open files of the programs are, by `name: file`; pipes and sockets without their numbers. */
const descriptors = ({ daemon, shim }: TestNode): string[] =>
  [daemon, shim].flatMap(({ pid }, index) =>
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        const target = readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/\[\d+\]/, '');
        return [`${['berthd', 'berth-shim'][index]}: ${target}`];
      } catch {
        return []; // closed in the meantime
      }
    }),
  );

const moreThan = (before: readonly string[], now: readonly string[]): string[] => {
  const left = [...before];
  return now.filter((file) => {
    const at = left.indexOf(file);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
};

/** In the network that stands for the host's; its bridge stays, as that of any node does. */
const networkRemains = (node: TestNode) => {
  const printed = (command: string, ...args: string[]) => execFileSync(command, args, { encoding: 'utf8' });
  return {
    links: [...printed('ip', '-o', 'link').matchAll(/^\d+: ([^:@]+)/gm)].map(([, link]) => link),
    hostPorts: printed('iptables', '-t', 'nat', '-S').match(/--dport \d+/g) ?? [],
    leases: readdirSync(join(node.folder, 'ipam', node.name)).filter((name) => /^\d/.test(name)),
  };
};

const namesOf = (outcomes: readonly SpecOutcome[]): readonly string[] =>
  outcomes.map(({ name }) => name).sort();

const tell = (context: TestContext, what: string, outcomes: readonly SpecOutcome[]): void => {
  const count = (outcome: SpecOutcome['outcome']) =>
    outcomes.filter((spec) => spec.outcome === outcome).length;
  const [passed, failed, skipped] = [count('passed'), count('failed'), count('skipped')];
  context.diagnostic(
    `critest, ${what}: ${passed + failed} run, ${passed} passed, ${failed} failed, ${skipped} skipped`,
  );
};
