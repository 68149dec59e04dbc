import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What a shell would take for more than one word is left out. */
const isWord = (name: unknown): name is string => typeof name === 'string' && /^[\w.-]+$/.test(name);

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const namesOf = (host: unknown): readonly unknown[] =>
  isMapping(host) ? [host['name'], ...listOf(host['groups'])] : [];

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
  if (!isMapping(root)) return [];
  const groups = isMapping(root['groups']) ? Object.keys(root['groups']) : [];
  const names = [...listOf(root['hosts']).flatMap(namesOf), ...groups];
  return [...new Set(names.filter(isWord))];
};
