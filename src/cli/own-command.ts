import { basename, dirname } from 'node:path';
import { quote } from '../host/quote.ts';

/** What starts this berth again, in a shell: its name where the PATH has it, else the path that it was started by. */
export const ownCommand = (env: NodeJS.ProcessEnv = process.env): string => {
  const started = env['BERTH_STARTED_AS'] ?? 'berth';
  const folders = (env['PATH'] ?? '').split(':');
  return folders.includes(dirname(started)) ? basename(started) : quote(started);
};
