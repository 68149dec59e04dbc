import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fail } from '../core/fail.ts';
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
  write(attachment: Attachment): Promise<void>;
  read(podId: string): Promise<Attachment | undefined>;
  remove(podId: string): Promise<void>;
  podIds(): Promise<readonly string[]>;
}

/** Records of a tmpfs: replaced in one step, not synced, as a reboot ends them and what they describe. */
export const createAttachments = (folder: string): Attachments => ({
  write: async (attachment) => {
    const path = pathOf(folder, attachment.pod.id);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(`${path}.new`, JSON.stringify(attachment), { mode: 0o600 });
    await rename(`${path}.new`, path);
  },
  read: async (podId) => {
    const path = pathOf(folder, podId);
    const text = await readFile(path, 'utf8').catch(absent);
    return text === undefined ? undefined : parseAttachment(path, text);
  },
  remove: (podId) => rm(pathOf(folder, podId), { force: true }),
  podIds: async () => {
    const names = (await readdir(folder).catch(absent)) ?? [];
    return names.filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length));
  },
});

const pathOf = (folder: string, podId: string): string => {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(podId)) return join(folder, `${podId}.json`);
  throw new Fail('InvalidArgument', `pod id ${JSON.stringify(podId)} is not an id`);
};

/** Written by us alone, in a folder of mode 0700: the version says whether it is of our shape. */
const parseAttachment = (path: string, text: string): Attachment => {
  const value = JSON.parse(text) as Attachment;
  if (value.version === 1) return value;
  throw new Fail(
    'DataLoss',
    `${path} has version ${String(value.version)}, which this berthd does not know`,
    {
      hint: 'start the berthd that wrote it, or stop its pods and remove the file',
    },
  );
};

const absent = (error: unknown): undefined => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'ENOENT') throw error;
};
