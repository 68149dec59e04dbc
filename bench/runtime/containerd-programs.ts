import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const VERSION = '2.4.2';
const MODULE = 'github.com/containerd/containerd/v2/cmd';
const CACHE = resolve(import.meta.dirname, '../../node_modules/.cache/berth-bench');

/**
 * Folder of containerd and its shim: a recent one, built by Go through its module proxy the first time (a minute), else
 * the distribution's.
 */
export const containerdPrograms = async (): Promise<string> => {
  const folder = join(CACHE, `containerd-${VERSION}`);
  if (existsSync(join(folder, 'containerd-shim-runc-v2'))) return folder;
  try {
    await build(folder);
    return folder;
  } catch (error) {
    const found = (process.env['PATH'] ?? '')
      .split(delimiter)
      .find((path) => existsSync(join(path, 'containerd')));
    const why = error instanceof Error ? error.message : String(error);
    if (found === undefined) throw new Error(`no containerd: install Go or Debian's containerd (${why})`);
    process.stderr.write(`measuring ${found}/containerd: version ${VERSION} cannot be built here (${why})\n`);
    return found;
  }
};

const build = async (folder: string): Promise<void> => {
  const go = existsSync('/usr/local/go/bin/go') ? '/usr/local/go/bin/go' : 'go';
  const staged = `${folder}.${process.pid}`;
  mkdirSync(staged, { recursive: true });
  process.stderr.write(`building containerd ${VERSION}\n`);
  try {
    const programs = ['containerd', 'containerd-shim-runc-v2'].map((name) => `${MODULE}/${name}@v${VERSION}`);
    const tags = 'no_btrfs,no_devmapper,no_zfs';
    await run(go, ['install', '-trimpath', '-ldflags=-s -w', '-tags', tags, ...programs], {
      cwd: staged,
      env: { ...process.env, GOBIN: staged, GOFLAGS: '', CGO_ENABLED: '0' },
      maxBuffer: 2 ** 26,
    });
    rmSync(folder, { recursive: true, force: true });
    renameSync(staged, folder);
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
};
