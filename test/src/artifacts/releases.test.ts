import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { parseChecksum } from '../../../src/artifacts/checksum.ts';
import { fetchArtifact } from '../../../src/artifacts/fetch.ts';
import { artifactSpecs } from '../../../src/artifacts/pins.ts';
import { supplyEngineKey } from '../../../src/artifacts/supply/engine-key.ts';
import { makeTar, type TarEntry } from '../../../src/artifacts/tar.ts';
import { unpacked } from '../../../src/artifacts/unpack-release.ts';
import { folderWithCache } from '../../harness/own-cache.ts';
import { serveFolder } from '../../harness/serve-folder.ts';

const work = { emit: () => {}, signal: AbortSignal.timeout(60_000) };
const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];

for (const [what, text, name, hex] of [
  ['a bare digest', `${a}\n`, 'x', a],
  ['one line with another name', `${a}  elsewhere\n`, 'x', a],
  ['the line of its name among several', `${b}  runc.arm64\n${a} *runc.amd64\n`, 'runc.amd64', a],
  ['a name with a folder', `${b}  other\n${a}  bin/x\n`, 'x', a],
  ['a sha512', `${a}${b}  runsc\n`, 'runsc', `${a}${b}`],
  ['several names, and not its own', `${a}  one\n${b}  two\n`, 'three', undefined],
  ['a page that says there is none', '<html>404</html>', 'x', undefined],
] as const)
  test(`a checksum file with ${what} ${hex === undefined ? 'says nothing' : 'is read'}`, () => {
    assert.equal(parseChecksum(text, name)?.hex, hex);
  });

function releaseIn(t: { after(release: () => void): void }, name: string, content: Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), 'berth-release-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, name), content);
  writeFileSync(
    join(folder, `${name}.sha256`),
    `${createHash('sha256').update(content).digest('hex')}  ${name}\n`,
  );
  return folder;
}

const program = (path: string): TarEntry => ({ path, mode: 0o755, content: Buffer.from(`program ${path}`) });

test('of a bundle of CRI-O hosts get its three programs, the same bytes each time', async (t) => {
  folderWithCache(t, 'release');
  const entries = ['cri-o/bin/crio', 'cri-o/bin/pinns', 'cri-o/bin/conmon', 'cri-o/bin/crictl'].map(program);
  const folder = releaseIn(t, 'cri-o.amd64.v1.36.0.tar.gz', gzipSync(makeTar(entries)));
  const sources = { source: 'folder', mirror: undefined, folder } as const;
  const file = await fetchArtifact('cri-o', '1.36.0', 'x64', sources, work);
  const { files } = await unpacked(artifactSpecs['cri-o'], file);
  assert.deepEqual(
    files.map(({ name }) => name),
    ['crio', 'pinns', 'conmon'],
  );
  assert.equal(readFileSync(files[0]?.path ?? '', 'utf8'), 'program cri-o/bin/crio');
  const again = await unpacked(artifactSpecs['cri-o'], file);
  assert.deepEqual(again, { files, links: [] });
});

test('a bundle that lacks a program is refused by its name', async (t) => {
  folderWithCache(t, 'release');
  const entries = ['cri-o/bin/crio', 'cri-o/bin/conmon'].map(program);
  const folder = releaseIn(t, 'cri-o.amd64.v1.36.0.tar.gz', gzipSync(makeTar(entries)));
  const sources = { source: 'folder', mirror: undefined, folder } as const;
  await assert.rejects(fetchArtifact('cri-o', '1.36.0', 'x64', sources, work), /holds no pinns/);
});

test('Kata is a tree with its links and modes', async (t) => {
  folderWithCache(t, 'release');
  const entries: TarEntry[] = [
    { path: './opt', mode: 0o755, content: 'folder' },
    program('./opt/kata/bin/containerd-shim-kata-v2'),
    { path: './opt/kata/share/kata/kernel', mode: 0o644, content: Buffer.from('kernel') },
    { path: './opt/kata/share/kata/vmlinux', mode: 0o777, content: { linkTo: 'kernel' } },
  ];
  const folder = releaseIn(t, 'kata-static-3.20.0-amd64.tar.zst', zstdCompressSync(makeTar(entries)));
  const sources = { source: 'folder', mirror: undefined, folder } as const;
  const file = await fetchArtifact('kata', '3.20.0', 'x64', sources, work);
  const { files, links } = await unpacked(artifactSpecs.kata, file);
  assert.deepEqual(
    files.map(({ name, mode }) => [name, mode]),
    [
      ['opt/kata/bin/containerd-shim-kata-v2', 0o755],
      ['opt/kata/share/kata/kernel', 0o644],
    ],
  );
  assert.deepEqual(links, [{ name: 'opt/kata/share/kata/vmlinux', target: 'kernel' }]);
});

test('the checksum of the profile decides before that of the folder', async (t) => {
  folderWithCache(t, 'release');
  const folder = releaseIn(t, 'crun-1.26-linux-amd64', Buffer.from('crun'));
  const sources = { source: 'folder', mirror: undefined, folder, sha256: { x64: a } } as const;
  await assert.rejects(
    fetchArtifact('crun', '1.26', 'x64', sources, work),
    (error: Error & { code: string }) => error.code === 'ChecksumMismatch' && error.message.includes(a),
  );
});

test('what is no Go module is not built, and says so', async (t) => {
  folderWithCache(t, 'release');
  const sources = { source: 'go', mirror: undefined, folder: undefined } as const;
  await assert.rejects(fetchArtifact('crun', '1.26', 'x64', sources, work), {
    message: /crun is no Go module/,
    // The remedy of the only way there is, and not that of all others.
    hint: 'name another source of it in the profile',
  });
});

test('the key of a repository stays the one that was sent first, and a pinned one must be it', async (t) => {
  folderWithCache(t, 'release');
  const key = '-----BEGIN PGP PUBLIC KEY BLOCK-----\none\n';
  const folder = releaseIn(t, 'Release.key', Buffer.from(key));
  const address = `${await serveFolder(t, folder, '127.0.0.1')}/Release.key`;
  assert.equal(await supplyEngineKey(address, undefined, work), key);
  writeFileSync(join(folder, 'Release.key'), key.replace('one', 'two'));
  assert.equal(await supplyEngineKey(address, undefined, work), key);
  await assert.rejects(supplyEngineKey(address, a, work), /keySha256 .*a{64}/);
  writeFileSync(join(folder, 'Release.key'), '<html>');
  await assert.rejects(supplyEngineKey(`${address}?`, undefined, work), /is no OpenPGP key/);
});
