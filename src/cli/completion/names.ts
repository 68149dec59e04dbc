import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { inside, list, mapping } from '../../profile/as-written.ts';

/** What a shell would take for more than one word is left out. */
const isWord = (name: unknown): name is string => typeof name === 'string' && /^[\w.-]+$/.test(name);

const namesOf = (host: unknown): readonly unknown[] => [
  inside(host, 'name'),
  ...list(inside(host, 'groups')),
];

/**
 * Names of the hosts and groups that a profile itself has, for a shell that completes: no include is followed, no variable
 * replaced and no program of the profile run, and a file that is none has no names.
 */
export const namesIn = async (file: string): Promise<readonly string[]> => {
  let root: unknown;
  try {
    root = parse(await readFile(file, 'utf8'), { logLevel: 'silent' });
  } catch {
    // Somebody is still typing it, or it is no profile: there is nothing to offer, and nobody to tell.
    return [];
  }
  const names = [...list(inside(root, 'hosts')).flatMap(namesOf), ...Object.keys(mapping(root, 'groups'))];
  return [...new Set(names.filter(isWord))];
};
