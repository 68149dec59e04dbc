import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { containerFolders } from '../containers/folders.ts';
import { removeStaged } from '../containers/staged-mounts.ts';
import { type FailCode, failedWith } from '../core/fail.ts';
import { bindMount, mountOverlay } from '../linux/mounts.ts';
import type { PodContext } from './context.ts';
import { pinnedNamespaces } from './folders.ts';
import { unpinPod } from './namespaces.ts';

/** The shim is away or slow, or so old that it will be replaced before long. */
const NO_ANSWER: readonly FailCode[] = ['Unavailable', 'DeadlineExceeded', 'Cancelled', 'Unimplemented'];

const PROBE_TIMEOUT_MS = 30_000;
/** Any range does: nothing is written. */
const PROBE_IDS = { containerID: 0, hostID: 100_000, size: 65_536 };

/**
 * Why pods cannot have user namespaces on this node; undefined: they can. Found out by doing what a pod takes: a user
 * namespace, an ID-mapped mount of the image store, an overlay on that (Linux 5.19). Some milliseconds.
 */
export const missingForUserNamespaces = async ({
  roots,
  shim,
}: Pick<PodContext, 'roots' | 'shim'>): Promise<unknown> => {
  const id = `probe-${process.pid}`;
  const dir = pinnedNamespaces(roots, id);
  const folders = containerFolders(roots, id);
  const pin = { dir, kinds: [], uidMappings: [PROBE_IDS], gidMappings: [PROBE_IDS] };
  mkdirSync(dir, { recursive: true, mode: 0o711 });
  try {
    await shim.call('pinUserNamespace', pin, AbortSignal.timeout(PROBE_TIMEOUT_MS));
    tryOverlay(roots.root, folders.staged, join(dir, 'user'));
    return undefined;
  } catch (error) {
    // Nothing was found out.
    if (NO_ANSWER.some((code) => failedWith(error, code))) throw error;
    return error;
  } finally {
    removeStaged(folders);
    unpinPod(roots, id);
  }
};

/** Where the next start looks for mounts if this one is killed meanwhile: one of them is the whole image store. */
const tryOverlay = (store: string, staged: string, namespace: string): void => {
  const [mapped, overlay] = [join(staged, 'store'), join(staged, 'overlay')];
  for (const place of [mapped, overlay]) mkdirSync(place, { recursive: true, mode: 0o700 });
  bindMount(store, mapped, { recursive: false, idsOf: namespace });
  mountOverlay({ lower: [join(mapped, 'layers'), join(mapped, 'empty')], target: overlay });
};
