import { Fail, type FailCode } from '../core/fail.ts';
import type { Digest, OciImageConfig } from '../spec/oci/image.ts';
import type { Demand } from './policy/demand.ts';
import type { Source } from './registry-sources.ts';
import type { RegistryAuth } from './store/image.ts';

/**
 * What berthd and berth-pull say to each other. The request is one line of JSON on standard input, so that
 * credentials are in no argument list; the answers are lines of JSON on standard output:
 * `{ progress: PullProgress }` any number of times, then `{ outcome: PullOutcome }` once.
 */
export interface PullRequest {
  readonly version: 1;
  /** Tried in order until one is found: a short name may have several meanings. */
  readonly candidates: readonly Candidate[];
  readonly auth: RegistryAuth | undefined;
  readonly platform: Platform;
  /** Folder of the image store. */
  readonly root: string;
}

export interface Candidate {
  /** `docker.io/library/redis`. */
  readonly name: string;
  /** A tag or a digest. */
  readonly identifier: string;
  readonly sources: readonly Source[];
  /** Signatures without which nothing of it is fetched but its manifest. */
  readonly demands?: readonly Demand[];
}

/** In Go's words, as image indexes have them. */
export interface Platform {
  readonly os: 'linux';
  readonly architecture: string;
  readonly variant: string | undefined;
}

export interface PullProgress {
  readonly layers: number;
  readonly layersDone: number;
  /** Compressed bytes. */
  readonly bytes: number;
  readonly bytesDone: number;
}

export interface PulledImage {
  readonly id: Digest;
  readonly name: string;
  readonly tag: string | undefined;
  /** Of the index, where there is one, and of the manifest. */
  readonly manifestDigests: readonly Digest[];
  readonly layers: readonly PulledLayer[];
  /** Bytes of the configuration. */
  readonly configBytes: number;
  readonly config: OciImageConfig;
}

export interface PulledLayer {
  readonly chainId: Digest;
  readonly diffId: Digest;
  readonly sizeBytes: number;
}

export type PullOutcome =
  | { readonly ok: true; readonly image: PulledImage }
  | { readonly ok: false; readonly error: FailMessage };

/** A Fail in JSON: between berth-pull's threads, and to berthd. */
export interface FailMessage {
  readonly code: FailCode;
  readonly message: string;
  readonly hint?: string;
  readonly context?: Readonly<Record<string, unknown>>;
}

export const toMessage = (error: unknown): FailMessage => {
  if (!(error instanceof Fail)) return { code: 'Internal', message: describe(error) };
  return {
    code: error.code,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    context: error.context,
  };
};

export const fromMessage = (message: FailMessage): Fail =>
  new Fail(message.code, message.message, {
    ...(message.hint === undefined ? {} : { hint: message.hint }),
    ...(message.context === undefined ? {} : { context: message.context }),
  });

const describe = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
