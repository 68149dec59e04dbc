import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commandOutput } from '../../core/command.ts';
import { packageArchives, sourceLine } from '../archives.ts';
import { type Architecture, goArchitecture } from '../pins.ts';
import type { Work } from '../report.ts';
import type { TarEntry } from '../tar.ts';
import { inRoot, programWithLibraries } from './program-files.ts';

/** Ten seconds as a rule; two minutes have been seen on an emulated machine. */
const extractDeadlineSeconds = 1200;

/** Applets of busybox that a person in the container, or a check, will look for. */
const applets = [
  'sh',
  'cat',
  'echo',
  'ls',
  'ps',
  'nc',
  'sleep',
  'id',
  'env',
  'mount',
  'ip',
  'wget',
  'hostname',
  'stty',
  'tty',
  'vi',
  'grep',
  'head',
  'kill',
  'test',
  'true',
  'false',
  'touch',
  'rm',
  'mkdir',
  'dd',
  'date',
  'uname',
  'wc',
  // The verification runs a part of critest in this image.
  'brctl',
  'chmod',
  'netstat',
  'nslookup',
  'ping',
  'printf',
  'tail',
  'top',
] as const;

/** Other hosts talk to redis here, which its protected mode would refuse. */
const entrypoint = `#!/bin/sh
set -e
if [ "$1" = redis-server ]; then
  shift
  exec redis-server "$@" --protected-mode no --dir /data
fi
exec "$@"
`;

/** The two layers of the image: a small userland, and redis with exactly the libraries that it loads. */
export async function redisLayers(arch: Architecture, folder: string, work: Work): Promise<TarEntry[][]> {
  const root = join(folder, 'root');
  await extractPackages(root, arch, work);
  const redis = await programWithLibraries(root, ['usr/bin/redis-server', 'usr/bin/redis-cli'], arch);
  return [await userland(root), redis];
}

/** Downloads and unpacks without running anything, so that the architecture may be another. */
async function extractPackages(root: string, arch: Architecture, work: Work): Promise<void> {
  const { suite, archives } = await packageArchives();
  const argv = [
    'mmdebstrap',
    '--quiet',
    '--variant=extract',
    `--architectures=${goArchitecture[arch]}`,
  ].concat(['--include=redis-server,busybox-static', suite, root], archives.map(sourceLine));
  await commandOutput(argv, {
    signal: work.signal,
    deadlineSeconds: extractDeadlineSeconds,
    endsWithUs: true,
  });
}

async function userland(root: string): Promise<TarEntry[]> {
  const folder = (path: string, mode = 0o755): TarEntry => ({ path, mode, content: 'folder' });
  const text = (path: string, content: string, mode = 0o644): TarEntry => ({
    path,
    mode,
    content: Buffer.from(content),
  });
  return [
    ...['bin', 'dev', 'etc', 'proc', 'root', 'sys', 'usr', 'usr/bin', 'usr/local', 'usr/local/bin'].map(
      (path) => folder(path),
    ),
    folder('tmp', 0o1777),
    folder('data', 0o777),
    text(
      'etc/passwd',
      'root:x:0:0:root:/root:/bin/sh\nredis:x:999:999::/data:/bin/false\nnobody:x:65534:65534::/:/bin/false\n',
    ),
    text('etc/group', 'root:x:0:\nredis:x:999:\nnobody:x:65534:\n'),
    text('usr/local/bin/docker-entrypoint.sh', entrypoint, 0o755),
    {
      path: 'bin/busybox',
      mode: 0o755,
      content: await readFile(await inRoot(root, ['bin/busybox', 'usr/bin/busybox'])),
    },
    ...applets.map(
      (name): TarEntry => ({ path: `bin/${name}`, mode: 0o777, content: { linkTo: 'busybox' } }),
    ),
  ];
}

/** Writes the entries of a layer as files, to try what is in them. */
export async function writeEntries(folder: string, entries: readonly TarEntry[]): Promise<void> {
  for (const { path, mode, content } of entries) {
    const target = join(folder, path);
    if (content === 'folder') await mkdir(target, { recursive: true });
    else if (Buffer.isBuffer(content)) await writeFile(target, content, { mode });
    else await symlink(content.linkTo, target);
  }
}
