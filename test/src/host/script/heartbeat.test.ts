import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Event } from '../../../../src/core/events.ts';
import { type CarryOutOptions, carryOut } from '../../../../src/host/script/carry-out.ts';
import type { Work } from '../../../../src/host/script/step.ts';
import type { Connection } from '../../../../src/host/transport/connection.ts';
import { openConnection } from '../../../../src/host/transport/open.ts';
import type { SshAddress } from '../../../../src/profile/profile.ts';
import { failure } from '../../../harness/failure.ts';
import { relayTo } from '../../../harness/relay.ts';
import { addressOf, startSshd } from '../../../harness/sshd.ts';

const silenceSeconds = 3;

const connect = (address: SshAddress): Promise<Connection> =>
  openConnection(
    { name: 'node-1', address: { kind: 'local' }, sudo: false, sudoPassword: undefined },
    address,
    {
      signal: AbortSignal.timeout(60_000),
      readSecret: async () => '',
      emit: () => {},
    },
  );

/** A folder that stands for the host's file system, a large upload into it, and how an apply carries that out. */
async function scene(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'berth-beat-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  const path = join(root, 'source');
  const content = randomBytes(6_000_000);
  await writeFile(path, content);
  const sha256 = createHash('sha256').update(content).digest('hex');
  const upload: Work = {
    id: 'upload',
    summary: 'upload',
    steps: [
      {
        kind: 'write',
        path: join(root, 'program'),
        content: { kind: 'local-file', path, sha256, bytes: content.length },
        mode: 0o755,
      },
    ],
  };
  const apply = (connection: Connection, emit: (event: Event) => void, more: Partial<CarryOutOptions> = {}) =>
    carryOut(connection, [upload], {
      mode: 'apply',
      phase: 'apply',
      space: [],
      emit,
      silenceSeconds,
      signal: AbortSignal.timeout(60_000),
      state: join(root, 'state'),
      transient: join(root, 'transient'),
      ...more,
    });
  return { root, content, apply };
}

test('a machine that vanishes in the middle of an apply is given up, and the next one goes on', async (t) => {
  await using sshd = await startSshd();
  await using way = await relayTo(sshd.port);
  const knownHosts = join(sshd.folder, 'known');
  await writeFile(knownHosts, sshd.hostKeyLine.replace(`:${sshd.port} `, `:${way.port} `));
  const { root, content, apply } = await scene(t);
  const lost = await connect(addressOf(sshd, { port: way.port, knownHostsFiles: [knownHosts] }));
  const gone = new AbortController();
  const left = failure(
    apply(
      lost,
      (event) => {
        // From here on no packet of either side arrives, and nobody hangs up.
        if (event.kind === 'bytes') way.freeze();
      },
      { signal: gone.signal },
    ),
  );
  const next = await connect(addressOf(sshd));
  try {
    await pause(1000);
    assert.equal((await failure(apply(next, () => {}))).code, 'Locked');
    const began = performance.now();
    await apply(next, () => {}, { lockTimeoutSeconds: 30 });
    assert.ok(performance.now() - began < 20_000);
    assert.deepEqual(await readFile(join(root, 'program')), content);
  } finally {
    await next.close();
    await lost.close();
  }
  assert.equal((await left).code, 'ConnectionLost');
});
