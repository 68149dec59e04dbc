import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { goArchitecture } from '../../../src/artifacts/pins.ts';
import { makeTar } from '../../../src/artifacts/tar.ts';
import { conmonIn } from './conmon.ts';
import { buildCrio } from './releases.ts';

/** Writes a bundle of CRI-O's programs with its checksum, named and laid out as its project publishes them. */
export async function writeCrioBundle(folder: string, version: string): Promise<void> {
  const { crio, pinns } = await buildCrio(version);
  const work = await mkdtemp(join(tmpdir(), 'berth-bundle-'));
  try {
    const programs = { crio, pinns, conmon: await conmonIn(work) };
    const entries = Object.entries(programs).map(async ([name, path]) => ({
      path: `cri-o/bin/${name}`,
      mode: 0o755,
      content: await readFile(path),
    }));
    const archive = gzipSync(makeTar(await Promise.all(entries)), { level: 1 });
    const arch = goArchitecture[process.arch === 'x64' ? 'x64' : 'arm64'];
    const name = `cri-o.${arch}.v${version}.tar.gz`;
    await writeFile(join(folder, name), archive);
    const sha256 = createHash('sha256').update(archive).digest('hex');
    await writeFile(join(folder, `${name}.sha256`), `${sha256}  ${name}\n`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
