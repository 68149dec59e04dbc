import { createHash, randomUUID } from 'node:crypto';
import type { Config } from '../config/config.ts';
import { Fail } from '../core/fail.ts';
import type { Shim } from '../shim/client/shim.ts';
import { loginFor, readLogins } from './auth-file.ts';
import { type Demand, readDemands } from './policy/demand.ts';
import { checkPolicy } from './policy/policy.ts';
import { signaturePlaces } from './policy/signature-places.ts';
import {
  type Candidate,
  fromMessage,
  type Platform,
  type PulledImage,
  type PullOutcome,
  type PullRequest,
} from './protocol.ts';
import type { PullsUnderWay } from './pulls-under-way.ts';
import { type ImageReference, identifierOf, nameOf } from './reference.ts';
import { candidatesFor, sourcesFor } from './registry-sources.ts';
import type { Image, PullImage, PullOptions } from './store/image.ts';
import type { OpenImageStore } from './store/open.ts';

export interface PullImageOptions {
  readonly store: OpenImageStore;
  readonly shim: Pick<Shim, 'call'>;
  readonly underWay: PullsUnderWay;
  readonly config: Pick<Config, 'registries' | 'policy' | 'globalAuthFile'>;
}

/** A cancelled pull that has not ended after this is left to itself. */
const CANCEL_MS = 10_000;

/** A pull that one or more callers wait for. */
interface Flight {
  readonly image: Promise<Image>;
  readonly cancel: AbortController;
  waiting: number;
}

/**
 * Pulls images through berth-pull. Callers of one reference with one set of credentials share a pull; it is
 * cancelled when the last of them has gone.
 */
export const createPullImage = (options: PullImageOptions): PullImage => {
  const flights = new Map<string, Flight>();

  const takeOff = (key: string, pull: PullOptions): Flight => {
    const cancel = new AbortController();
    const image = pullOnce(options, pull, cancel.signal);
    const flight: Flight = { image, cancel, waiting: 0 };
    flights.set(key, flight);
    const land = (): void => {
      if (flights.get(key) === flight) flights.delete(key);
    };
    image.then(land, land);
    return flight;
  };

  return async (pull) => {
    pull.signal.throwIfAborted();
    const key = keyOf(pull);
    const known = flights.get(key);
    const flight = known === undefined || known.cancel.signal.aborted ? takeOff(key, pull) : known;
    return board(flight, pull.signal);
  };
};

/** Waits for the flight; the last one to leave before it lands cancels it. */
const board = async (flight: Flight, signal: AbortSignal): Promise<Image> => {
  flight.waiting += 1;
  const { promise: left, reject } = Promise.withResolvers<never>();
  const leave = (): void =>
    reject(new Fail('Cancelled', 'the pull was cancelled by its caller', { cause: signal.reason }));
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([flight.image, left]);
  } finally {
    signal.removeEventListener('abort', leave);
    flight.waiting -= 1;
    if (flight.waiting === 0) flight.cancel.abort();
  }
};

/** Credentials are part of what is shared: a caller gets nothing by another's right. Only their hash is kept. */
const keyOf = ({ reference, auth }: PullOptions): string =>
  createHash('sha256')
    .update(JSON.stringify([reference, auth ?? null]))
    .digest('hex');

const pullOnce = async (
  options: PullImageOptions,
  { reference, auth }: PullOptions,
  signal: AbortSignal,
): Promise<Image> => {
  const allowed = await allowedCandidates(reference, options.config);
  const candidates = auth === undefined ? await withLogins(allowed, options.config.globalAuthFile) : allowed;
  const request: PullRequest = {
    version: 1,
    candidates,
    auth,
    platform: thisPlatform(),
    root: options.store.root,
  };
  const release = options.store.holdLayers();
  try {
    return await options.store.record(await askShim(options, reference, request, signal));
  } finally {
    await release();
  }
};

/** What the policy rejects is no candidate; when it rejects all, its refusal is the answer. */
const allowedCandidates = async (
  reference: string,
  config: PullImageOptions['config'],
): Promise<readonly Candidate[]> => {
  const allowed: Candidate[] = [];
  let refusal: unknown;
  for (const candidate of candidatesFor(reference, config.registries)) {
    try {
      const demands = await readDemands(checkPolicy(candidate, config.policy));
      const sources = sourcesFor(candidate, config.registries);
      const plain = { name: nameOf(candidate), identifier: identifierOf(candidate), sources };
      allowed.push(
        demands.length === 0 ? plain : { ...plain, ...signedOf(candidate, plain, demands, config) },
      );
    } catch (error) {
      if (!(error instanceof Fail)) throw error;
      refusal ??= error;
    }
  }
  if (allowed.length === 0) throw refusal ?? new Fail('InvalidArgument', `image ${reference} has no source`);
  return allowed;
};

/** What berth-pull has to know to look for the signatures that the policy asks for. */
const signedOf = (
  reference: ImageReference,
  { sources }: Pick<Candidate, 'sources'>,
  demands: readonly Demand[],
  { registries }: PullImageOptions['config'],
): Pick<Candidate, 'sources' | 'demands'> => ({
  sources: sources.map((source) => ({
    ...source,
    signatures: signaturePlaces(registries.signatures, source, reference),
  })),
  demands,
});

/** A request without a login gets those of the node. */
const withLogins = async (
  candidates: readonly Candidate[],
  file: string | undefined,
): Promise<readonly Candidate[]> => {
  if (file === undefined) return candidates;
  const logins = await readLogins(file);
  return candidates.map((candidate) => ({
    ...candidate,
    sources: candidate.sources.map((source) => {
      const login = loginFor(source, logins);
      return login === undefined ? source : { ...source, login };
    }),
  }));
};

/**
 * Cancelling waits for berth-pull's end, so that the staging it leaves is known as garbage; a shim that does not
 * answer is not waited for.
 */
const askShim = async (
  { shim, underWay }: PullImageOptions,
  reference: string,
  request: PullRequest,
  signal: AbortSignal,
): Promise<PulledImage> => {
  const pullId = randomUUID();
  const giveUp = new AbortController();
  const clocks: NodeJS.Timeout[] = [];
  const cancel = (): void => {
    clocks.push(setTimeout(() => giveUp.abort(), CANCEL_MS));
    shim.call('cancelPull', { pullId }, giveUp.signal).catch((error: unknown) => giveUp.abort(error));
  };
  signal.addEventListener('abort', cancel, { once: true });
  underWay.begin(pullId, reference);
  try {
    const { outcome } = await shim.call('pull', { pullId, request }, giveUp.signal);
    return imageIn(outcome);
  } finally {
    signal.removeEventListener('abort', cancel);
    for (const clock of clocks) clearTimeout(clock);
    underWay.end(pullId);
  }
};

const imageIn = (outcome: unknown): PulledImage => {
  if (!isOutcome(outcome)) {
    throw new Fail('Internal', 'berth-pull ended without an outcome', {
      hint: 'see its last lines in the log of berth-shim; pull again',
    });
  }
  if (outcome.ok) return outcome.image;
  throw fromMessage(outcome.error);
};

/** berth-pull is of the same release; whether it got to its end is the question here. */
const isOutcome = (value: unknown): value is PullOutcome =>
  typeof value === 'object' && value !== null && 'ok' in value && ('image' in value || 'error' in value);

const GO_ARCHITECTURE: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

const thisPlatform = (): Platform => ({
  os: 'linux',
  architecture: GO_ARCHITECTURE[process.arch] ?? process.arch,
  variant: undefined,
});
