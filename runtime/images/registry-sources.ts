import type { RegistriesConfig } from '../config/config.ts';
import { Fail } from '../core/fail.ts';
import {
  bareName,
  type ImageReference,
  isShortName,
  nameOf,
  parseReference,
  qualify,
  withName,
} from './reference.ts';
import type { RegistryAuth } from './store/image.ts';

/** One place from which the bytes of an image may come. */
export interface Source {
  /** Host and port to connect to. */
  readonly host: string;
  readonly repository: string;
  /** Certificates are not verified, and plain HTTP is accepted when HTTPS does not answer. */
  readonly insecure: boolean;
  /** False for a mirror: the caller's credentials are for the registry, and never go to its mirrors. */
  readonly primary: boolean;
  /** The node's own login there, for requests that bring none. */
  readonly login?: RegistryAuth;
  /** Where signatures of its images lie; told where the policy asks for some. */
  readonly signatures?: { readonly lookaside: string | undefined; readonly attachments: boolean };
}

type Registry = RegistriesConfig['registries'][number];

/** Docker Hub's API has another host than its name. */
const DOCKER_HUB_API = 'registry-1.docker.io';

/**
 * The full references that `text` may mean, in the order in which they are tried.
 * A full reference means itself; a short name goes through the aliases, then the unqualified-search registries.
 * Source: containers-registries.conf(5), short-name aliasing; there is never a terminal to prompt on, so
 * `enforcing` accepts only what has one meaning.
 */
export const candidatesFor = (text: string, config: RegistriesConfig): readonly ImageReference[] => {
  if (!isShortName(text)) return [parseReference(text)];
  const alias = aliasOf(text, config);
  if (alias !== undefined) return [alias];
  const [only, ...others] = config.unqualifiedSearch;
  if (only === undefined) {
    throw new Fail(
      'InvalidArgument',
      `image ${JSON.stringify(text)} names no registry, and none is configured for short names`,
      {
        hint: 'write the full name, e.g. docker.io/library/redis:alpine, or set unqualified-search-registries in /etc/containers/registries.conf',
      },
    );
  }
  if (others.length > 0 && config.shortNameMode === 'enforcing') {
    throw new Fail(
      'InvalidArgument',
      `image ${JSON.stringify(text)} names no registry and could come from any of ${config.unqualifiedSearch.join(', ')}`,
      {
        hint: 'write the full name, add an alias for it, or set short-name-mode = "permissive" in /etc/containers/registries.conf',
      },
    );
  }
  return config.unqualifiedSearch.map((registry) => qualify(text, registry));
};

/**
 * The full references by which an image that is here already may answer to a short name: those that a pull would try, in
 * that order, and where no registry is configured for short names the one on Docker Hub.
 */
export const namesMeant = (shortName: string, config: RegistriesConfig): readonly ImageReference[] => {
  const alias = aliasOf(shortName, config);
  if (alias !== undefined) return [alias];
  if (config.unqualifiedSearch.length === 0) return [parseReference(shortName)];
  return config.unqualifiedSearch.map((registry) => qualify(shortName, registry));
};

const aliasOf = (shortName: string, { aliases }: RegistriesConfig): ImageReference | undefined => {
  const name = bareName(shortName);
  const alias = Object.hasOwn(aliases, name) ? aliases[name] : undefined;
  return alias === undefined ? undefined : withName(shortName, alias);
};

/**
 * Where `reference` is fetched from: its mirrors in order, then its own location.
 * Throws `PermissionDenied` when its registry is blocked.
 */
export const sourcesFor = (reference: ImageReference, config: RegistriesConfig): readonly Source[] => {
  const name = nameOf(reference);
  const registry = longestMatch(name, config.registries);
  if (registry === undefined) return [sourceAt(name, false, true)];
  if (registry.blocked) {
    throw new Fail('PermissionDenied', `image ${name}: registry ${registry.prefix} is blocked`, {
      hint: 'remove blocked = true for it in /etc/containers/registries.conf, or name another registry',
    });
  }
  const matched = matchLength(name, registry.prefix);
  const rewrite = (location: string): string => (location === '' ? name : location + name.slice(matched));
  return [
    ...registry.mirrors.map((mirror) => sourceAt(rewrite(mirror.location), mirror.insecure, false)),
    sourceAt(rewrite(registry.location), registry.insecure, true),
  ];
};

const sourceAt = (name: string, insecure: boolean, primary: boolean): Source => {
  const slash = name.indexOf('/');
  if (slash <= 0 || slash === name.length - 1) {
    throw new Fail(
      'InvalidArgument',
      `registries.conf rewrites an image to ${JSON.stringify(name)}, which has no repository`,
      {
        hint: 'a location is a host, or a host and a path, without a trailing slash',
      },
    );
  }
  const host = name.slice(0, slash);
  return {
    host: host === 'docker.io' ? DOCKER_HUB_API : host,
    repository: name.slice(slash + 1),
    insecure,
    primary,
  };
};

const longestMatch = (name: string, registries: readonly Registry[]): Registry | undefined => {
  let best: Registry | undefined;
  let bestLength = -1;
  for (const registry of registries) {
    const matches = matchLength(name, registry.prefix) >= 0;
    if (matches && registry.prefix.length > bestLength) {
      best = registry;
      bestLength = registry.prefix.length;
    }
  }
  return best;
};

/** How many characters of `name` the prefix covers; -1 when it does not match. */
const matchLength = (name: string, prefix: string): number => {
  if (prefix.startsWith('*.')) return wildcardLength(name, prefix.slice(1));
  if (name === prefix) return name.length;
  return name.startsWith(`${prefix}/`) ? prefix.length : -1;
};

/** `*.example.com` covers the whole host of any name below example.com. */
const wildcardLength = (name: string, suffix: string): number => {
  const host = name.slice(0, name.indexOf('/'));
  return host.endsWith(suffix) && host.length > suffix.length ? host.length : -1;
};
