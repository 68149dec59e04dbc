import { fromJson, type JsonValue, toJson } from '@bufbuild/protobuf';
import { Fail } from '../core/fail.ts';
import type { ContainerExit } from '../shim/protocol/messages.ts';
import { type ContainerConfig, ContainerConfigSchema } from '../spec/cri/api_pb.js';
import type { Digest } from '../spec/oci/image.ts';
import { type Collection, openCollection } from './collection.ts';
import { requireVersion } from './record-folder.ts';

/** What berthd knows of a container. Its state is derived: see `stateOf`. Times are nanoseconds since the epoch. */
export interface ContainerRecord {
  readonly version: 1;
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly podId: string;
  readonly config: ContainerConfig;
  /** The name under which the image was asked for. */
  readonly imageName: string;
  readonly imageId: Digest;
  /** The images that it has as volumes, one for each of `config.mounts` that names one, in their order. */
  readonly imageVolumes?: readonly Digest[];
  /** The OCI runtime's command line up to the verb, as it was when the container was made. */
  readonly runtime: readonly string[];
  /** Absolute path of the log in CRI format; null: the pod has no log folder. */
  readonly logPath: string | null;
  /** Signal number that StopContainer sends first. */
  readonly stopSignal: number;
  readonly user: { readonly uid: number; readonly gid: number; readonly additionalGids: readonly number[] };
  readonly requestedAtNs: bigint;
  /** The OCI runtime has created it: everything it needs is in place. */
  readonly createdAtNs: bigint | null;
  readonly pid: number | null;
  readonly startedAtNs: bigint | null;
  readonly exit: ContainerExit | null;
  /** Why it could not be started, for people. */
  readonly failure: string | null;
}

/**
 *   making ──▶ created ──▶ running ──▶ exited ──▶ (no record)
 *      │          └───────────────────────▲
 *      └──▶ (no record)   a failure unwinds it at once, a crash at the next start
 */
export type ContainerState = 'making' | 'created' | 'running' | 'exited';

export const stateOf = (record: ContainerRecord): ContainerState => {
  if (record.createdAtNs === null) return 'making';
  if (record.exit !== null) return 'exited';
  return record.startedAtNs === null ? 'created' : 'running';
};

const requireState = (record: ContainerRecord, needed: ContainerState, verb: string): void => {
  const state = stateOf(record);
  if (state !== needed)
    throw new Fail(
      'FailedPrecondition',
      `cannot ${verb} container ${record.id}: it is ${state}, not ${needed}`,
    );
};

export const requireStartable = (record: ContainerRecord): void => requireState(record, 'created', 'start');
export const requireRunning = (record: ContainerRecord, verb: string): void =>
  requireState(record, 'running', verb);

/** With processes, and a cgroup that means something. */
export const isAlive = (record: ContainerRecord): boolean => {
  const state = stateOf(record);
  return state === 'created' || state === 'running';
};

export const requireAlive = (record: ContainerRecord, verb: string): void => {
  if (!isAlive(record))
    throw new Fail(
      'FailedPrecondition',
      `cannot ${verb} container ${record.id}: it is ${stateOf(record)}, neither created nor running`,
    );
};

export type Containers = Collection<ContainerRecord>;

export const openContainers = (folder: string): Containers =>
  openCollection({
    kind: 'container',
    folder,
    form: { toJson: recordToJson, parse: parseRecord },
    nameOf: (record) =>
      `${record.config.metadata?.name ?? ''}_${record.podId}_${record.config.metadata?.attempt ?? 0}`,
  });

/** The record's file: int64 as decimal text, the configuration in protobuf's JSON form. */
type StoredContainer = Omit<ContainerRecord, 'config' | TimeField> & { config: JsonValue } & {
  [field in TimeField]: string | null;
};
type TimeField = 'requestedAtNs' | 'createdAtNs' | 'startedAtNs';

const recordToJson = (record: ContainerRecord): StoredContainer => ({
  ...record,
  config: toJson(ContainerConfigSchema, record.config),
  requestedAtNs: record.requestedAtNs.toString(),
  createdAtNs: record.createdAtNs?.toString() ?? null,
  startedAtNs: record.startedAtNs?.toString() ?? null,
});

const parseRecord = (json: unknown): ContainerRecord => {
  const stored = requireVersion<StoredContainer>(json, 1);
  return {
    ...stored,
    config: fromJson(ContainerConfigSchema, stored.config),
    requestedAtNs: BigInt(stored.requestedAtNs ?? 0),
    createdAtNs: timeFrom(stored.createdAtNs),
    startedAtNs: timeFrom(stored.startedAtNs),
  };
};

const timeFrom = (text: string | null): bigint | null => (text === null ? null : BigInt(text));
