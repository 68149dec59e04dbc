import { mkdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { Fail } from './fail.ts';

/** For the socket of the CRI. */
export const CRI_SOCKET_HINT = 'stop the other container runtime, or set [crio.api] listen to another path';

/**
 * Makes the socket's folder, and removes a socket that a dead server left. A living one is a `FailedPrecondition`, with
 * `hint` as the remedy.
 */
export const takeSocket = async (path: string, hint: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true });
  if (await answers(path)) throw new Fail('FailedPrecondition', `another program serves ${path}`, { hint });
  await rm(path, { force: true });
};

const answers = (path: string): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else reject(new Fail('Internal', `cannot probe the socket ${path}`, { cause: error }));
    });
  });
