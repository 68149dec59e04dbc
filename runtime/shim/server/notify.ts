import { sendFdsTo } from '../../linux/sockets.ts';

/** Tells systemd about this service, e.g. `READY=1` (sd_notify(3)); nothing where no systemd listens. */
export function notifySystemd(state: string, environment: NodeJS.ProcessEnv): void {
  const socket = environment['NOTIFY_SOCKET'];
  if (socket !== undefined) sendFdsTo(socket, Buffer.from(`${state}\n`), []);
}
