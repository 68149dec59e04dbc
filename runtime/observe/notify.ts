import { sendFdsTo } from '../linux/sockets.ts';

/** What the service manager is told: sd_notify(3). */
export type Notice =
  | { readonly READY: 1; readonly STATUS: string }
  | { readonly RELOADING: 1; readonly MONOTONIC_USEC: bigint }
  | { readonly STOPPING: 1; readonly STATUS: string }
  | { readonly STATUS: string };

/** Sends notices to the socket that the service manager named, and nothing when there is none. */
export const createNotify = (socketPath: string | undefined): ((notice: Notice) => void) => {
  if (socketPath === undefined || socketPath === '') return () => {};
  return (notice) =>
    sendFdsTo(
      socketPath,
      Buffer.from(
        Object.entries(notice)
          .map(([key, value]) => `${key}=${value}`)
          .join('\n'),
      ),
      [],
    );
};
