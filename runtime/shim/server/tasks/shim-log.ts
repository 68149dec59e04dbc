import { constants, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeFifo } from '../../../linux/nodes.ts';
import { FdReadable } from '../processes/fd-streams.ts';
import type { Shim } from '../shim.ts';

/** A shim writes its own log to a FIFO in its bundle, and does not start without a reader. Returns the end of it. */
export const listenToLog = (shim: Shim, bundle: string, id: string): (() => void) => {
  const path = join(bundle, 'log');
  rmSync(path, { force: true });
  makeFifo(path);
  return drain(shim, path, id);
};

/** After a restart of ours. */
export const listenToLogAgain = (shim: Shim, bundle: string, id: string): (() => void) =>
  drain(shim, join(bundle, 'log'), id);

/** Read and written, so that it does not end when one of its writers does. */
const drain = (shim: Shim, path: string, id: string): (() => void) => {
  const reader = new FdReadable(openSync(path, constants.O_RDWR | constants.O_NONBLOCK));
  reader.on('data', (bytes: Buffer) => {
    for (const line of bytes.toString('utf8').split('\n'))
      if (line !== '') shim.log.debug('a shim says', { id, line: line.slice(0, 2000) });
  });
  reader.on('error', (error) => shim.log.debug('the log of a shim cannot be read', { id, error }));
  return () => reader.destroy();
};
