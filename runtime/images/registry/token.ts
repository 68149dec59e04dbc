import { Fail } from '../../core/fail.ts';
import { discard, readDocument } from './body.ts';
import type { Challenge } from './challenge.ts';
import { basicHeader, type Credentials } from './credentials.ts';
import type { Transport } from './transport.ts';

const MAX_ANSWER_BYTES = 1024 * 1024;

export interface TokenRequest {
  readonly challenge: Challenge;
  /** `repository:library/redis:pull` */
  readonly scope: string;
  readonly credentials: Credentials;
  /** The registry that sent the challenge, and whether it was reached by HTTPS. */
  readonly registry: string;
  readonly secure: boolean;
  readonly stallMs: number;
  readonly signal: AbortSignal;
}

/**
 * Asks the token server of a Bearer challenge for a token: distribution's token authentication, with
 * OAuth2's refresh for an identity token. Throws `Unauthenticated` when the server refuses.
 */
export const fetchToken = async (transport: Transport, request: TokenRequest): Promise<string> => {
  const realm = realmOf(request);
  const response = await ask(transport, realm, request);
  const status = response.statusCode ?? 0;
  if (status !== 200) {
    discard(response);
    throw refused(realm.host, request, status);
  }
  const body = await readDocument(response, {
    what: `the answer of token server ${realm.host}`,
    host: realm.host,
    limit: MAX_ANSWER_BYTES,
    stallMs: request.stallMs,
  });
  return tokenIn(body, realm.host);
};

const ask = (transport: Transport, realm: URL, request: TokenRequest) => {
  const { credentials, scope, signal } = request;
  const service = request.challenge.parameters['service'];
  if (credentials.identityToken !== undefined) {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: 'berth',
      scope,
      refresh_token: credentials.identityToken,
      ...(service === undefined ? {} : { service }),
    });
    return transport.send(realm, { headers: { accept: 'application/json' }, form: form.toString(), signal });
  }
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  url.searchParams.set('scope', scope);
  if (credentials.basic !== undefined) url.searchParams.set('account', credentials.basic.username);
  const authorization =
    credentials.basic === undefined ? {} : { authorization: basicHeader(credentials.basic) };
  return transport.send(url, { headers: { accept: 'application/json', ...authorization }, signal });
};

/** A registry reached by HTTPS may not send credentials to a token server by plain HTTP. */
const realmOf = (request: TokenRequest): URL => {
  const text = request.challenge.parameters['realm'];
  const realm = text !== undefined && URL.canParse(text) ? new URL(text) : undefined;
  if (realm?.protocol === 'https:' || (realm?.protocol === 'http:' && !request.secure)) return realm;
  throw new Fail(
    'Unauthenticated',
    `registry ${request.registry} names no token server that can be trusted`,
    {
      hint: 'its WWW-Authenticate header needs a realm with https',
    },
  );
};

const refused = (server: string, request: TokenRequest, status: number): Fail => {
  if (status >= 500 || status === 429) {
    return new Fail(
      'Unavailable',
      `token server ${server} of registry ${request.registry} answered ${status}`,
      {
        hint: 'try again later',
      },
    );
  }
  return new Fail(
    'Unauthenticated',
    `token server ${server} of registry ${request.registry} refused ${request.scope} (${status})`,
    {
      hint: remedy(request.credentials),
    },
  );
};

/** What the reader can do when a registry does not let us in. */
export const remedy = (credentials: Credentials): string => {
  const anonymous =
    credentials.basic === undefined &&
    credentials.identityToken === undefined &&
    credentials.registryToken === undefined;
  return anonymous
    ? 'the repository may be private or not exist: check its name, or give credentials (imagePullSecrets, crictl pull --creds)'
    : 'check the credentials and that they may pull from this repository';
};

const tokenIn = (body: Buffer, server: string): string => {
  const answer: unknown = parseJson(body);
  if (typeof answer === 'object' && answer !== null) {
    for (const key of ['token', 'access_token']) {
      const token: unknown = Reflect.get(answer, key);
      if (typeof token === 'string' && token !== '' && !/[\r\n]/.test(token)) return token;
    }
  }
  throw new Fail('Unavailable', `token server ${server} answered without a token`, {
    hint: 'try again later',
  });
};

const parseJson = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
};
