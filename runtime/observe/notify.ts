import { sendFdsTo } from '../linux/sockets.ts';
import type { Log } from './log.ts';

/** What the service manager is told: sd_notify(3). */
export type Notice =
  | { readonly READY: 1; readonly STATUS: string }
  | { readonly RELOADING: 1; readonly MONOTONIC_USEC: bigint }
  | { readonly STOPPING: 1; readonly STATUS: string }
  | { readonly WATCHDOG: 1 }
  | { readonly STATUS: string };

/**
 * Sends notices to the socket that the service manager named, and nothing when there is none. A manager that does
 * not take them is told of in the log: what it watches over must not end for that.
 */
export const createNotify = (
  socketPath: string | undefined,
  log: Pick<Log, 'warn'>,
): ((notice: Notice) => void) => {
  if (socketPath === undefined || socketPath === '') return () => {};
  return (notice) => {
    const lines = Object.entries(notice).map(([key, value]) => `${key}=${value}`);
    try {
      sendFdsTo(socketPath, Buffer.from(lines.join('\n')), []);
    } catch (error) {
      log.warn('the service manager takes no notices', { socket: socketPath, error });
    }
  };
};
