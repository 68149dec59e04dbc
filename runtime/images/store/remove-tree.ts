import { Worker } from 'node:worker_threads';

/** In plain JavaScript and from a string: a worker of its own file would have to be found beside the bundle. */
const PROGRAM = `
  const { rmSync } = require('node:fs');
  const { workerData } = require('node:worker_threads');
  rmSync(workerData, { recursive: true, force: true });
`;

/**
 * Removes a folder with everything in it, on a thread of its own: an image's hundred thousand files would hold up
 * the event loop for half a second at a time. Not an error when there is no such folder.
 */
export const removeTree = (path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(PROGRAM, { eval: true, workerData: path });
    worker.on('error', reject);
    worker.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`removing ${path} ended with code ${code}`)),
    );
  });
