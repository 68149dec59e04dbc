import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { Fail } from '../../core/fail.ts';
import type { LockInUse } from './in-use.ts';
import { type Lock, lockSchema } from './lock.ts';

/** The lock of a profile lies beside it. */
export const lockPathOf = (profile: string): string => join(dirname(profile), 'berth.lock');

/**
 * The lock in this file; undefined when there is no such file.
 * @throws Fail `BadProfile` when it is none
 */
export async function readLock(file: string): Promise<Lock | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new Fail('BadProfile', `${file} cannot be read: ${error.message}`, { cause: error });
  });
  return text === undefined ? undefined : parseLock(text, file);
}

/** The lock that decides about a profile. */
export async function lockBeside(profile: string): Promise<LockInUse | undefined> {
  const file = lockPathOf(profile);
  const lock = await readLock(file);
  return lock === undefined ? undefined : { lock, file };
}

/** `file` is for messages. */
export function parseLock(text: string, file: string): Lock {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, logLevel: 'error' });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    throw broken(`${file}:${line}:${col}`, `not valid YAML: ${error.message}`);
  }
  const plain: unknown = document.toJS({ maxAliasCount: 0 });
  const parsed = lockSchema.safeParse(plain);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = issue?.path ?? [];
  const node = document.getIn(path, true);
  const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined;
  const { line, col } = lineCounter.linePos(Array.isArray(range) ? Number(range[0]) : 0);
  throw broken(`${file}:${line}:${col}`, `${path.join('.')}: ${issue?.message ?? 'is no lock'}`);
}

const broken = (where: string, what: string): Fail =>
  new Fail('BadProfile', `${where}: ${what}`, {
    hint: 'a lock is written by berth lock alone: restore it from your version control, or remove it and write it anew',
  });
