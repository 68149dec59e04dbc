import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Undo } from './recorder.ts';

/** An empty folder in which a session happens; it goes with the recording. */
export const emptyFolder = (undo: Undo): string => {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-'));
  undo.after(async () => rmSync(folder, { recursive: true, force: true }));
  return folder;
};
