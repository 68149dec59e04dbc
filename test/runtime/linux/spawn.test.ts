import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { makePipe } from '../../../runtime/linux/fds.ts';
import { reap, type WaitStatus } from '../../../runtime/linux/processes.ts';
import { type SpawnRequest, spawnProcess } from '../../../runtime/linux/spawn.ts';

const ended = async (pid: number): Promise<WaitStatus> => {
  for (;;) {
    const status = reap(pid);
    if (typeof status === 'object') return status;
    assert.equal(status, 'running');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

const outputOf = async (script: string, changes: Partial<SpawnRequest> = {}): Promise<string> => {
  const { read, write } = makePipe();
  const env = { PATH: '/usr/bin:/bin', GREETING: 'ahoy' };
  const pid = spawnProcess({ argv: ['sh', '-c', script], env, stdio: ['ignore', write, write], ...changes });
  closeSync(write);
  await ended(pid);
  const text = readFileSync(read, 'utf8');
  closeSync(read);
  return text.trim();
};

test('a program gets its arguments, its environment alone, its folder, and ends as our child', async () => {
  assert.equal(await outputOf('echo $GREETING $HOME; pwd', { cwd: '/usr' }), 'ahoy\n/usr');
  const exits = spawnProcess({ argv: ['/bin/sh', '-c', 'exit 7'], env: {}, stdio: ['ignore'] });
  assert.deepEqual(await ended(exits), { exitCode: 7, signal: undefined });
  assert.notEqual(process.cwd(), '/usr');
});

test('a program leads a session of its own and heeds the signals that we ignore', async () => {
  const seen = await outputOf(
    'echo $$; cut -d" " -f6 /proc/$$/stat; grep -E "Sig(Ign|Blk)" /proc/self/status',
  );
  const [pid, session, ...signals] = seen.split('\n');
  assert.equal(session, pid);
  assert.deepEqual(
    signals.map((line) => line.split('\t')[1]),
    ['0000000000000000', '0000000000000000'],
  );
});

test('a program gets none of our other descriptors', async () => {
  const ours = openSync('/proc/self/mountinfo', 'r');
  try {
    assert.doesNotMatch(await outputOf('ls -l /proc/$$/fd'), /mountinfo/);
  } finally {
    closeSync(ours);
  }
});

test('a program that is not there is told at once', () => {
  const request = { argv: ['/no/such/program'], env: {}, stdio: ['ignore'] as const };
  assert.throws(() => spawnProcess(request), { errno: 'ENOENT', code: 'NotFound' });
});
