import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readRecord, writeRecord } from '../cache.ts';
import { stampOf } from '../stamp.ts';

/** What decides about a bundle beside the sources: how they are compiled, and what npm installed. */
const settings = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'node_modules/.package-lock.json',
  'node_modules/esbuild/package.json',
];

const recipe = fileURLToPath(new URL('./bundles.ts', import.meta.url));

/** The state of everything that bundles are made of. */
export interface Inputs {
  /** Equal texts: nothing was written, added or removed in between. */
  readonly text: string;
  /** Whether all of it had been at rest at that time; see `Stamp`. */
  restedBefore(time: number): boolean;
}

/**
 * Looks at every file of the runtime, also at those that no program imports yet, and at `paths`: what the last build
 * read, relative to the checkout.
 */
export function inputsOf(root: string, paths: readonly string[]): Inputs {
  const sources = readdirSync(join(root, 'runtime'), { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
  const files = new Set([...sources, ...[...settings, ...paths].map((path) => resolve(root, path)), recipe]);
  const stamps = [...files].sort().map((path) => ({ path, stamp: stampOf(path) }));
  const digest = createHash('sha256');
  for (const { path, stamp } of stamps) digest.update(`${path}\0${stamp?.text ?? 'absent'}\n`);
  return {
    text: digest.digest('hex'),
    restedBefore: (time) => stamps.every(({ stamp }) => stamp === undefined || stamp.restedBefore(time)),
  };
}

/** What is remembered of a build. */
export interface Build {
  readonly paths: readonly string[];
  readonly text: string;
  /** Digest of each bundle, by name. */
  readonly made: Readonly<Record<string, string>>;
}

export async function readInputs(key: string): Promise<Build | undefined> {
  const record = await readRecord(key);
  return isBuild(record) ? record : undefined;
}

export const writeInputs = (key: string, build: Build): Promise<void> =>
  writeRecord(key, { version: 1, ...build });

const isBuild = (record: unknown): record is Build =>
  typeof record === 'object' &&
  record !== null &&
  'text' in record &&
  typeof record.text === 'string' &&
  'paths' in record &&
  Array.isArray(record.paths) &&
  record.paths.every((path) => typeof path === 'string') &&
  'made' in record &&
  typeof record.made === 'object' &&
  record.made !== null;
