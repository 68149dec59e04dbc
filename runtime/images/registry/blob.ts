import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Fail } from '../../core/fail.ts';
import type { Digest } from '../../spec/oci/image.ts';
import { chunksOf } from './body.ts';
import type { Registry } from './registry.ts';
import { backOff, isBrokenConnection } from './retry.ts';

/** Attempts in a row that brought no byte. */
const FRUITLESS_ATTEMPTS = 5;

export interface BlobDescriptor {
  readonly digest: Digest;
  /** Bytes, as the manifest says. */
  readonly size: number;
}

/**
 * The bytes of a blob, at most `size` of them; a connection that breaks is taken up where it broke. Ends only
 * when size and digest are right, else throws `DataLoss`: what was made of the bytes must not be used before.
 */
export async function* readBlob(
  registry: Registry,
  blob: BlobDescriptor,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  const hash = createHash('sha256');
  let received = 0;
  let fruitless = 0;
  while (received < blob.size) {
    const before = received;
    try {
      for await (const chunk of bytesFrom(registry, blob, received, signal)) {
        received += chunk.length;
        if (received > blob.size)
          throw wrong(registry, blob, `it is longer than the ${blob.size} bytes its manifest says`);
        hash.update(chunk);
        yield chunk;
      }
      if (received < blob.size)
        throw Object.assign(new Error('the blob ended early'), { code: 'ECONNRESET' });
    } catch (error) {
      if (!isBrokenConnection(error)) throw error;
      fruitless = received > before ? 0 : fruitless + 1;
      if (fruitless >= FRUITLESS_ATTEMPTS) throw brokenOff(registry, blob, received, error);
      await backOff(Math.max(1, fruitless), signal);
    }
  }
  const actual = hash.digest('hex');
  if (`sha256:${actual}` !== blob.digest) throw wrong(registry, blob, `its digest is sha256:${actual}`);
}

/** A blob small enough for memory, e.g. the configuration. */
export const readSmallBlob = async (
  registry: Registry,
  blob: BlobDescriptor,
  limit: number,
  signal: AbortSignal,
): Promise<Buffer> => {
  if (blob.size > limit) {
    throw new Fail(
      'ResourceExhausted',
      `${registry.name}: blob ${blob.digest} of ${blob.size} bytes is larger than ${limit} bytes`,
      {
        hint: 'this is not a plausible image; ask its publisher',
      },
    );
  }
  const chunks: Buffer[] = [];
  for await (const chunk of readBlob(registry, blob, signal)) chunks.push(chunk);
  return Buffer.concat(chunks);
};

async function* bytesFrom(registry: Registry, blob: BlobDescriptor, offset: number, signal: AbortSignal) {
  const headers = offset === 0 ? {} : { range: `bytes=${offset}-` };
  const response = await registry.get(`blobs/${blob.digest}`, { headers, signal });
  let skip = offset - startOf(response);
  if (skip < 0) {
    response.destroy();
    throw wrong(registry, blob, 'the registry answered with another range than was asked for');
  }
  for await (const chunk of chunksOf(response, registry.source.host, registry.stallMs)) {
    if (skip >= chunk.length) {
      skip -= chunk.length;
      continue;
    }
    yield skip === 0 ? chunk : chunk.subarray(skip);
    skip = 0;
  }
}

/** Where the bytes of a response begin: registries may answer a range with the whole. */
const startOf = (response: IncomingMessage): number => {
  if (response.statusCode !== 206) return 0;
  const start = /^bytes ([0-9]+)-/.exec(response.headers['content-range'] ?? '')?.[1];
  return start === undefined ? Number.POSITIVE_INFINITY : Number(start);
};

const wrong = (registry: Registry, blob: BlobDescriptor, why: string): Fail =>
  new Fail(
    'DataLoss',
    `registry ${registry.source.host}, repository ${registry.source.repository}, blob ${blob.digest}: ${why}`,
    {
      hint: 'the registry or something on the way to it altered the image: pull again, and push it again when that does not help',
    },
  );

const brokenOff = (registry: Registry, blob: BlobDescriptor, received: number, cause: unknown): Fail =>
  new Fail(
    'Unavailable',
    `registry ${registry.source.host}, repository ${registry.source.repository}, blob ${blob.digest}: the connection broke ${FRUITLESS_ATTEMPTS} times at byte ${received} of ${blob.size}`,
    { hint: 'check the network between this node and the registry', cause },
  );
