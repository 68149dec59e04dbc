import type { Config, MetricGroup } from './config.ts';
import { integer, listOf, show, text } from './readers.ts';
import { NotAsExpected, type Reader, type Settings } from './settings.ts';

export const METRIC_GROUPS: readonly MetricGroup[] = [
  'cpu',
  'disk',
  'diskIO',
  'hugetlb',
  'memory',
  'network',
  'oom',
  'pressure',
  'process',
  'spec',
];

/**
 * [crio.stats]. `collection_period`, formerly `stats_collection_period`: seconds, 0 reads for each question.
 * `included_pod_metrics`: all, when the key is absent; a list, also an empty one, means what it says.
 */
export const readStats = (settings: Settings): Config['stats'] => {
  const former = settings.take('crio.stats.stats_collection_period', period);
  const included = settings.take('crio.stats.included_pod_metrics', metricGroups);
  return {
    collectionPeriodSeconds: settings.take('crio.stats.collection_period', period) ?? former ?? 0,
    includedPodMetrics: included ?? METRIC_GROUPS,
  };
};

const period = integer(0, 86_400);

const metricGroups: Reader<readonly MetricGroup[]> = (value) => {
  const names = listOf(text)(value);
  if (names.includes('all')) {
    if (names.length === 1) return METRIC_GROUPS;
    throw new NotAsExpected('has "all" and others: "all" stands alone');
  }
  for (const name of names) {
    if (METRIC_GROUPS.some((group) => group === name)) continue;
    const known = ['all', ...METRIC_GROUPS].map((group) => `"${group}"`).join(', ');
    throw new NotAsExpected(`names metrics that are none of ${known}: ${show(name)}`);
  }
  return METRIC_GROUPS.filter((group) => names.includes(group));
};
