import { Fail } from '../core/fail.ts';
import type { Digest } from '../spec/oci/image.ts';

/**
 * A full image reference: registry, repository, and a tag or a digest (the digest decides where both were given).
 * Grammar: distribution's reference package, as used by Docker, Kubernetes and crictl.
 */
export interface ImageReference {
  /** `docker.io`, `quay.io`, `registry.example.com:5000`, `[::1]:5000`. */
  readonly registry: string;
  /** `library/redis`. */
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

const DEFAULT_REGISTRY = 'docker.io';
const DEFAULT_TAG = 'latest';
const MAX_NAME_LENGTH = 255;

const REGISTRY =
  /^(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?$/;
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** True for `sha256:` and 64 lower-case hexadecimal digits. */
export const isDigest = (text: string): text is Digest => DIGEST.test(text);

/** The 64 hexadecimal digits of a digest: safe as a file name. */
export const hexOf = (digest: Digest): string => digest.slice('sha256:'.length);

/**
 * Parses a reference into its full form: `redis` is `docker.io/library/redis:latest`.
 * Throws `InvalidArgument` that names the part that is wrong.
 */
export const parseReference = (text: string): ImageReference => {
  const { name, tag, digest } = split(text);
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  return slash > 0 && isRegistry(first)
    ? complete(text, first, name.slice(slash + 1), tag, digest)
    : complete(text, DEFAULT_REGISTRY, name, tag, digest);
};

/** True when `text` names no registry, so that configuration decides where it comes from. */
export const isShortName = (text: string): boolean => {
  const { name } = split(text);
  const slash = name.indexOf('/');
  return slash < 0 || !isRegistry(name.slice(0, slash));
};

/** The reference `text`, a short name, has in `registry` (which may carry a path: `quay.io/mirror`). */
export const qualify = (text: string, registry: string): ImageReference =>
  parseReference(`${registry}/${text}`);

/** The tag and digest of `text` behind another full name. */
export const withName = (text: string, name: string): ImageReference => {
  const { tag, digest } = split(text);
  return parseReference(
    `${name}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`,
  );
};

/** The name of `text` without tag and digest, as it was written. */
export const bareName = (text: string): string => split(text).name;

/** `docker.io/library/redis`. */
export const nameOf = (reference: ImageReference): string => `${reference.registry}/${reference.repository}`;

/** `docker.io/library/redis:alpine`, or with `@sha256:…` alone when there is a digest. */
export const formatReference = (reference: ImageReference): string =>
  reference.digest === undefined
    ? `${nameOf(reference)}:${reference.tag ?? DEFAULT_TAG}`
    : `${nameOf(reference)}@${reference.digest}`;

/** What the registry is asked for: the digest, else the tag. */
export const identifierOf = (reference: ImageReference): string =>
  reference.digest ?? reference.tag ?? DEFAULT_TAG;

const isRegistry = (component: string): boolean =>
  component.includes('.') ||
  component.includes(':') ||
  component === 'localhost' ||
  component !== component.toLowerCase();

const invalid = (text: string, why: string, hint?: string): Fail =>
  new Fail('InvalidArgument', `image reference ${JSON.stringify(text)}: ${why}`, {
    hint: hint ?? 'write it as registry/repository:tag or registry/repository@sha256:…',
  });

interface Parts {
  readonly name: string;
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

const split = (text: string): Parts => {
  if (text === '') throw invalid(text, 'it is empty');
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : digestIn(text, text.slice(at + 1));
  const rest = at < 0 ? text : text.slice(0, at);
  const colon = rest.indexOf(':', rest.lastIndexOf('/') + 1);
  if (colon < 0) return { name: rest, tag: undefined, digest };
  const tag = rest.slice(colon + 1);
  if (!TAG.test(tag)) {
    throw invalid(
      text,
      `${JSON.stringify(tag)} is not a tag: letters, digits, "_", "." and "-", at most 128`,
    );
  }
  return { name: rest.slice(0, colon), tag, digest };
};

const digestIn = (text: string, digest: string): Digest => {
  if (isDigest(digest)) return digest;
  const [algorithm] = digest.split(':');
  throw invalid(
    text,
    algorithm === 'sha256'
      ? 'a sha256 digest has 64 lower-case hexadecimal digits'
      : `${JSON.stringify(algorithm)} is not a digest algorithm that is supported: use sha256`,
  );
};

const complete = (
  text: string,
  registry: string,
  path: string,
  tag: string | undefined,
  digest: Digest | undefined,
): ImageReference => {
  const canonical = registry === 'index.docker.io' ? DEFAULT_REGISTRY : registry;
  const repository = canonical === DEFAULT_REGISTRY && !path.includes('/') ? `library/${path}` : path;
  if (!REGISTRY.test(canonical)) throw invalid(text, `${JSON.stringify(canonical)} is not a registry host`);
  if (canonical.length + 1 + repository.length > MAX_NAME_LENGTH) {
    throw invalid(text, `the name is longer than ${MAX_NAME_LENGTH} characters`);
  }
  for (const component of path.split('/')) checkComponent(text, component);
  return {
    registry: canonical,
    repository,
    tag: tag ?? (digest === undefined ? DEFAULT_TAG : undefined),
    digest,
  };
};

const checkComponent = (text: string, component: string): void => {
  if (component === '') throw invalid(text, 'the repository has an empty path component');
  if (PATH_COMPONENT.test(component)) return;
  throw invalid(
    text,
    component === component.toLowerCase()
      ? `${JSON.stringify(component)} is not a repository path component: letters and digits, separated by ".", "_", "__" or "-"`
      : `the repository path ${JSON.stringify(component)} must be lower case`,
  );
};
