import assert from 'node:assert/strict';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { Fail } from '../../../src/core/fail.ts';
import { makeSo } from '../../../src/flows/apply.ts';
import type { FlowContext } from '../../../src/flows/context.ts';
import { rollbackHosts, undoApply } from '../../../src/flows/rollback.ts';
import type { Connection } from '../../../src/host/transport/connection.ts';
import { loadProfile } from '../../../src/profile/load-profile.ts';
import { factsOf } from '../resources/facts.ts';

const profile = await loadProfile(
  fileURLToPath(new URL('../../../profiles/quickstart.yaml', import.meta.url)),
);
const [host] = profile.hosts;
assert.ok(host);

/** Answers what it was told, and refuses everything else. */
const fake = (answers: Partial<Connection>): Connection => ({
  host: host.name,
  address: 'nowhere',
  sh: () => assert.fail('no command is run'),
  spawn: () => assert.fail('nothing is started'),
  forwardToLocal: () => assert.fail('no port is forwarded'),
  interact: () => assert.fail('no terminal is asked for'),
  stats: () => assert.fail('nobody counts'),
  close: async () => {},
  ...answers,
});

const contextFor = (connection: Connection): FlowContext => ({
  profile,
  hosts: profile.hosts,
  connect: async () => connection,
  reconnect: () => assert.fail('nobody goes back'),
  emit: () => {},
  signal: AbortSignal.timeout(60_000),
  parallel: 1,
  rollback: 'when-failed',
});

test('an apply that began nothing, because another one came between, undoes nothing', async () => {
  const moved = new Fail('HostMoved', 'the newest generation is 6 and no longer 5');
  const connection = fake({ spawn: () => Promise.reject(moved) });
  const found = { connection, facts: factsOf({}), plan: { host: host.name, changes: [], notes: [] } };
  const look = () => assert.fail('there is nothing to look at');
  await assert.rejects(makeSo(contextFor(connection), host, found, look), (error) => error === moved);
});

test('what others did after an apply is not undone with it', async () => {
  const told = '@history\ngeneration\t5\nbefore\t5\t\ngeneration\t6\nbefore\t6\t\ngeneration\t7\n@end\n';
  const connection = fake({
    sh: async (script) => {
      assert.match(
        script,
        /^state=\/var\/lib\/berth-install\n# Asks a host for everything that a rollback needs/,
      );
      return { exitCode: 0, signal: undefined, stdout: told, stderr: '' };
    },
  });
  await assert.rejects(
    undoApply(contextFor(connection), host, { before: 5, generation: 6 }),
    (error) =>
      error instanceof Fail && error.code === 'HostMoved' && /generation 7 came after/.test(error.message),
  );
});

test('of generations that kept nothing a host says so, and is not called untouched', async () => {
  const connection = fake({
    sh: async () => ({
      exitCode: 0,
      signal: undefined,
      stdout: '@history\ngeneration\t2\ngeneration\t3\n@end\n',
      stderr: '',
    }),
  });
  const confirm = () => assert.fail('there is nothing to confirm');
  const { failures } = await rollbackHosts(
    { ...contextFor(connection), maxFailures: 1 },
    { confirm },
    undefined,
  );
  assert.match(
    String(failures[0]?.error.message),
    /no way back to generation 2: the host kept nothing for it/,
  );
});
