import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { artifactSpecs } from '../../src/artifacts/pins.ts';
import { tarOf } from './tar.ts';

/** Every program of every artifact, in one archive. */
const archive = (): Buffer => {
  const names = Object.values(artifactSpecs).flatMap(({ program, programs }) => [
    program,
    ...(Array.isArray(programs) ? programs : []),
  ]);
  return tarOf([...new Set(names)].map((path) => ({ path, body: `stand-in for ${path}\n`, mode: 0o755 })));
};

/** What the key of a package repository looks like. */
const key = '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nc3RhbmQtaW4=\n-----END PGP PUBLIC KEY BLOCK-----\n';

const bodyOf = (name: string): Buffer => {
  if (/\.(tar\.gz|tgz)$/.test(name)) return gzipSync(archive());
  if (name.endsWith('.key')) return Buffer.from(key);
  return name.endsWith('.tar.zst') ? zstdCompressSync(archive()) : Buffer.from(`stand-in for ${name}\n`);
};

/**
 * A mirror that has every release of every program, each with its checksum: files that stand in for those that a machine
 * without a way out cannot have. A plan needs what they are called and their digests; nothing here is ever run.
 */
export const standInMirror = async (t: { after(release: () => Promise<void>): void }): Promise<string> => {
  const server = createServer((request, response) => {
    const name = decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname.split('/').at(-1) ?? '');
    const file = name.replace(/\.sha256$/, '');
    const body = bodyOf(file);
    response.end(name === file ? body : `${createHash('sha256').update(body).digest('hex')}  ${file}\n`);
  });
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(0, '127.0.0.1', resolve);
  await listening;
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};
