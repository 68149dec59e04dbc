import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../linux/replace-file.ts';
import type { Log } from '../observe/log.ts';
import type { Shim } from '../shim/client/shim.ts';
import type { PullProgress } from './protocol.ts';

/** What is told of pulls while they run, for who watches them. */
export interface PullsUnderWay {
  begin(pullId: string, reference: string): void;
  end(pullId: string): void;
}

/** A file of the folder: one line of JSON. `reference` is the image as it was asked for. */
interface PullUnderWay extends PullProgress {
  readonly version: 1;
  readonly reference: string;
}

/**
 * One file for each pull that runs, `<folder>/<pull>.json`, from berth-pull's first word of its layers to its end. Written
 * by a rename, twice a second at most. What an earlier daemon left goes at once: its pulls ended with it.
 */
export const openPullsUnderWay = (
  folder: string,
  shim: Pick<Shim, 'on'>,
  log: Pick<Log, 'debug'>,
): PullsUnderWay => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const references = new Map<string, string>();
  const pathOf = (pullId: string): string => join(folder, `${pullId}.json`);
  shim.on('pull-progress', ({ pullId, progress }) => {
    const reference = references.get(pullId);
    // Its last words may come after its end.
    if (reference === undefined || !isProgress(progress)) return;
    const line: PullUnderWay = { version: 1, reference, ...progress };
    try {
      replaceFile(pathOf(pullId), `${JSON.stringify(line)}\n`);
    } catch (error) {
      // The pull matters more than the tale of it, and the next word of it is near.
      log.debug('the progress of a pull cannot be written', { error });
    }
  });
  return {
    begin: (pullId, reference) => void references.set(pullId, reference),
    end: (pullId) => {
      references.delete(pullId);
      rmSync(pathOf(pullId), { force: true });
    },
  };
};

/** berth-pull is of the same release, and the shim hands on what it says as it is. */
const isProgress = (value: unknown): value is PullProgress =>
  typeof value === 'object' && value !== null && 'bytes' in value && 'bytesDone' in value;
