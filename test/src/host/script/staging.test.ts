import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { carryOut } from '../../../../src/host/script/carry-out.ts';
import type { Step, Work } from '../../../../src/host/script/step.ts';
import { openConnection } from '../../../../src/host/transport/open.ts';

/** A folder that stands for a host, and applies to it. */
const bench = async (t: TestContext) => {
  const root = await mkdtemp(join(tmpdir(), 'berth-staging-'));
  const signal = AbortSignal.timeout(60_000);
  const readSecret = () => Promise.reject(new Error('no secret here'));
  const connection = await openConnection(
    { name: 'node-1', address: { kind: 'local' }, sudo: false, sudoPassword: undefined },
    'local',
    { signal, readSecret, emit: () => {} },
  );
  t.after(async () => {
    await connection.close();
    await rm(root, { recursive: true, force: true });
  });
  const state = join(root, 'state');
  const transient = join(root, 'transient');
  const options = {
    mode: 'apply',
    phase: 'apply',
    space: [],
    emit: () => {},
    signal,
    state,
    transient,
  } as const;
  return {
    root,
    staging: join(state, 'staging'),
    state,
    apply: (...steps: Step[]) => {
      const work: Work = { id: 'packages', summary: 'install it', steps };
      return carryOut(connection, [work], options);
    },
  };
};

const sh = (script: string, more: Partial<Extract<Step, { kind: 'run' }>> = {}): Step => ({
  kind: 'run',
  argv: ['sh', '-c', script],
  deadlineSeconds: 20,
  ...more,
});

test('what is staged is there for the steps after it, and gone afterwards without a trace in the memory', async (t) => {
  const host = await bench(t);
  const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 256));
  const source = join(host.root, 'source');
  await writeFile(source, bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const content = { kind: 'local-file', path: source, sha256, bytes: bytes.length } as const;
  await host.apply(
    { kind: 'stage', path: `${host.staging}/packages/a.deb`, content },
    { kind: 'stage', path: `${host.staging}/list`, content: { kind: 'text', text: 'a\n' } },
    sh(`cat ${host.staging}/list ${host.staging}/packages/a.deb > ${host.root}/seen`),
  );
  assert.deepEqual(await readFile(join(host.root, 'seen')), Buffer.concat([Buffer.from('a\n'), bytes]));
  assert.equal(existsSync(host.staging), false);
  for (const file of ['origin', 'applied'])
    assert.doesNotMatch(await readFile(join(host.state, file), 'utf8').catch(() => ''), /staging/);
});

test('it is gone too when a step fails, and what a killed apply left goes with the next one', async (t) => {
  const host = await bench(t);
  const staged: Step = {
    kind: 'stage',
    path: `${host.staging}/list`,
    content: { kind: 'text', text: 'a\n' },
  };
  await assert.rejects(host.apply(staged, sh('exit 7')), { code: 'CommandFailed' });
  assert.equal(existsSync(host.staging), false);
  await mkdir(host.staging);
  await writeFile(join(host.staging, 'left'), '');
  await host.apply(sh(`test ! -e ${host.staging}/left`));
  assert.equal(existsSync(host.staging), false);
});

test('a command tells by its exit code what kind of failure it is', async (t) => {
  const host = await bench(t);
  const meanings = { 65: 'ChecksumMismatch' } as const;
  await assert.rejects(host.apply(sh('echo first; echo "it has another sum"; exit 65', { meanings })), {
    code: 'ChecksumMismatch',
    message: 'node-1: install it: it has another sum',
  });
  await assert.rejects(host.apply(sh('exit 66', { meanings })), { code: 'CommandFailed' });
});

test('a local file that is not what the plan says is not sent', async (t) => {
  const host = await bench(t);
  const source = join(host.root, 'source');
  await writeFile(source, 'changed');
  const content = { kind: 'local-file', path: source, sha256: 'a'.repeat(64), bytes: 7 } as const;
  await assert.rejects(host.apply({ kind: 'stage', path: `${host.staging}/a.deb`, content }), {
    code: 'ChecksumMismatch',
  });
  assert.equal(existsSync(host.staging), false);
});
