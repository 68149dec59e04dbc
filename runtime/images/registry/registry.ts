import type { IncomingMessage } from 'node:http';
import { Fail } from '../../core/fail.ts';
import type { Source } from '../registry-sources.ts';
import { discard } from './body.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { basicHeader, type Credentials } from './credentials.ts';
import { cannotReach, explainStatus } from './explain.ts';
import { codeOf, isBrokenConnection, retryAfterMs, Transient, withRetries } from './retry.ts';
import { fetchToken } from './token.ts';
import { createTransport, type Transport } from './transport.ts';

const MAX_REDIRECTS = 5;
const RETRIED_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);

type Protocol = 'https:' | 'http:';

/** What another thread needs to go on with a registry that was reached once. */
export interface RegistrySeed {
  readonly source: Source;
  readonly credentials: Credentials;
  readonly protocol: Protocol | undefined;
  readonly authorization: string | undefined;
  readonly stallMs: number;
}

export interface GetOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/**
 * One repository of one registry, spoken to with the distribution API. There is no ping: the first real
 * request finds out the protocol and what authorization it takes, and later ones start from there.
 */
export class Registry {
  readonly source: Source;
  readonly stallMs: number;
  readonly #transport: Transport;
  readonly #credentials: Credentials;
  #protocol: Protocol | undefined;
  #authorization: string | undefined;

  constructor(seed: RegistrySeed) {
    this.source = seed.source;
    this.stallMs = seed.stallMs;
    this.#credentials = seed.credentials;
    this.#protocol = seed.protocol;
    this.#authorization =
      seed.authorization ??
      (seed.credentials.registryToken === undefined ? undefined : `Bearer ${seed.credentials.registryToken}`);
    this.#transport = createTransport({ insecure: seed.source.insecure, stallMs: seed.stallMs });
  }

  seed(): RegistrySeed {
    return {
      source: this.source,
      credentials: this.#credentials,
      protocol: this.#protocol,
      authorization: this.#authorization,
      stallMs: this.stallMs,
    };
  }

  /** For messages: `registry.example.com:5000/team/app`. */
  get name(): string {
    return `${this.source.host}/${this.source.repository}`;
  }

  /**
   * GET of `path` below the repository, e.g. `manifests/latest`. Resolves with a response of status 200 or
   * 206; anything else is a Fail that says what it means.
   */
  get(path: string, options: GetOptions): Promise<IncomingMessage> {
    return withRetries(() => this.#getOnce(path, options), options.signal);
  }

  close(): void {
    this.#transport.close();
  }

  async #getOnce(path: string, options: GetOptions): Promise<IncomingMessage> {
    const response = await this.#reach(path, options);
    const status = response.statusCode ?? 0;
    if (status === 200 || status === 206) return response;
    if (status === 401) return this.#getAuthorized(path, options, response);
    throw this.#explain(path, response);
  }

