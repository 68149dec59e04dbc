import { join } from 'node:path';
import { commandOutput } from '../../../src/core/command.ts';

const signal = new AbortController().signal;

/** The conmon of the distribution's package, in the folder: CRI-O's project publishes its own on GitHub alone. It needs glib. */
export async function conmonIn(folder: string): Promise<string> {
  await commandOutput(['sh', '-c', 'apt-get -q download conmon && dpkg-deb --extract conmon_*.deb conmon'], {
    signal,
    cwd: folder,
    deadlineSeconds: 120,
  });
  return join(folder, 'conmon/usr/bin/conmon');
}
