import { readFile } from 'node:fs/promises';

/** The version of berth, as its package.json has it. */
export const ownVersion = async (): Promise<string> => {
  const form: unknown = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
  if (typeof form === 'object' && form !== null && 'version' in form) return String(form.version);
  throw new Error('package.json has no version');
};
