import { Worker } from 'node:worker_threads';
import { Fail } from '../../core/fail.ts';

/** In plain JavaScript and from a string: a worker of its own file would have to be found beside the bundle. */
const PROGRAM = `
  const { rmSync } = require('node:fs');
  const { workerData } = require('node:worker_threads');
  rmSync(workerData, { recursive: true, force: true });
`;

/**
 * Removes a folder with everything in it, on a thread of its own: an image's hundred thousand files would hold up
 * the event loop for half a second at a time. Not an error when there is no such folder; `FailedPrecondition` when the
 * kernel refuses, for something that is mounted there or a fault of the disk.
 */
export const removeTree = (path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(PROGRAM, { eval: true, workerData: path });
    worker.on('error', (error) =>
      reject(new Fail('FailedPrecondition', `cannot remove ${path}: ${messageOf(error)}`)),
    );
    worker.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`removing ${path} ended with code ${code}`)),
    );
  });

/** node:fs leaves out the name of an errno that it does not expect, and a blank before. */
const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message.replace(/^, /, '') : String(error);
