import { chmod, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Architecture } from '../artifacts/pins.ts';
import { buildRelease, type Release } from '../artifacts/release/build.ts';
import { byteSize } from '../core/text.ts';
import { exitCodes } from './exit-codes.ts';
import { listenForInterrupts } from './interrupts.ts';

/** Writes `<out>/berth-<version>-<architecture>/` with a SHA256SUMS file for each architecture. */
export const buildReleases = async (architectures: readonly Architecture[], out: string): Promise<number> => {
  using interrupts = listenForInterrupts(() => {});
  for (const arch of architectures) {
    const release = await buildRelease(arch, { emit: () => {}, signal: interrupts.signal });
    const folder = join(out, `berth-${release.version}-${arch}`);
    await writeRelease(release, folder);
    const bytes = release.files.reduce((sum, file) => sum + file.bytes, 0);
    process.stdout.write(`${folder}: ${release.files.length} files, ${byteSize(bytes)}\n`);
  }
  return exitCodes.done;
};

const writeRelease = async (release: Release, folder: string): Promise<void> => {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const { name, path, mode } of release.files) {
    await copyFile(path, join(folder, name));
    await chmod(join(folder, name), mode);
  }
  const sums = release.files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).sort();
  await writeFile(join(folder, 'SHA256SUMS'), sums.join(''));
};
