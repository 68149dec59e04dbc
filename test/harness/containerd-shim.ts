import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/berth-test');
const VERSION = '2.4.2';
const PROGRAM = 'containerd-shim-runc-v2';

/**
 * Path of containerd's own shim for runc: a program that speaks version 2 of containerd's API of shims, as Kata's does,
 * and needs no virtual machine. Built by Go through its module proxy the first time, in a minute.
 */
export const containerdShim = async (): Promise<string> => {
  const path = join(CACHE, `${PROGRAM}-${VERSION}`);
  if (existsSync(path)) return path;
  const staged = join(CACHE, `${PROGRAM}.${process.pid}`);
  await mkdir(staged, { recursive: true });
  const go = existsSync('/usr/local/go/bin/go') ? '/usr/local/go/bin/go' : 'go';
  try {
    const module = `github.com/containerd/containerd/v2/cmd/${PROGRAM}@v${VERSION}`;
    await run(go, ['install', '-trimpath', '-ldflags=-s -w', module], {
      cwd: staged,
      env: { ...process.env, GOBIN: staged, GOFLAGS: '', CGO_ENABLED: '0' },
      maxBuffer: 2 ** 26,
    });
    await rename(join(staged, PROGRAM), path);
    return path;
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
};
