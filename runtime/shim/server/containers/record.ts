import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fail } from '../../../core/fail.ts';
import { startTimeTicks } from '../../../linux/processes.ts';
import { replaceFile } from '../../../linux/replace-file.ts';
import { hasErrno } from '../../../linux/system-call-failed.ts';
import type { ContainerExit, ContainerState, CreateParams } from '../../protocol/messages.ts';
import type { ShimAddress } from '../tasks/shim-binary.ts';

/**
 * What outlives the shim about a container.
 *
 *   (no record) ──create──▶ creating ──▶ created ──start──▶ started ──▶ ended ──delete──▶ (no record)
 *                              │            └───────────────kill──────────▲
 *                              └── found so at a start of the shim: undone
 *
 * The state is derived: `process` is null while creating, `startedAtNs` null until started, `exit` null until ended.
 */
export interface ContainerRecord {
  readonly version: 1;
  readonly id: string;
  readonly runtime: readonly string[];
  readonly bundle: string;
  readonly terminal: boolean;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly logPath: string | null;
  /** See `CreateParams`. */
  readonly logRoot?: string;
  /** Bytes after which the log starts anew; absent: it does not. */
  readonly logSizeMax?: number;
  /** Absent: root. */
  readonly streamsOwner?: { readonly uid: number; readonly gid: number };
  /** See `CreateParams`. */
  readonly execFifo?: string;
  /** A shim of containerd's API has the container; `address` once that shim has been started. */
  readonly task?: CreateParams['task'] & { readonly address?: ShimAddress };
  readonly process: ProcessName | null;
  /** The runtime that was called last to create or start it: it may outlive the shim that called it. */
  readonly runtimeProcess: ProcessName | null;
  /** The cgroup's file that counts OOM kills; null: none was found. */
  readonly oomCounter: string | null;
  /** `start` was called and its answer is not known. */
  readonly starting: boolean;
  readonly startedAtNs: string | null;
  /** The one attach session of `stdinOnce` is over. */
  readonly stdinClosed: boolean;
  readonly exit: ContainerExit | null;
}

/** A pid with field 22 of /proc/PID/stat names one process for as long as the machine is up. */
export interface ProcessName {
  readonly pid: number;
  readonly startTimeTicks: string;
}

/** The name of a process that has not been reaped. */
export const nameOf = (pid: number): ProcessName => ({ pid, startTimeTicks: startTimeTicks(pid) ?? '' });

const pathIn = (folder: string): string => join(folder, 'record.json');

/** Replaces the record in one step. */
export function writeRecord(folder: string, record: ContainerRecord): void {
  replaceFile(pathIn(folder), JSON.stringify(record));
}

/** The record of a container's folder; undefined when there is none. Throws `DataLoss` on a version it does not know. */
export function readRecord(folder: string): ContainerRecord | undefined {
  let text: string;
  try {
    text = readFileSync(pathIn(folder), 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
  const record = JSON.parse(text) as ContainerRecord;
  if (record.version !== 1)
    throw new Fail('DataLoss', `${pathIn(folder)}: unknown version ${record.version}`);
  return record;
}

/** The record as berthd sees it. */
export const stateOf = (record: ContainerRecord): ContainerState => ({
  id: record.id,
  pid: record.process?.pid ?? 0,
  startTimeTicks: record.process?.startTimeTicks ?? '',
  startedAtNs: record.startedAtNs,
  exit: record.exit,
});
