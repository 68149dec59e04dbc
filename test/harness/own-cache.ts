import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A folder, and in it a cache of artifacts of its own, for one test. */
export const folderWithCache = (t: TestContext, name: string): string => {
  const folder = mkdtempSync(join(tmpdir(), `berth-${name}-`));
  const before = process.env['BERTH_CACHE'];
  process.env['BERTH_CACHE'] = join(folder, 'cache');
  t.after(() => {
    if (before === undefined) delete process.env['BERTH_CACHE'];
    else process.env['BERTH_CACHE'] = before;
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
};
