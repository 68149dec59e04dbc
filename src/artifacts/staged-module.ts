import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fail } from '../core/fail.ts';

/**
 * The go.mod of a module of ours that builds programs of `module`. Replacements of a module hold for the main module alone
 * (https://go.dev/ref/mod#go-mod-file-replace): where its own lead into its tree, ours names the published ones.
 * @param goMod the text of its go.mod
 * @param staged the version of the modules that it leads into its tree; undefined: it leads none there
 * @throws Fail `Fetch` where it does not lead into its tree what it should
 */
export function stagedGoMod(
  goMod: string,
  module: string,
  version: string,
  staged: string | undefined,
): string {
  const language = /^go (\d\S*)$/m.exec(goMod)?.[1];
  const names = [...goMod.matchAll(/^\s*(?:replace\s+)?(\S+)(?: v\S+)? => \.\/\S+$/gm)].flatMap(
    ([, name]) => name ?? [],
  );
  if (language === undefined || names.length > 0 !== (staged !== undefined))
    throw new Fail('Fetch', `the go.mod of ${module} v${version} is of an unknown form`);
  return [
    'module build.invalid/berth',
    `go ${language}`,
    `require ${module} v${version}`,
    ...names.map((name) => `replace ${name} => ${name} ${staged}`),
    '',
  ].join('\n');
}

/** Makes such a module in a folder of its own, and answers that. `source`: the folder of the module's own source. */
export async function makeStagedModule(
  folder: string,
  source: string,
  module: string,
  version: string,
  staged: string | undefined,
): Promise<string> {
  const own = join(folder, 'module');
  await mkdir(own, { recursive: true });
  const goMod = await readFile(join(source, 'go.mod'), 'utf8');
  await writeFile(join(own, 'go.mod'), stagedGoMod(goMod, module, version, staged));
  return own;
}
