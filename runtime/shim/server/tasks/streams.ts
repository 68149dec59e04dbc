import { constants, openSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerRecord } from '../containers/record.ts';
import type { TaskStreams } from './task.ts';

/** Where a task's streams are, as its shim opens them. */
export const streamsOf = (
  folder: string,
  { terminal, stdin }: Pick<ContainerRecord, 'terminal' | 'stdin'>,
  prefix = '',
): TaskStreams => ({
  terminal,
  stdin: stdin ? join(folder, `${prefix}stdin`) : '',
  stdout: join(folder, `${prefix}stdout`),
  stderr: terminal ? '' : join(folder, `${prefix}stderr`),
});

/** For an exec's input: read and written, so that it can be opened before the shim opens its end. */
export const openInput = (path: string): number => openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
