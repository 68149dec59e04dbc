import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { type FailCode, failedWith } from '../core/fail.ts';
import { bindMount, mountOverlay, unmount } from '../linux/mounts.ts';
import { hasErrno } from '../linux/system-call-failed.ts';
import type { PodContext } from './context.ts';
import { pinnedNamespaces } from './folders.ts';
import { unpinPod } from './namespaces.ts';

/** The shim is away, or so old that it will be replaced before long. */
const NO_ANSWER: readonly FailCode[] = ['Unavailable', 'DeadlineExceeded', 'Unimplemented'];

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
  const pin = { dir, kinds: [], uidMappings: [PROBE_IDS], gidMappings: [PROBE_IDS] };
  mkdirSync(dir, { recursive: true, mode: 0o711 });
  try {
    await shim.call('pinUserNamespace', pin, AbortSignal.timeout(PROBE_TIMEOUT_MS));
    tryOverlay(roots.root, dir);
    return undefined;
  } catch (error) {
    // Nothing was found out.
    if (NO_ANSWER.some((code) => failedWith(error, code))) throw error;
    return error;
  } finally {
    unpinPod(roots, id);
  }
};

const tryOverlay = (store: string, dir: string): void => {
  const [mapped, overlay] = [join(dir, 'store'), join(dir, 'overlay')];
  mkdirSync(mapped);
  mkdirSync(overlay);
  try {
    bindMount(store, mapped, { recursive: false, idsOf: join(dir, 'user') });
    mountOverlay({ lower: [join(mapped, 'layers'), join(mapped, 'empty')], target: overlay });
  } finally {
    for (const place of [overlay, mapped]) {
      release(place);
      rmdirSync(place);
    }
  }
};

const release = (place: string): void => {
  try {
    unmount(place, { detach: true });
  } catch (error) {
    if (!hasErrno(error, 'EINVAL')) throw error; // it was not reached
  }
};