  async #getAuthorized(
    path: string,
    options: GetOptions,
    refusal: IncomingMessage,
  ): Promise<IncomingMessage> {
    discard(refusal);
    const challenges = parseChallenges(refusal.headers['www-authenticate'] ?? '');
    this.#authorization = await this.#authorize(challenges, options.signal);
    const response = await this.#reach(path, options);
    const status = response.statusCode ?? 0;
    if (status === 200 || status === 206) return response;
    throw this.#explain(path, response);
  }

  async #authorize(challenges: readonly Challenge[], signal: AbortSignal): Promise<string> {
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) return `Bearer ${await this.#token(bearer, signal)}`;
    const basic = challenges.find(({ scheme }) => scheme === 'basic');
    if (basic !== undefined && this.#credentials.basic !== undefined)
      return basicHeader(this.#credentials.basic);
    throw explainStatus(401, this.#subject(''), this.#credentials);
  }

  async #token(challenge: Challenge, signal: AbortSignal): Promise<string> {
    try {
      return await fetchToken(this.#transport, {
        challenge,
        scope: `repository:${this.source.repository}:pull`,
        credentials: this.#credentials,
        registry: this.source.host,
        secure: this.#protocol === 'https:',
        stallMs: this.stallMs,
        signal,
      });
    } catch (error) {
      if (error instanceof Fail || signal.aborted) throw error;
      throw this.#connectionFailed(error, 'its token server');
    }
  }

  /** Sends by the protocol that works: the first request tries those that are allowed. */
  async #reach(path: string, options: GetOptions): Promise<IncomingMessage> {
    if (this.#protocol !== undefined) return this.#send(this.#protocol, path, options);
    const [first, second] = protocolsFor(this.source);
    try {
      const response = await this.#follow(this.#urlOf(first, path), options);
      if (second === undefined || !refusesPlainHttp(first, response)) {
        this.#protocol = first;
        return response;
      }
    } catch (error) {
      if (second === undefined || options.signal.aborted || error instanceof Fail) {
        throw this.#connectionFailed(error);
      }
    }
    const response = await this.#send(second, path, options);
    this.#protocol = second;
    return response;
  }

  async #send(protocol: Protocol, path: string, options: GetOptions): Promise<IncomingMessage> {
    try {
      return await this.#follow(this.#urlOf(protocol, path), options);
    } catch (error) {
      throw this.#connectionFailed(error);
    }
  }

  /** Follows redirects. Credentials stay with the host they are for, and HTTPS never turns into HTTP. */
  async #follow(start: URL, options: GetOptions): Promise<IncomingMessage> {
    let url = start;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      const own = url.host === start.host && url.protocol === start.protocol;
      const authorization =
        own && this.#authorization !== undefined ? { authorization: this.#authorization } : {};
      const response = await this.#transport.send(url, {
        headers: { ...options.headers, ...authorization },
        signal: options.signal,
      });
      const next = redirectOf(response, url);
      if (next === undefined) return response;
      discard(response);
      if (next.protocol !== 'https:' && (next.protocol !== 'http:' || url.protocol === 'https:')) {
        throw new Fail(
          'Unavailable',
          `registry ${this.source.host} redirects ${this.source.repository} from ${url.protocol}// to ${next.protocol}//${next.host}`,
          {
            hint: 'a redirect away from HTTPS is not followed; correct the registry',
          },
        );
      }
      url = next;
    }
    throw new Fail(
      'Unavailable',
      `registry ${this.source.host} redirects ${this.source.repository} more than ${MAX_REDIRECTS} times`,
      {
        hint: 'correct the registry',
      },
    );
  }

  #urlOf(protocol: Protocol, path: string): URL {
    return new URL(`${protocol}//${this.source.host}/v2/${this.source.repository}/${path}`);
  }

  #explain(path: string, response: IncomingMessage): Error {
    discard(response);
    const status = response.statusCode ?? 0;
    const fail = explainStatus(status, this.#subject(path), this.#credentials);
    return RETRIED_STATUS.has(status)
      ? new Transient(fail, retryAfterMs(response.headers['retry-after']))
      : fail;
  }

  #subject(path: string): { readonly host: string; readonly repository: string; readonly path: string } {
    return { host: this.source.host, repository: this.source.repository, path };
  }

  #connectionFailed(error: unknown, part?: string): unknown {
    if (error instanceof Fail || codeOf(error) === 'ABORT_ERR') return error;
    const fail = cannotReach(error, this.#subject(''), part);
    return isBrokenConnection(error) ? new Transient(fail) : fail;
  }
}

/** HTTPS alone; where plain HTTP is allowed, whichever answers: loopback registries mostly speak HTTP, others HTTPS. */
const protocolsFor = (source: Source): readonly [Protocol, Protocol?] => {
  if (isLoopback(source.host)) return ['http:', 'https:'];
  return source.insecure ? ['https:', 'http:'] : ['https:'];
};

const isLoopback = (host: string): boolean => {
  const name = host.replace(/:[0-9]+$/, '');
  return name === 'localhost' || /^127(?:\.[0-9]{1,3}){3}$/.test(name) || name === '[::1]';
};

/** How an HTTPS server answers plain HTTP. */
const refusesPlainHttp = (protocol: Protocol, response: IncomingMessage): boolean => {
  if (response.statusCode !== 400 || protocol !== 'http:') return false;
  discard(response);
  return true;
};

const redirectOf = (response: IncomingMessage, url: URL): URL | undefined => {
  const { statusCode = 0, headers } = response;
  if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined) return undefined;
  return URL.canParse(headers.location, url.href) ? new URL(headers.location, url.href) : undefined;
};
