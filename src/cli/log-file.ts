import { closeSync, fchmodSync, fstatSync, openSync, writeSync } from 'node:fs';
import { scrub } from '../core/secret.ts';
import type { Face } from '../faces/face.ts';
import { formFace } from '../faces/json.ts';
import { streamVersion } from '../faces/stream/version.ts';
import { unwritable } from './write-whole.ts';

export interface LogFile extends Disposable {
  readonly face: Face;
}

/**
 * The record of a run: every event and result with its time, one JSON object a line, written before the next thing
 * happens, so that a crash leaves all that came before it. Runs follow each other in the file, which only its owner may read.
 * @throws Fail `BadUsage` when it cannot be opened, `DiskFull` when there is no room for it
 */
export const openLogFile = (
  path: string,
  about: Readonly<Record<string, unknown>>,
  onBroken: (why: string) => void,
): LogFile => {
  const descriptor = openOrFail(path);
  let broken = false;
  const masked = (_key: string, value: unknown): unknown =>
    typeof value === 'string' ? scrub(value) : value;
  const write = (form: object): void => {
    if (broken) return;
    try {
      writeSync(descriptor, `${JSON.stringify({ time: new Date().toISOString(), ...form }, masked)}\n`);
    } catch (error) {
      // The hosts matter more than the record of them: told once, and the run goes on.
      broken = true;
      onBroken(error instanceof Error ? error.message : String(error));
    }
  };
  const onCrash = (error: Error): void =>
    write({ kind: 'crashed', message: error.message, stack: error.stack });
  process.on('uncaughtExceptionMonitor', onCrash);
  write({ kind: 'started', version: streamVersion, ...about });
  return {
    face: formFace(write),
    [Symbol.dispose]() {
      process.off('uncaughtExceptionMonitor', onCrash);
      closeSync(descriptor);
    },
  };
};

function openOrFail(path: string): number {
  try {
    const descriptor = openSync(path, 'a', 0o600);
    // A device is everybody's.
    if (fstatSync(descriptor).isFile()) fchmodSync(descriptor, 0o600);
    return descriptor;
  } catch (cause) {
    throw unwritable(`the log file ${path}`, cause);
  }
}
