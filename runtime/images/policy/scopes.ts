import { formatReference, type ImageReference, nameOf } from '../reference.ts';

/**
 * What a file that speaks of images may call this one, the most specific first: the reference, its repository, the
 * namespaces above, the host, its wildcards, everything (containers-policy.json(5), docker).
 */
export const scopesOf = (reference: ImageReference): readonly string[] => {
  const scopes = [formatReference(reference)];
  for (let name = nameOf(reference); name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('/')))) {
    scopes.push(name);
  }
  const labels = reference.registry.split('.');
  for (let first = 1; first < labels.length; first += 1) scopes.push(`*.${labels.slice(first).join('.')}`);
  return [...scopes, ''];
};
