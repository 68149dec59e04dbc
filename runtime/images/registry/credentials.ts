import type { RegistryAuth } from '../store/image.ts';

/** What the caller knows, in one shape. */
export interface Credentials {
  readonly basic: { readonly username: string; readonly password: string } | undefined;
  /** A refresh token of an OAuth2 token server. */
  readonly identityToken: string | undefined;
  /** A bearer token for the registry itself. */
  readonly registryToken: string | undefined;
}

export const ANONYMOUS: Credentials = {
  basic: undefined,
  identityToken: undefined,
  registryToken: undefined,
};

/** The kubelet fills in either the fields or `auth`, and empty strings for what it lacks. */
export const credentialsFrom = (auth: RegistryAuth | undefined): Credentials => {
  if (auth === undefined) return ANONYMOUS;
  return {
    basic: basicFrom(auth),
    identityToken: auth.identityToken || undefined,
    registryToken: auth.registryToken || undefined,
  };
};

const basicFrom = (auth: RegistryAuth): Credentials['basic'] => {
  if (auth.username) return { username: auth.username, password: auth.password ?? '' };
  if (!auth.auth) return undefined;
  const text = Buffer.from(auth.auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = text.indexOf(':');
  return colon <= 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
};

export const basicHeader = (basic: { readonly username: string; readonly password: string }): string =>
  `Basic ${Buffer.from(`${basic.username}:${basic.password}`, 'utf8').toString('base64')}`;
