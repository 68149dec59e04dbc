import type { Readable } from 'node:stream';
import { Fail } from '../../core/fail.ts';
import type { ExecResult, RemoteProcess } from './connection.ts';

/** More output of one command than this is a fault of the host, in bytes. */
const outputLimit = 64 * 1024 * 1024;

/** Feeds `input` and gathers all output of a running command. */
export async function collect(
  host: string,
  process: RemoteProcess,
  input: string | Buffer | undefined,
): Promise<ExecResult> {
  // A command may end without reading its input: its exit says what happened, not the broken pipe.
  process.stdin.on('error', () => {});
  process.stdin.end(input);
  const [end, stdout, stderr] = await Promise.all([
    process.exited,
    readAll(host, process.stdout),
    readAll(host, process.stderr),
  ]);
  return { ...end, stdout, stderr };
}

/** Resolves when the stream is closed, for whatever reason: why a command ended is told by `exited`. */
async function readAll(host: string, stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= outputLimit) chunks.push(chunk);
    else reject(new Fail('CommandFailed', `${host}: a command printed more than ${outputLimit} bytes`));
  });
  stream.on('close', () => resolve(Buffer.concat(chunks).toString('utf8')));
  stream.on('error', () => {});
  return promise;
}
