import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Fail } from '../core/fail.ts';
import { replaceFile } from '../linux/replace-file.ts';
import { hasErrno } from '../linux/system-call-failed.ts';
import type { CniResult } from '../spec/cni/cni.ts';
import type { ConfigList } from './config-lists.ts';
import type { PodNetwork } from './pod-network.ts';

/**
 * That a pod is, or is about to be, in a network: all that CHECK and DEL need, whatever becomes of the files in
 * the configuration folder. Without `result`: ADD has begun and may have done anything.
 */
export interface Attachment {
  readonly version: 1;
  readonly pod: PodNetwork;
  readonly list: ConfigList;
  readonly result?: CniResult;
}

export interface Attachments {
  write(attachment: Attachment): void;
  read(podId: string): Attachment | undefined;
  remove(podId: string): void;
  podIds(): readonly string[];
}

/**
 * Records of a tmpfs: replaced in one step, not synced, as a reboot ends them and what they describe. Synchronous:
 * each takes microseconds, and trips through the thread pool far longer.
 */
export const createAttachments = (folder: string): Attachments => ({
  write: (attachment) => {
    const path = pathOf(folder, attachment.pod.id);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    replaceFile(path, JSON.stringify(attachment));
  },
  read: (podId) => {
    const path = pathOf(folder, podId);
    const text = unlessAbsent(() => readFileSync(path, 'utf8'));
    return text === undefined ? undefined : parseAttachment(path, text);
  },
  remove: (podId) => rmSync(pathOf(folder, podId), { force: true }),
  podIds: () =>
    (unlessAbsent(() => readdirSync(folder)) ?? [])
      .filter((name) => name.endsWith('.json'))
      .map((name) => name.slice(0, -'.json'.length)),
});

const pathOf = (folder: string, podId: string): string => {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(podId)) return join(folder, `${podId}.json`);
  throw new Fail('InvalidArgument', `pod id ${JSON.stringify(podId)} is not an id`);
};

/** Written by us alone, in a folder of mode 0700: the version says whether it is of our shape. */
const parseAttachment = (path: string, text: string): Attachment => {
  const value = parsed(path, text);
  if (value.version === 1) return value;
  throw new Fail(
    'DataLoss',
    `${path} has version ${String(value.version)}, which this berthd does not know`,
    {
      hint: 'start the berthd that wrote it, or stop its pods and remove the file',
    },
  );
};

const parsed = (path: string, text: string): Attachment => {
  try {
    return JSON.parse(text) as Attachment;
  } catch (cause) {
    throw new Fail('DataLoss', `cannot read the record ${path}`, {
      cause,
      hint: 'remove the file: the pod can be stopped then, and an address or port of it may stay taken',
    });
  }
};

const unlessAbsent = <T>(read: () => T): T | undefined => {
  try {
    return read();
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
};
