/** A registry: a host name or address, and perhaps a port. */
const registryHost = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?$/;
const pathComponent = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagForm = /^\w[\w.-]{0,127}$/;
const digestForm = /^sha256:[0-9a-f]{64}$/;

/** The grammar of references is that of the OCI distribution specification: `[registry/]path[:tag][@digest]`. */
export interface ReferenceParts {
  readonly registry: string | undefined;
  readonly path: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/** Whether a first component names a registry and not a part of the path: Docker's rule, which everybody follows. */
const namesRegistry = (component: string): boolean =>
  component.includes('.') || component.includes(':') || component === 'localhost';

/** Splits a reference; a text says what is wrong with one that cannot be split. */
export const parseReference = (text: string): ReferenceParts | string => {
  const [named = '', digest, ...more] = text.split('@');
  if (more.length > 0 || (digest !== undefined && !digestForm.test(digest)))
    return 'a digest is sha256: and 64 hexadecimal digits, after one @';
  const colon = named.lastIndexOf(':');
  const tagged = colon > named.lastIndexOf('/');
  const tag = tagged ? named.slice(colon + 1) : undefined;
  if (tag !== undefined && !tagForm.test(tag))
    return `"${tag}" is no tag (letters, digits, _ . - and at most 128 of them)`;
  const components = (tagged ? named.slice(0, colon) : named).split('/');
  const first = components[0] ?? '';
  const registry = components.length > 1 && namesRegistry(first) ? first : undefined;
  if (registry !== undefined && !registryHost.test(registry)) return `"${registry}" is no registry address`;
  const path = registry === undefined ? components : components.slice(1);
  const bad = path.find((component) => !pathComponent.test(component));
  if (bad !== undefined)
    return bad === ''
      ? 'a part of the path is empty'
      : `"${bad}" must be lower-case letters, digits and single separators . _ -`;
  return { registry, path: path.join('/'), tag, digest };
};

/** A registry or a prefix of one, as registries.conf names them: `docker.io`, `localhost:5000`, `quay.io/team`. */
export const isRegistryPrefix = (text: string): boolean => {
  const [host = '', ...path] = text.split('/');
  return registryHost.test(host) && path.every((component) => pathComponent.test(component));
};
