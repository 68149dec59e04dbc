import { failedWith } from '../core/fail.ts';
import type { Log } from '../observe/log.ts';

/** Logs why a connection ended. That its client just left is no news: clients come and go as they like. */
export const reportEnd = (log: Log, kind: string, error: Error | undefined): void => {
  if (error === undefined) return;
  if (failedWith(error, 'Cancelled')) log.debug(`${kind}: the client left`, { error });
  else log.info(`${kind} ended early`, { error });
};
