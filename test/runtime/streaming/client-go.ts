import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SOURCE = join(import.meta.dirname, 'client-go');
const CACHE = join(import.meta.dirname, '../../../node_modules/.cache/berth-test');

/**
 * Path of the program in client-go/, which drives us with Kubernetes' own client library; built when its source is
 * new. Throws, so that the tests fail, where there is no Go.
 */
export const buildClientGo = async (): Promise<string> => {
  const binary = join(CACHE, `client-go-${await digestOfSource()}`);
  if (await exists(binary)) return binary;
  const go = await findGo();
  await mkdir(CACHE, { recursive: true });
  const staged = `${binary}.${process.pid}`;
  await run(go, ['build', '-trimpath', '-ldflags=-s -w', '-o', staged, '.'], {
    cwd: SOURCE,
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '' },
  });
  await rename(staged, binary);
  return binary;
};

const digestOfSource = async (): Promise<string> => {
  const hash = createHash('sha256');
  for (const name of (await readdir(SOURCE)).sort())
    hash.update(name).update(await readFile(join(SOURCE, name)));
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
    'these tests build a client with Go, and there is none; install it: https://go.dev/doc/install',
  );
};

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

export interface ExecResult {
  readonly exitCode: number;
  readonly error: string;
  readonly stdinSha256: string;
  readonly stdoutSha256: string;
  readonly stdoutBytes: number;
  readonly stdoutHead: string;
  readonly stderr: string;
  readonly milliseconds: number;
}

export interface ForwardResult {
  readonly sentSha256: string;
  readonly receivedSha256: string;
  readonly receivedBytes: number;
  readonly error: string;
}

/** Opens all URLs at once; the flags are those of client-go/exec.go. */
export const clientGoExec = async (
  urls: readonly string[],
  ...flags: readonly string[]
): Promise<ExecResult[]> =>
  JSON.parse((await run(await buildClientGo(), ['exec', ...flags, ...urls])).stdout);

/** Forwards a port and talks through it; the flags are those of client-go/portforward.go. */
export const clientGoForward = async (url: string, ...flags: readonly string[]): Promise<ForwardResult[]> =>
  JSON.parse((await run(await buildClientGo(), ['portforward', ...flags, url])).stdout);
