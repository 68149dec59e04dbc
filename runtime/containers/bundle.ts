import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OciSpec } from '../spec/oci/runtime.ts';
import { containerFolders, type Roots } from './folders.ts';

/** Writes the OCI bundle to the tmpfs: config.json alone, since its root file system is elsewhere. */
export const writeSpec = (roots: Roots, id: string, spec: OciSpec): void => {
  const { bundle } = containerFolders(roots, id);
  mkdirSync(bundle, { recursive: true, mode: 0o700 });
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(spec), { mode: 0o600 });
};

/** The specification that the container was made from. */
export const readSpec = async (roots: Roots, id: string): Promise<OciSpec> =>
  JSON.parse(await readFile(join(containerFolders(roots, id).bundle, 'config.json'), 'utf8'));

/** Idempotent. */
export const removeSpec = (roots: Roots, id: string): void =>
  rmSync(containerFolders(roots, id).bundle, { recursive: true, force: true });
