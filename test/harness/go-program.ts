import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/berth-test');

/**
 * Path of the static program whose source is in a folder; built when its source is new. Throws, so that the tests fail,
 * where there is no Go.
 */
export const buildGoProgram = async (source: string): Promise<string> => {
  const binary = join(CACHE, `${basename(source)}-${await digestOf(source)}`);
  if (await exists(binary)) return binary;
  const go = await findGo();
  await mkdir(CACHE, { recursive: true });
  const staged = `${binary}.${process.pid}`;
  await run(go, ['build', '-trimpath', '-ldflags=-s -w', '-o', staged, '.'], {
    cwd: source,
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '' },
  });
  await rename(staged, binary);
  return binary;
};

const digestOf = async (source: string): Promise<string> => {
  const hash = createHash('sha256');
  for (const name of (await readdir(source)).sort())
    hash.update(name).update(await readFile(join(source, name)));
  return hash.digest('hex').slice(0, 16);
};

const findGo = async (): Promise<string> => {
  for (const go of ['go', '/usr/local/go/bin/go']) {
    const found = await run(go, ['version']).then(
      () => true,
      () => false,
    );
    if (found) return go;
  }
  throw new Error(
    'these tests build a program with Go, and there is none; install it: https://go.dev/doc/install',
  );
};

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
