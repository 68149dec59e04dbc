import { createSign } from 'node:crypto';
import { z } from 'zod';
import { networkFailure, send } from '../../artifacts/http.ts';
import { Fail } from '../../core/fail.ts';

/* Access tokens of Google's OAuth 2.0: RFC 6749, RFC 7523, RFC 8693. */

export interface Token {
  readonly value: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

const scope = 'https://www.googleapis.com/auth/cloud-platform';
export const defaultTokenUri = 'https://oauth2.googleapis.com/token';
const deadlineMs = 20_000;

const answered = z.object({ access_token: z.string().min(1), expires_in: z.number().optional() });

/** @throws Fail `AuthenticationFailed` with what the server said */
export async function requestToken(
  uri: string,
  form: Readonly<Record<string, string>>,
  what: string,
  signal: AbortSignal,
): Promise<Token> {
  const body = new URLSearchParams(form).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return tokenIn(await answer(uri, { method: 'POST', headers, body }, what, signal), what);
}

/** The text of an answer of a server of tokens. @throws Fail `AuthenticationFailed` or `Unreachable` */
export async function answer(
  uri: string,
  request: {
    readonly method?: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
  },
  what: string,
  signal: AbortSignal,
): Promise<string> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
  let status: number;
  let text: string;
  try {
    const response = await send(uri, { ...request, signal: deadline });
    status = response.status;
    text = await response.text();
  } catch (error) {
    signal.throwIfAborted();
    throw new Fail(
      'Unreachable',
      `${new URL(uri).host} gives no token for ${what}: ${networkFailure(error).reason}`,
      {
        hint: 'Check the network of this machine and its proxies (HTTPS_PROXY).',
        cause: error,
      },
    );
  }
  if (status === 200) return text;
  throw new Fail(
    'AuthenticationFailed',
    `${new URL(uri).host} gives no token for ${what}: ${status}: ${refusal(text)}`,
    {
      hint: 'Log in again: gcloud auth application-default login; or set GOOGLE_APPLICATION_CREDENTIALS to a key that is still valid.',
      context: { status },
    },
  );
}

/** RFC 6749 section 5.2. Anything else is shown as it came, shortened: it holds no secret of ours. */
function refusal(text: string): string {
  try {
    const form = z
      .object({ error: z.string(), error_description: z.string().optional() })
      .parse(JSON.parse(text));
    return form.error_description ?? form.error;
  } catch {
    return text.slice(0, 200);
  }
}

export function tokenIn(text: string, what: string): Token {
  const form = answered.safeParse(parsed(text));
  if (!form.success)
    throw new Fail('AuthenticationFailed', `the answer for ${what} has no access token`, {
      cause: form.error,
    });
  return {
    value: form.data.access_token,
    expiresAt: Date.now() + (form.data.expires_in ?? 3600) * 1000,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A token for the key of a service account: RFC 7523, signed with RS256. */
export function tokenForServiceAccount(
  account: {
    readonly email: string;
    readonly privateKey: string;
    readonly keyId: string;
    readonly tokenUri: string;
  },
  signal: AbortSignal,
): Promise<Token> {
  const seconds = Math.floor(Date.now() / 1000);
  const header = { alg: 'RS256', typ: 'JWT', kid: account.keyId };
  const claims = { iss: account.email, scope, aud: account.tokenUri, iat: seconds, exp: seconds + 3600 };
  const text = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const assertion = `${text}.${signed(text, account)}`;
  const form = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion };
  return requestToken(account.tokenUri, form, account.email, signal);
}

function signed(text: string, { email, privateKey }: { email: string; privateKey: string }): string {
  try {
    return createSign('RSA-SHA256').update(text).sign(privateKey).toString('base64url');
  } catch (cause) {
    throw new Fail('AuthenticationFailed', `the private key of ${email} cannot be used`, {
      hint: 'Make a new key of the service account, and download it again.',
      cause,
    });
  }
}

/** A token of another identity provider for one of Google's: RFC 8693. */
export function exchangeToken(
  from: {
    readonly tokenUri: string;
    readonly audience: string;
    readonly subjectTokenType: string;
    readonly subjectToken: string;
  },
  signal: AbortSignal,
): Promise<Token> {
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    audience: from.audience,
    scope,
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    subject_token: from.subjectToken,
    subject_token_type: from.subjectTokenType,
  };
  return requestToken(from.tokenUri, form, from.audience, signal);
}

const impersonated = z.object({ accessToken: z.string().min(1), expireTime: z.string() });

/** A token of a service account that the owner of `token` may act as: generateAccessToken of IAM Credentials. */
export async function impersonate(url: string, token: Token, signal: AbortSignal): Promise<Token> {
  const headers = { authorization: `Bearer ${token.value}`, 'content-type': 'application/json' };
  const text = await answer(
    url,
    { method: 'POST', headers, body: JSON.stringify({ scope: [scope] }) },
    url,
    signal,
  );
  const form = impersonated.parse(parsed(text));
  return { value: form.accessToken, expiresAt: Date.parse(form.expireTime) };
}
