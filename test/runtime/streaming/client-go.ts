import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildGoProgram } from '../../harness/go-program.ts';

const run = promisify(execFile);
const SOURCE = join(import.meta.dirname, 'client-go');

/** Path of the program in client-go/, which drives us with Kubernetes' own client library. */
export const buildClientGo = (): Promise<string> => buildGoProgram(SOURCE);

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
