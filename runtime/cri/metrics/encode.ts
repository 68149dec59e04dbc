import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Metric } from './descriptors.ts';
import type { Sample } from './sample.ts';

/** What the metrics of one pod or container have in common: the values of `BASE_LABELS`, in their order. */
export type BaseValues = readonly string[];

export interface PodMetrics {
  readonly podId: string;
  readonly base: BaseValues;
  readonly samples: readonly Sample[];
  readonly containers: readonly {
    readonly id: string;
    readonly base: BaseValues;
    readonly samples: readonly Sample[];
  }[];
  /** Nanoseconds since the epoch; 0: right now. */
  readonly atNs: bigint;
}

/**
 * Field 1 of ListPodSandboxMetricsResponse, whole: thousands of samples for one answer, most of whose bytes are names
 * and labels that never change. Written directly it takes a tenth of the time that building messages takes.
 * Field numbers are those of runtime/spec/cri's PodSandboxMetrics, ContainerMetrics, Metric and UInt64Value.
 */
export const encodePodMetrics = (pod: PodMetrics): Uint8Array => {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).string(pod.podId);
  writeSamples(writer, 2, pod.samples, pod.base, pod.atNs);
  for (const { id, base, samples } of pod.containers) {
    writer.tag(3, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(id);
    writeSamples(writer, 2, samples, base, pod.atNs);
    writer.join();
  }
  return writer.join().finish();
};

const writeSamples = (
  writer: BinaryWriter,
  field: number,
  samples: readonly Sample[],
  base: BaseValues,
  atNs: bigint,
): void => {
  const labels = encodeLabels(base);
  for (const sample of samples) {
    writer.tag(field, WireType.LengthDelimited).fork();
    writer.raw(headOf(sample.metric));
    if (atNs !== 0n) writer.tag(2, WireType.Varint).int64(atNs);
    writer.raw(labels);
    for (const value of sample.labels) writer.tag(4, WireType.LengthDelimited).string(value);
    writer.tag(5, WireType.LengthDelimited).fork();
    if (sample.value !== 0 && sample.value !== 0n) writer.tag(1, WireType.Varint).uint64(sample.value);
    writer.join().join();
  }
};

const encodeLabels = (values: readonly string[]): Uint8Array => {
  const writer = new BinaryWriter();
  for (const value of values) writer.tag(4, WireType.LengthDelimited).string(value);
  return writer.finish();
};

const heads = new WeakMap<Metric, Uint8Array>();

/** Name and type. */
const headOf = (metric: Metric): Uint8Array => {
  const kept = heads.get(metric);
  if (kept !== undefined) return kept;
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(metric.name);
  if (metric.type !== 0) writer.tag(3, WireType.Varint).int32(metric.type);
  const head = writer.finish();
  heads.set(metric, head);
  return head;
};
