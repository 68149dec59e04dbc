import { mkdirSync } from 'node:fs';
import { Fail } from '../../core/fail.ts';
import { hasErrno } from '../../linux/system-call-failed.ts';
import type { Digest } from '../../spec/oci/image.ts';
import { type BlobDescriptor, readBlob } from '../registry/blob.ts';
import type { Registry } from '../registry/registry.ts';
import { diffIn } from '../store/layout.ts';
import type { LayerContents } from './extract.ts';
import { unpackLayer } from './unpack-layer.ts';

/** One layer to be fetched and unpacked: plain data, it goes to other threads. */
export interface LayerJob {
  /** Position in the image, 0 is the bottom. */
  readonly index: number;
  readonly blob: BlobDescriptor;
  readonly diffId: Digest;
  readonly chainId: Digest;
  /** To be made; the layer comes into its `diff`. */
  readonly folder: string;
}

export interface StageOptions {
  readonly signal: AbortSignal;
  /** Compressed bytes that came. */
  readonly onBytes: (count: number) => void;
}

/** Fetches, verifies and unpacks one layer into its staging folder. */
export const stageLayer = async (
  registry: Registry,
  job: LayerJob,
  options: StageOptions,
): Promise<LayerContents> => {
  const diff = diffIn(job.folder);
  mkdirSync(diff, { recursive: true, mode: 0o755 });
  try {
    return await unpackLayer(
      counted(readBlob(registry, job.blob, options.signal), options.onBytes),
      diff,
      job.diffId,
      options.signal,
    );
  } catch (error) {
    if (options.signal.aborted || !isContentFault(error)) throw explain(error, registry, job);
    await readToEnd(registry, job, options.signal);
    throw explain(error, registry, job);
  }
};

async function* counted(
  bytes: AsyncIterable<Buffer>,
  onBytes: (count: number) => void,
): AsyncGenerator<Buffer, void, void> {
  for await (const chunk of bytes) {
    onBytes(chunk.length);
    yield chunk;
  }
}

/** Nonsense inside a layer may be its maker's or an accident on the way: the digest of the whole blob tells which, as `DataLoss`. */
const readToEnd = async (registry: Registry, job: LayerJob, signal: AbortSignal): Promise<void> => {
  for await (const _ of readBlob(registry, job.blob, signal));
};

const isContentFault = (error: unknown): boolean =>
  error instanceof Fail
    ? error.code === 'InvalidArgument' || error.code === 'Unimplemented'
    : isInflateError(error);

const isInflateError = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && /^(Z_|ZSTD_|ERR_ZSTD|ERR_ZLIB)/.test(String(error.code));

const explain = (error: unknown, registry: Registry, job: LayerJob): unknown => {
  const layer = `${registry.name}: layer ${job.blob.digest}`;
  if (error instanceof Fail) return error.message.includes(job.blob.digest) ? error : rename(error, layer);
  if (isInflateError(error)) {
    return new Fail('InvalidArgument', `${layer}: it cannot be decompressed: ${error.message}`, {
      hint: 'build and push the image again',
      cause: error,
    });
  }
  if (hasErrno(error, 'ENOSPC', 'EDQUOT')) {
    return new Fail('ResourceExhausted', `${layer}: no space left below ${job.folder}`, {
      hint: 'free disk space or inodes there, then pull again',
      cause: error,
    });
  }
  return error;
};

const rename = (fail: Fail, subject: string): Fail =>
  new Fail(fail.code, `${subject}: ${fail.message}`, {
    ...(fail.hint === undefined ? {} : { hint: fail.hint }),
    context: fail.context,
    cause: fail,
  });
