import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Candidate, PulledImage, PullOutcome, PullRequest } from '../../runtime/images/protocol.ts';
import { fromMessage } from '../../runtime/images/protocol.ts';

const PROGRAM = join(import.meta.dirname, '../../runtime/berth-pull.ts');

export interface PullRun {
  readonly child: ChildProcess;
  /** Progress and standard error, to look for what must not be there. */
  readonly output: Promise<string>;
  /** Undefined when the process ended without one. */
  readonly outcome: Promise<PullOutcome | undefined>;
}

/** Runs the real berth-pull, as the shim would. */
export const startPull = (request: PullRequest, env: Readonly<Record<string, string>> = {}): PullRun => {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(`${JSON.stringify(request)}\n`);
  const ended = new Promise<void>((resolve, reject) =>
    child.on('close', () => resolve()).on('error', reject),
  );
  return { child, output: ended.then(() => output), outcome: ended.then(() => outcomeIn(output)) };
};

const outcomeIn = (output: string): PullOutcome | undefined => {
  for (const line of output.split('\n')) if (line.startsWith('{"outcome":')) return JSON.parse(line).outcome;
  return undefined;
};

/** Pulls to the end; a failed pull throws its Fail. */
export const pull = async (request: PullRequest): Promise<PulledImage> => {
  const run = startPull(request);
  const outcome = await run.outcome;
  if (outcome === undefined) throw new Error(`berth-pull ended without an outcome: ${await run.output}`);
  if (!outcome.ok) throw fromMessage(outcome.error);
  return outcome.image;
};

export const requestFor = (
  root: string,
  host: string,
  repository: string,
  identifier: string,
  more: Partial<PullRequest> = {},
): PullRequest => ({
  version: 1,
  root,
  candidates: [candidate(host, repository, identifier)],
  auth: undefined,
  platform: {
    os: 'linux',
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    variant: undefined,
  },
  ...more,
});

export const candidate = (host: string, repository: string, identifier: string): Candidate => ({
  name: `${host}/${repository}`,
  identifier,
  sources: [{ host, repository, insecure: false, primary: true }],
});
