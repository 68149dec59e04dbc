import type { Readable } from 'node:stream';
import { Fail } from '../../core/fail.ts';
import type { Connection, ExecResult, RunOptions } from './connection.ts';

/** More output of one command than this is a fault of the host, in bytes. */
const outputLimit = 64 * 1024 * 1024;

/** Runs a script to its end: feeds `input`, gathers all output. A command that prints without end is ended. */
export async function collect(
  connection: Pick<Connection, 'host' | 'spawn'>,
  script: string,
  options: RunOptions,
): Promise<ExecResult> {
  const { host } = connection;
  const enough = new AbortController();
  const signal = AbortSignal.any([options.signal, enough.signal]);
  const process = await connection.spawn(script, { signal });
  // A command may end without reading its input: its exit says what happened, not the broken pipe.
  process.stdin.on('error', () => {});
  process.stdin.end(options.input);
  if (options.onOutput !== undefined) process.stdout.on('data', options.onOutput);
  const tooMuch = () => enough.abort(printedTooMuch(host));
  const [end, stdout, stderr] = await Promise.all([
    process.exited,
    readAll(process.stdout, tooMuch),
    readAll(process.stderr, tooMuch),
  ]);
  return { ...end, stdout, stderr };
}

const printedTooMuch = (host: string): Fail =>
  new Fail(
    'CommandFailed',
    `${host}: a command printed more than ${outputLimit / 1024 / 1024} MiB and was ended`,
    {
      hint: 'Run it by hand to see what it prints: berth ssh HOST -- COMMAND.',
    },
  );

/** Resolves when the stream is closed, for whatever reason: why a command ended is told by `exited`. */
async function readAll(stream: Readable, tooMuch: () => void): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const { promise, resolve } = Promise.withResolvers<string>();
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= outputLimit) chunks.push(chunk);
    else tooMuch();
  });
  stream.on('close', () => resolve(Buffer.concat(chunks).toString('utf8')));
  stream.on('error', () => {});
  return promise;
}
