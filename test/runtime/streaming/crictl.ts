import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Path of the real crictl, which `npm test` puts there. */
export const crictlPath = (): string => {
  const path = process.env['BERTH_TEST_CRICTL'];
  if (path === undefined)
    throw new Error('BERTH_TEST_CRICTL does not name a crictl; run the tests through `npm test`');
  return path;
};

export interface CrictlResult {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Starts crictl against the endpoint. */
export const startCrictl = (endpoint: string, args: readonly string[]): ChildProcessWithoutNullStreams =>
  spawn(crictlPath(), ['--config', '/dev/null', '--runtime-endpoint', endpoint, ...args]);

/** Runs crictl against the endpoint to its end. */
export const crictl = async (
  endpoint: string,
  args: readonly string[],
  input: string | Buffer = '',
): Promise<CrictlResult> => {
  const child = startCrictl(endpoint, args);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  // A command that does not read its stdin may end before it was written.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return { code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() };
};
