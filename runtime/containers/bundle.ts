import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../linux/replace-file.ts';
import type { OciSpec } from '../spec/oci/runtime.ts';
import { containerFolders, type Roots } from './folders.ts';

/**
 * Writes the OCI bundle to the tmpfs: config.json alone, since its root file system is elsewhere. In
 * one step, since an update of a running container writes it again.
 */
export const writeSpec = (roots: Roots, id: string, spec: OciSpec): void => {
  const { bundle } = containerFolders(roots, id);
  mkdirSync(bundle, { recursive: true, mode: 0o700 });
  replaceFile(join(bundle, 'config.json'), JSON.stringify(spec));
};

/** The specification that the container was made from. */
export const readSpec = (roots: Roots, id: string): OciSpec =>
  JSON.parse(readFileSync(join(containerFolders(roots, id).bundle, 'config.json'), 'utf8'));

/** Idempotent. */
export const removeSpec = (roots: Roots, id: string): void =>
  rmSync(containerFolders(roots, id).bundle, { recursive: true, force: true });
