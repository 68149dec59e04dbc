import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Fail } from '../../core/fail.ts';

/** Adds a line to a known_hosts file, which is made where there is none, as ssh does: after a person has compared the key. */
export async function acceptHostKey(file: string, line: string): Promise<void> {
  try {
    // The last folder alone, as ssh makes ~/.ssh: a path that is wrong further up is a slip.
    await mkdir(dirname(file), { mode: 0o700 }).catch(unless('EEXIST'));
    const before = (await readFile(file, 'utf8').catch(unless('ENOENT'))) ?? '';
    const glue = before === '' || before.endsWith('\n') ? '' : '\n';
    await appendFile(file, `${glue}${line}\n`, { mode: 0o600 });
  } catch (cause) {
    throw new Fail(
      'BadUsage',
      `${file} cannot be written: ${cause instanceof Error ? cause.message : cause}`,
      {
        hint: 'Name another file in ssh.knownHostsFiles, or make this one yours.',
        cause,
      },
    );
  }
}

const unless =
  (code: string) =>
  (error: NodeJS.ErrnoException): undefined => {
    if (error.code !== code) throw error;
  };
