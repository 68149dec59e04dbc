import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { Keyring } from '../../../../src/host/transport/identities.ts';

test('an agent that never answers is passed over', { timeout: 20_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-agent-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const asking: Socket[] = [];
  const agent = createServer((socket) => asking.push(socket)).listen(join(folder, 'socket'));
  await once(agent, 'listening');
  t.after(() => {
    for (const socket of asking) socket.destroy();
    agent.close();
  });
  assert.equal(await new Keyring().agent(join(folder, 'socket')), undefined);
  assert.equal(asking.length, 1);
});
