import { execFile } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CHECKOUT = resolve(import.meta.dirname, '../..');

/** How the programs of a release run on a node, as berthd.service and berth-shim.service have it. */
export const onNode = { flags: ['--max-semi-space-size=1'], env: { MALLOC_ARENA_MAX: '1' } } as const;

/** Builds the release of this checkout for this machine in the folder `out`, which is emptied before; answers its own folder. */
export const buildRelease = async (out: string): Promise<string> => {
  rmSync(out, { recursive: true, force: true });
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
  await run(join(CHECKOUT, 'src/cli/berth'), ['build-release', '--arch', arch, '--out', out]);
  const [folder] = readdirSync(out);
  if (folder === undefined) throw new Error(`berth build-release left nothing in ${out}`);
  return join(out, folder);
};
