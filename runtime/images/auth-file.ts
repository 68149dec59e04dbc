import { readFile } from 'node:fs/promises';
import { Fail } from '../core/fail.ts';
import type { Source } from './registry-sources.ts';
import type { RegistryAuth } from './store/image.ts';

/** Logins by registry, or by a prefix of image names. */
export type Logins = ReadonlyMap<string, RegistryAuth>;

/** Docker Hub has three names in such files; images know one of them. */
const DOCKER_HUB = new Set(['index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com']);

/**
 * The logins of containers-auth.json(5), read anew for each pull, so that a changed password needs no restart. A file that is
 * not there has none. Helpers (`credHelpers`, `credsStore`) are programs of a person's desktop, and are not run.
 * Fails `FailedPrecondition` when the file cannot be read or is no such file; its content is never repeated.
 */
export const readLogins = async (path: string): Promise<Logins> => {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return new Map();
    throw new Fail('FailedPrecondition', `the logins at registries in ${path} cannot be read`, { cause });
  }
  const auths = authsIn(text);
  if (auths !== undefined) return new Map(auths.map(([key, entry]) => [nameIn(key), loginIn(entry)]));
  throw new Fail('FailedPrecondition', `${path} is no file of logins at registries`, {
    hint: 'it is written {"auths":{"registry.example.com":{"auth":"base64 of user:password"}}}, see containers-auth.json(5)',
  });
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const authsIn = (text: string): [string, Readonly<Record<string, unknown>>][] | undefined => {
  try {
    const file: unknown = JSON.parse(text);
    if (!isObject(file)) return undefined;
    const auths = file['auths'] ?? {};
    if (!isObject(auths)) return undefined;
    return Object.entries(auths).flatMap(([key, entry]) => (isObject(entry) ? [[key, entry]] : []));
  } catch {
    // The parser's message would quote the file.
    return undefined;
  }
};

/** Older files have addresses, as in `https://index.docker.io/v1/`. */
const nameIn = (key: string): string => {
  const name = key.replace(/^https?:\/\//, '').replace(/\/(?:v[12]\/?)?$/, '');
  const [host = '', ...path] = name.split('/');
  return [DOCKER_HUB.has(host) ? 'docker.io' : host, ...path].join('/');
};

const loginIn = (entry: Readonly<Record<string, unknown>>): RegistryAuth => {
  const text = (key: string): string | undefined => {
    const value = entry[key];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const login = {
    auth: text('auth'),
    username: text('username'),
    password: text('password'),
    identityToken: text('identitytoken'),
    registryToken: text('registrytoken'),
  };
  return Object.fromEntries(Object.entries(login).filter(([, value]) => value !== undefined));
};

/** The login for a source: that of the longest name that covers it. */
export const loginFor = ({ host, repository }: Source, logins: Logins): RegistryAuth | undefined => {
  const registry = DOCKER_HUB.has(host) ? 'docker.io' : host;
  const parts = [registry, ...repository.split('/')];
  for (let length = parts.length; length > 0; length -= 1) {
    const login = logins.get(parts.slice(0, length).join('/'));
    if (login !== undefined) return login;
  }
  return undefined;
};
