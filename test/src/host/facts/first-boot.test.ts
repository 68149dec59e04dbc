import assert from 'node:assert/strict';
import test from 'node:test';
import { Fail } from '../../../../src/core/fail.ts';
import { type ProbeRequest, probe } from '../../../../src/host/facts/probe.ts';
import type { Connection } from '../../../../src/host/transport/connection.ts';
import { openConnection } from '../../../../src/host/transport/open.ts';
import { addressOf, type Sshd, startSshd } from '../../../harness/sshd.ts';
import { nothingAsked } from './nothing-asked.ts';

delete process.env['SSH_AUTH_SOCK'];

const soon = () => AbortSignal.timeout(30_000);

const request: ProbeRequest = { ...nothingAsked, releases: ['/usr/lib/berth', '/opt/berth'] };

const open = (sshd: Sshd): Promise<Connection> =>
  openConnection(
    { name: 'node-1', address: { kind: 'local' }, sudo: true, sudoPassword: undefined },
    addressOf(sshd),
    { signal: soon(), readSecret: () => Promise.reject(new Error('asked')), emit: () => {} },
  );

/** The server's own mount namespace gets a cloud-init whose first boot is at work. */
const beginFirstBoot = async (connection: Connection, seconds: number): Promise<void> => {
  const { exitCode, stderr } = await connection.sh(
    `mkdir -p /run/cloud-init && echo '{}' > /run/cloud-init/status.json
mount -t tmpfs tmpfs /usr/local/sbin
cat > /usr/local/sbin/cloud-init <<'END'
#!/bin/sh
[ "$*" = 'status --wait' ] || exit 64
sleep ${seconds}
echo '{}' > /run/cloud-init/result.json
END
chmod 755 /usr/local/sbin/cloud-init`,
    { signal: soon() },
  );
  assert.equal(exitCode, 0, stderr);
};

test('a first boot that is at work is waited for in the one round trip of the probe, and told', async () => {
  await using sshd = await startSshd();
  const connection = await open(sshd);
  try {
    await beginFirstBoot(connection, 1);
    let waits = 0;
    const count = () => {
      waits += 1;
    };
    const before = connection.stats().channels;
    await probe(connection, request, soon(), count);
    assert.equal(waits, 1);
    const { stdout } = await connection.sh('ls /run/cloud-init', { signal: soon() });
    assert.match(stdout, /result\.json/);
    await probe(connection, request, soon(), count);
    assert.equal(waits, 1);
    assert.equal(connection.stats().channels - before, 3);
  } finally {
    await connection.close();
  }
});

test('a first boot without end is a failure with the remedy, at its deadline', async () => {
  await using sshd = await startSshd();
  const connection = await open(sshd);
  try {
    await beginFirstBoot(connection, 20);
    const began = performance.now();
    await assert.rejects(probe(connection, { ...request, firstBootSeconds: 1 }, soon()), (error) => {
      assert.ok(error instanceof Fail);
      assert.equal(error.code, 'DeadlineExceeded');
      assert.match(error.message, /^node-1: cloud-init is still at work after 1 s$/);
      assert.match(error.hint ?? '', /cloud-init status --long/);
      return true;
    });
    assert.ok(performance.now() - began < 10_000);
  } finally {
    await connection.close();
  }
});

test('a host that does not say that it waits has no more time than any other', async (t) => {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const silent: Pick<Connection, 'host' | 'sh'> = {
    host: 'node-1',
    sh: (_script, { signal }) => {
      resolve();
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    },
  };
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const probing = probe(silent as Connection, request, new AbortController().signal);
  probing.catch(() => {});
  await asked;
  t.mock.timers.tick(180_000);
  await assert.rejects(probing, { name: 'TimeoutError' });
});
