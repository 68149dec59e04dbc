import { randomBytes, verify } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Answer, failed, ok } from './forms.ts';

const refused = (error: string, description: string): Answer => ({
  status: 400,
  body: { error, error_description: description },
});

/** Google's servers of tokens, for those who may have one: OAuth 2.0, its metadata server, STS, IAM Credentials. */
export class Tokens {
  readonly #given = new Set<string>();
  readonly #publicKey: string;

  /** `publicKey`: of the service account that may ask. */
  constructor(publicKey: string) {
    this.#publicKey = publicKey;
  }

  /** Whether the request bears one. */
  allow({ headers }: IncomingMessage): boolean {
    return this.#given.has((headers.authorization ?? '').replace('Bearer ', ''));
  }

  /** Undefined: the path is none of these servers'. `origin`: the address at which they were asked. */
  answer({ headers }: IncomingMessage, path: string, text: string, origin: string): Answer | undefined {
    switch (path) {
      case '/token':
        return this.#token(new URLSearchParams(text), `${origin}/token`);
      case '/sts':
        return this.#exchange(new URLSearchParams(text));
      case '/impersonate':
        return ok({ accessToken: this.#make(), expireTime: new Date(Date.now() + 3.6e6).toISOString() });
      case '/computeMetadata/v1/instance/service-accounts/default/token':
        return headers['metadata-flavor'] === 'Google' ? this.#new() : failed(403, 'forbidden', 'no header');
      default:
        return undefined;
    }
  }

  #make(): string {
    const token = randomBytes(12).toString('hex');
    this.#given.add(token);
    return token;
  }

  #new(): Answer {
    return ok({ access_token: this.#make(), expires_in: 3600, token_type: 'Bearer' });
  }

  #token(form: URLSearchParams, audience: string): Answer {
    if (form.get('grant_type') === 'refresh_token')
      return form.get('refresh_token') === 'good'
        ? this.#new()
        : refused('invalid_grant', 'Token has been expired or revoked.');
    const [header = '', claims = '', signature = ''] = (form.get('assertion') ?? '').split('.');
    const signed = Buffer.from(`${header}.${claims}`);
    const isSigned = verify('RSA-SHA256', signed, this.#publicKey, Buffer.from(signature, 'base64url'));
    const { aud, exp, iat, scope } = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8'));
    const isGood =
      isSigned && aud === audience && exp - iat <= 3600 && String(scope).endsWith('/cloud-platform');
    return isGood ? this.#new() : refused('invalid_grant', 'Invalid JWT Signature.');
  }

  #exchange(form: URLSearchParams): Answer {
    return form.get('subject_token') === 'identity of the pipeline' && form.get('audience') === '//iam/pool'
      ? this.#new()
      : refused('invalid_request', 'Invalid subject token.');
  }
}
