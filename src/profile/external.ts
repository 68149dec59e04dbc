import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { commandOutput } from '../core/command.ts';
import { pathText } from './finding.ts';
import type { Problem } from './problem.ts';
import { problemAt } from './source.ts';
import { childOf, isList, isMapping, plainOf, type Tree } from './tree.ts';
import { declarationKey, type External, isDeclassified } from './variables.ts';

/** A program that gives a variable its value is somebody's own; a minute is generous. */
const deadlineSeconds = 60;

/** Variables whose value comes from outside and is no secret, wherever they are declared. */
const declarations = (root: Tree): Tree[] => {
  const hosts = childOf(root, 'hosts');
  const groups = childOf(root, 'groups');
  const levels = [
    root,
    ...(isMapping(groups) ? groups.value.values() : []),
    ...(isList(hosts) ? hosts.value : []),
  ];
  return levels.flatMap((level) => {
    const vars = childOf(level, 'vars');
    return isMapping(vars) ? [...vars.value.values()].filter(isDeclassified) : [];
  });
};

const textAt = (tree: Tree, key: string): string | undefined => {
  const value = childOf(tree, key)?.value;
  return typeof value === 'string' ? value : undefined;
};

const argvOf = (tree: Tree): readonly string[] | undefined => {
  const command = childOf(tree, 'command');
  return isList(command) && command.value.length > 0
    ? command.value.map((part) => String(plainOf(part)))
    : undefined;
};

const withoutNewline = (text: string): string => text.replace(/\r?\n$/, '');

const fileBeside = (tree: Tree, file: string): string =>
  file.startsWith('~/') ? resolve(homedir(), file.slice(2)) : resolve(dirname(tree.place.source.file), file);

const kinds = ['env', 'file', 'command'] as const;

/** Undefined: the declaration has no source, or more than one; that is told where its form is checked. */
const read = async (tree: Tree): Promise<string | undefined> => {
  if (kinds.filter((kind) => childOf(tree, kind) !== undefined).length !== 1) return undefined;
  const env = textAt(tree, 'env');
  if (env !== undefined) {
    const value = process.env[env];
    if (value === undefined) throw new Error(`the environment variable ${env} is not set`);
    return value;
  }
  const file = textAt(tree, 'file');
  if (file !== undefined) return withoutNewline(await readFile(fileBeside(tree, file), 'utf8'));
  const argv = argvOf(tree);
  if (argv === undefined) return undefined;
  const options = {
    signal: new AbortController().signal,
    deadlineSeconds,
    cwd: dirname(resolve(tree.place.source.file)),
  };
  return withoutNewline(await commandOutput(argv, options));
};

const reasonOf = (error: unknown): string => {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT' && 'path' in error)
    return `there is no file ${error.path}`;
  return error instanceof Error ? error.message : String(error);
};

/**
 * Reads the variables that come from outside and are no secrets: they are needed before the profile can be checked. What
 * cannot be had is a problem at its declaration.
 */
export const readExternal = async (
  root: Tree,
): Promise<{ readonly external: External; readonly problems: readonly Problem[] }> => {
  const found = new Map<string, string>();
  const problems: Problem[] = [];
  await Promise.all(
    declarations(root).map(async (tree) => {
      try {
        const text = await read(tree);
        if (text !== undefined) found.set(declarationKey(tree), text);
      } catch (error) {
        const { source, path, offset } = tree.place;
        problems.push(problemAt(source, offset, `${pathText(path)}: has no value: ${reasonOf(error)}`));
      }
    }),
  );
  return { external: found, problems };
};
