import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OciSpec } from '../spec/oci/runtime.ts';
import { containerFolders, type Roots } from './folders.ts';

/** Writes the OCI bundle: config.json alone, since its root file system is elsewhere. */
export const writeSpec = async (roots: Roots, id: string, spec: OciSpec): Promise<void> => {
  const { bundle } = containerFolders(roots, id);
  await mkdir(bundle, { recursive: true, mode: 0o700 });
  await writeFile(join(bundle, 'config.json'), JSON.stringify(spec), { mode: 0o600 });
};

/** The specification that the container was made from. */
export const readSpec = async (roots: Roots, id: string): Promise<OciSpec> =>
  JSON.parse(await readFile(join(containerFolders(roots, id).bundle, 'config.json'), 'utf8'));
