import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Fail } from '../../core/fail.ts';

/** Two runs at the same time would make one host twice. A lock whose holder died is taken over. */
export async function lockFolder(folder: string): Promise<AsyncDisposable> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'lock');
  const own = await processIdentity(process.pid);
  for (;;) {
    try {
      const file = await open(path, 'wx');
      await file.writeFile(`${own}\n`);
      await file.close();
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

/** pid and start time: a pid alone is given to another process one day (proc_pid_stat(5), field 22). */
async function processIdentity(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`;
}
