import { readFile } from 'node:fs/promises';
import { Fail } from '../core/fail.ts';
import { parseProfile } from './parse-profile.ts';
import type { Profile } from './profile.ts';

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'you may not read it',
};

const codeOf = (cause: unknown): string =>
  cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);

const read = async (file: string): Promise<Buffer> => {
  try {
    return await readFile(file);
  } catch (cause) {
    const code = codeOf(cause);
    throw new Fail('BadProfile', `cannot read the profile ${file}: ${reasons[code] ?? code}`, {
      hint: 'profiles/ has examples to copy',
      context: { file },
      cause,
    });
  }
};

const decode = (bytes: Buffer, file: string): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Fail('BadProfile', `the profile ${file} is not a text in UTF-8`, { context: { file }, cause });
  }
};

/**
 * Reads a profile and fills in every default.
 * @throws Fail `BadProfile` with every problem at once: see `problemsOf`.
 */
export const loadProfile = async (file: string): Promise<Profile> =>
  parseProfile(decode(await read(file), file), file);
