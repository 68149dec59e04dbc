import { Fail } from '../core/fail.ts';
import { Secret } from '../core/secret.ts';
import type { RegistryLogin, SecretSource } from '../profile/profile.ts';
import type { Resource } from '../resources/resource.ts';

/**
 * Of the engine alone: the files of podman and skopeo belong to the users of the machine. crio.conf names it as its
 * global_auth_file.
 */
export const loginsFile = '/etc/crio/registries-auth.json';

/** Where crio.conf finds the logins; empty: there are none. */
export const loginsFileOf = (logins: readonly RegistryLogin[]): string =>
  logins.length === 0 ? '' : loginsFile;

/** The logins as containers-auth.json(5) has them: base64 of `user:password` by registry. The engine reads it at each pull. */
export const loginsResource = (
  logins: readonly RegistryLogin[],
  secrets: ReadonlyMap<SecretSource, Secret>,
): Resource[] => {
  if (logins.length === 0) return [];
  const auths = Object.fromEntries(
    logins.map((login) => [login.registry, { auth: basicOf(login, secrets).reveal() }]),
  );
  const text = new Secret(`${JSON.stringify({ auths }, undefined, 2)}\n`);
  return [{ kind: 'file', path: loginsFile, content: { kind: 'secret', text }, mode: 0o600 }];
};

const basicOf = (
  { registry, username, password }: RegistryLogin,
  secrets: ReadonlyMap<SecretSource, Secret>,
): Secret => {
  const secret = secrets.get(password);
  if (secret === undefined) throw new Fail('Internal', `the password for ${registry} was not read`);
  return new Secret(Buffer.from(`${username}:${secret.reveal()}`, 'utf8').toString('base64'));
};
