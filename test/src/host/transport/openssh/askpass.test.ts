import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { Askpass } from '../../../../../src/host/transport/openssh/askpass.ts';

const run = promisify(execFile);

async function ask(askpass: Askpass, question: string): Promise<string> {
  const env = { ...process.env, ...askpass.environment() };
  const { stdout } = await run(env['SSH_ASKPASS'] ?? '', [question], { env, timeout: 10_000 });
  return stdout;
}

test('a question of ssh is answered, and an answer that comes too late hurts nobody', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-askpass-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const { promise: late, resolve } = Promise.withResolvers<string>();
  const asked = Promise.withResolvers<void>();
  const answer = ({ text }: { readonly text: string }) => {
    if (text === 'Password:') return Promise.resolve('it is + this');
    asked.resolve();
    return late;
  };
  const askpass = await Askpass.open(folder, answer, AbortSignal.timeout(10_000));
  assert.equal(await ask(askpass, 'Password:'), 'it is + this\n');
  const second = ask(askpass, 'Code:').catch((error: unknown) => error);
  await asked.promise;
  await askpass[Symbol.asyncDispose]();
  resolve('too late');
  // An error that nobody catches would end the process, and the test with it.
  await new Promise((done) => setTimeout(done, 100));
  await rm(folder, { recursive: true, force: true });
  void second;
});
