import { fromJson, type JsonValue, toJson } from '@bufbuild/protobuf';
import { type Collection, openCollection } from '../containers/collection.ts';
import { requireVersion } from '../containers/record-folder.ts';
import { Fail } from '../core/fail.ts';
import type { CniResult } from '../spec/cni/cni.ts';
import { NamespaceMode, type PodSandboxConfig, PodSandboxConfigSchema } from '../spec/cri/api_pb.js';

/** What berthd knows of a pod. Its state is derived: see `stateOf`. Times are nanoseconds since the epoch. */
export interface PodRecord {
  readonly version: 1;
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly config: PodSandboxConfig;
  /** Name of the runtime handler that was asked for; empty for the default one. */
  readonly runtimeHandler: string;
  /** Paths of the pinned namespaces; a kind that is absent is the host's or each container's own. */
  readonly namespaces: Readonly<Partial<Record<'network' | 'ipc' | 'uts' | 'user', string>>>;
  /** A process that keeps the shared PID namespace was about to be started: its end is owed. */
  readonly pauseStarted: boolean;
  /** SELinux categories of its own; absent: the node labels only what asks for it. */
  readonly selinuxLevel?: string;
  /** The answer of CNI ADD; null for a pod in the host's network. */
  readonly network: CniResult | null;
  readonly createdAtNs: bigint;
  /** Everything a container needs is in place. */
  readonly readyAtNs: bigint | null;
  /** StopPodSandbox has begun; without `stoppedAtNs` it has not finished and may be called again. */
  readonly stoppingAtNs: bigint | null;
  readonly stoppedAtNs: bigint | null;
}

/**
 *   making ──▶ ready ──▶ stopping ──▶ stopped ──▶ (no record)
 *      └──▶ (no record)   a failure unwinds it at once, a crash at the next start
 *
 * CRI calls `ready` SANDBOX_READY, `stopping` and `stopped` SANDBOX_NOTREADY, and does not see `making`.
 */
export type PodState = 'making' | 'ready' | 'stopping' | 'stopped';

export const stateOf = (record: PodRecord): PodState => {
  if (record.stoppedAtNs !== null) return 'stopped';
  if (record.stoppingAtNs !== null) return 'stopping';
  return record.readyAtNs === null ? 'making' : 'ready';
};

export const requireReady = (record: PodRecord, verb: string): void => {
  const state = stateOf(record);
  if (state !== 'ready')
    throw new Fail('FailedPrecondition', `cannot ${verb} in pod ${record.id}: it is ${state}, not ready`);
};

/** True when the pod lives in the host's network namespace. */
export const usesHostNetwork = (config: PodSandboxConfig): boolean =>
  config.linux?.securityContext?.namespaceOptions?.network === NamespaceMode.NODE;

export type Pods = Collection<PodRecord>;

export const openPods = (folder: string): Pods =>
  openCollection({
    kind: 'pod',
    folder,
    form: { toJson: recordToJson, parse: parseRecord },
    nameOf: ({ config: { metadata } }) =>
      [metadata?.name, metadata?.namespace, metadata?.uid, metadata?.attempt].join('_'),
  });

/** The record's file: int64 as decimal text, the configuration in protobuf's JSON form. */
type StoredPod = Omit<PodRecord, 'config' | 'createdAtNs' | TimeField> & { config: JsonValue } & {
  createdAtNs: string;
} & { [field in TimeField]: string | null };
type TimeField = 'readyAtNs' | 'stoppingAtNs' | 'stoppedAtNs';

const recordToJson = (record: PodRecord): StoredPod => ({
  ...record,
  config: toJson(PodSandboxConfigSchema, record.config),
  createdAtNs: record.createdAtNs.toString(),
  readyAtNs: record.readyAtNs?.toString() ?? null,
  stoppingAtNs: record.stoppingAtNs?.toString() ?? null,
  stoppedAtNs: record.stoppedAtNs?.toString() ?? null,
});

const parseRecord = (json: unknown): PodRecord => {
  const stored = requireVersion<StoredPod>(json, 1);
  return {
    ...stored,
    config: fromJson(PodSandboxConfigSchema, stored.config),
    createdAtNs: BigInt(stored.createdAtNs),
    readyAtNs: timeFrom(stored.readyAtNs),
    stoppingAtNs: timeFrom(stored.stoppingAtNs),
    stoppedAtNs: timeFrom(stored.stoppedAtNs),
  };
};

const timeFrom = (text: string | null): bigint | null => (text === null ? null : BigInt(text));
