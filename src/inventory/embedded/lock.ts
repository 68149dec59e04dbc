import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fail } from '../../core/fail.ts';

/** Two runs at the same time would make one host twice. A lock whose holder died is taken over. */
export async function lockFolder(folder: string): Promise<AsyncDisposable> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'lock');
  const own = await processIdentity(process.pid);
  for (;;) {
    try {
      await appear(path, `${own}\n`);
      return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = (await readFile(path, 'utf8').catch(() => '')).trim();
    const pid = Number(holder.split(' ')[0]);
    if (pid > 0 && (await processIdentity(pid)) === holder)
      throw new Fail('Locked', `another berth (process ${pid}) is working in ${folder}`, {
        hint: 'wait until it has ended',
      });
    await rm(path, { force: true });
  }
}

/** Makes the file with its content in one step: an empty lock would look like one whose holder died. EEXIST as from open(2). */
async function appear(path: string, content: string): Promise<void> {
  const part = `${path}.${randomBytes(4).toString('hex')}`;
  try {
    await writeFile(part, content);
    await link(part, path);
  } finally {
    await rm(part, { force: true });
  }
}

/** pid and start time: a pid alone is given to another process one day (proc_pid_stat(5), field 22). */
async function processIdentity(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`;
}
