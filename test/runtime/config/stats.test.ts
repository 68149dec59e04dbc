import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { loadConfig } from '../../../runtime/config/load.ts';
import { METRIC_GROUPS } from '../../../runtime/config/stats.ts';

/** Loads a crio.conf with these lines in [crio.stats]; gives also the path of the file. */
const withStats = async (t: TestContext, lines: string) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-config-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'crio.conf');
  writeFileSync(join(folder, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
  writeFileSync(join(folder, 'runc'), '', { mode: 0o755 });
  writeFileSync(file, `[crio.stats]\n${lines}\n`);
  const load = () =>
    loadConfig({
      file,
      dropInDir: join(folder, 'none'),
      registriesFile: join(folder, 'none.conf'),
      registriesDir: join(folder, 'none'),
      signaturesDir: join(folder, 'none'),
      policyFile: join(folder, 'policy.json'),
      env: { PATH: folder },
    });
  return { file, load };
};

test('without [crio.stats] each question reads, and all metrics are told', async (t) => {
  const { load } = await withStats(t, '');
  assert.deepEqual((await load()).stats, { collectionPeriodSeconds: 0, includedPodMetrics: METRIC_GROUPS });
});

const READ: readonly (readonly [string, object])[] = [
  ['collection_period = 10', { collectionPeriodSeconds: 10 }],
  ['stats_collection_period = 20', { collectionPeriodSeconds: 20 }],
  ['stats_collection_period = 20\ncollection_period = 5', { collectionPeriodSeconds: 5 }],
  ['included_pod_metrics = []', { includedPodMetrics: [] }],
  ['included_pod_metrics = ["all"]', { includedPodMetrics: METRIC_GROUPS }],
  ['included_pod_metrics = ["network", "cpu", "cpu"]', { includedPodMetrics: ['cpu', 'network'] }],
];
for (const [lines, expected] of READ) {
  test(`${JSON.stringify(lines)} is honoured`, async (t) => {
    const { load } = await withStats(t, lines);
    const config = await load();
    assert.deepEqual(config.stats, {
      collectionPeriodSeconds: 0,
      includedPodMetrics: METRIC_GROUPS,
      ...expected,
    });
    assert.deepEqual(config.ignored, []);
  });
}

const REFUSED: readonly (readonly [string, string])[] = [
  ['collection_period = -1', 'collection_period is not a whole number from 0 to 86400: -1'],
  ['included_pod_metrics = "cpu"', 'included_pod_metrics is not a list: "cpu"'],
  ['included_pod_metrics = ["all", "cpu"]', 'included_pod_metrics has "all" and others: "all" stands alone'],
  ['included_pod_metrics = ["cpus"]', 'included_pod_metrics names metrics that are none of "all", "cpu",'],
];
for (const [lines, complaint] of REFUSED) {
  test(`${JSON.stringify(lines)} is refused with its place`, async (t) => {
    const { load, file } = await withStats(t, lines);
    await assert.rejects(load(), (error: Error) =>
      error.message.startsWith(`${file}:2: crio.stats.${complaint}`),
    );
  });
}
