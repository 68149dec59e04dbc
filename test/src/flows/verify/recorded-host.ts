import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Connection, RemoteProcess } from '../../../../src/host/transport/connection.ts';

const programs = fileURLToPath(new URL('recorded-host', import.meta.url));

/** A host whose programs replay what real ones answered, behind a real shell. Disposing removes its state. */
export interface RecordedHost extends Disposable {
  readonly connection: Connection;
  /** The calls of crictl so far. */
  calls(): string[];
  /** What exists of pod, container, running and the folder of a run. */
  left(): string[];
  /** As if an earlier run had left its pod. */
  leaveStalePod(): void;
  /** The process of the last script. */
  last(): ChildProcess;
}

const exitOf = (child: ChildProcess): RemoteProcess['exited'] =>
  new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve({ exitCode: code ?? undefined, signal: signal ?? undefined }),
    );
  });

const textOf = async (stream: AsyncIterable<Buffer>): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
};

export const recordedHost = (
  options: { shell?: readonly string[]; env?: NodeJS.ProcessEnv } = {},
): RecordedHost => {
  const state = mkdtempSync(join(tmpdir(), 'berth-recorded-'));
  const [program = 'sh', ...flags] = options.shell ?? ['sh'];
  let last: ChildProcess | undefined;
  const start = (script: string, signal: AbortSignal) => {
    const env = {
      ...process.env,
      PATH: `${programs}:${process.env['PATH']}`,
      RECORDED: state,
      ...options.env,
    };
    const child = spawn(program, [...flags, '-c', script], { stdio: 'pipe', env, signal });
    last = child;
    return child;
  };
  const connection: Connection = {
    host: 'node-1',
    address: 'recorded',
    async sh(script, { signal, input }) {
      const child = start(script, signal);
      child.stdin.end(input);
      const [stdout, stderr, ended] = await Promise.all([
        textOf(child.stdout),
        textOf(child.stderr),
        exitOf(child),
      ]);
      return { ...ended, stdout, stderr };
    },
    async spawn(script, { signal }) {
      const child = start(script, signal);
      return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, exited: exitOf(child) };
    },
    interact: () => Promise.reject(new Error('the recorded host has no terminal')),
    forwardToLocal: () => Promise.reject(new Error('the recorded host forwards nothing')),
    stats: () => ({ roundTrips: 0, channels: 0, mostChannels: 0, bytesSent: 0, bytesReceived: 0 }),
    close: async () => undefined,
  };
  return {
    connection,
    calls: () =>
      existsSync(join(state, 'calls'))
        ? readFileSync(join(state, 'calls'), 'utf8').trimEnd().split('\n')
        : [],
    left: () => readdirSync(state).filter((name) => name !== 'calls' && name !== 'value'),
    leaveStalePod: () => writeFileSync(join(state, 'pod'), '{}'),
    last: () => {
      if (last) return last;
      throw new Error('no script was started');
    },
    [Symbol.dispose]: () => rmSync(state, { recursive: true, force: true }),
  };
};
