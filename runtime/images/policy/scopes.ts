import { formatReference, type ImageReference, nameOf } from '../reference.ts';

/**
 * What a file that speaks of images may call this one, the most specific first: the reference, its repository, the
 * namespaces above, the host, its wildcards, everything (containers-policy.json(5), docker). A wildcard stands for hosts
 * whatever their port; an IPv6 address has none.
 */
export const scopesOf = (reference: ImageReference): readonly string[] => {
  const scopes = [formatReference(reference)];
  for (let name = nameOf(reference); name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('/')))) {
    scopes.push(name);
  }
  const [host = ''] = reference.registry.split(':');
  const labels = host.split('.');
  for (let first = 1; first < labels.length; first += 1) scopes.push(`*.${labels.slice(first).join('.')}`);
  return [...scopes, ''];
};
