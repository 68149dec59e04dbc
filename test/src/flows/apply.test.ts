import assert from 'node:assert/strict';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Event } from '../../../src/core/events.ts';
import { Fail } from '../../../src/core/fail.ts';
import { applyProfile } from '../../../src/flows/apply.ts';
import type { FlowContext } from '../../../src/flows/context.ts';
import { planHosts } from '../../../src/flows/plan.ts';
import { resetHosts } from '../../../src/flows/reset.ts';
import type { Connection } from '../../../src/host/transport/connection.ts';
import { openConnection } from '../../../src/host/transport/open.ts';
import { loadProfile } from '../../../src/profile/load-profile.ts';
import type { HostEntry, SshAddress } from '../../../src/profile/profile.ts';
import { type EmbeddedHost, embeddedHost } from '../../harness/embedded.ts';

const yes = { confirm: async () => true };
const profile = await loadProfile(
  fileURLToPath(new URL('../../../profiles/quickstart.yaml', import.meta.url)),
);

const entry = (name: string, ssh: SshAddress): HostEntry => ({
  name,
  address: { kind: 'ssh', ssh },
  sudo: true,
  sudoPassword: undefined,
});

/** One run of a command: connections of its own, and all events. */
async function inRun<T>(
  hosts: readonly HostEntry[],
  flow: (context: FlowContext) => Promise<T>,
  onEvent: (event: Event) => void = () => {},
): Promise<{ result: T; events: Event[]; connections: Map<string, Connection> }> {
  const events: Event[] = [];
  const signal = AbortSignal.timeout(300_000);
  const emit = (event: Event) => {
    events.push(event);
    onEvent(event);
  };
  const opened = new Map<string, Promise<Connection>>();
  const connections = new Map<string, Connection>();
  const connect = (host: HostEntry): Promise<Connection> => {
    if (host.address.kind !== 'ssh') throw new Error('ssh only');
    const options = { signal, emit, readSecret: async () => '' };
    const opening = opened.get(host.name) ?? openConnection(host, host.address.ssh, options);
    opened.set(host.name, opening);
    opening.then(
      (connection) => connections.set(host.name, connection),
      () => {},
    );
    return opening;
  };
  try {
    const result = await flow({ profile, hosts, connect, emit, signal, parallel: 10 });
    return { result, events, connections };
  } finally {
    await Promise.allSettled([...connections.values()].map((connection) => connection.close()));
  }
}

const summaries = (plan: { hosts: readonly { changes: readonly { summary: string }[] }[] }): string[] =>
  plan.hosts.flatMap(({ changes }) => changes.map(({ summary }) => summary));

/** Everything that an installer could leave behind, as lines. */
const inventoryOf = async (host: EmbeddedHost): Promise<string[]> => {
  const lines = await host.output(`
    cd /
    find etc usr opt var/lib -xdev \\( -type f -o -type l -o -type d \\) ! -path 'var/lib/apt/*' \
      ! -path 'var/lib/systemd/*' ! -path 'var/lib/dpkg/*' ! -path '*ldconfig*' -printf '%p %m %l\\n' | sort
    find etc -xdev -type f ! -name 'ld.so.cache' -exec sha256sum {} + | sort
    dpkg-query -W -f '\${Package} \${Status}\\n' | grep 'ok installed' | sort
    ls /run | grep -v '^systemd'
    ip -o link | sed 's/.*: \\(.*\\): <.*/\\1/'
    systemctl --failed --no-legend
  `);
  return lines.split('\n');
};

/** Only what differs: the whole lists would hide it. */
const assertSame = (now: readonly string[], before: readonly string[]): void => {
  assert.deepEqual(
    {
      added: now.filter((line) => !before.includes(line)),
      lost: before.filter((line) => !now.includes(line)),
    },
    { added: [], lost: [] },
  );
};

/** Holds the lock of dpkg as dpkg does, by fcntl: flock would be another lock. */
const holdDpkgLock = `
  perl -e 'use Fcntl; open(F, "+<", "/var/lib/dpkg/lock-frontend") or die;
    my $lock = pack("s s x4 q q i x4", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $lock) or die;
    for (1..120) { sleep 1; last if -e "/tmp/let-go" }' > /dev/null 2>&1 &
  sleep 0.3
`;

test('a bare host becomes a node, stays one, and becomes what it was again', async (t) => {
  const host = await embeddedHost(t);
  const node = entry('node', host.ssh);
  await host.output(
    'mkdir -p /etc/crio && echo "{}" > /etc/crio/policy.json && chmod 600 /etc/crio/policy.json',
  );
  const before = await inventoryOf(host);

  let isCut = false;
  const cut = () => {
    if (isCut) return;
    isCut = true;
    void host.run('kill -9 $(pgrep -f "^sshd: root@notty" | grep -vx "$PPID")');
  };

  const letGo = () => void host.run('touch /tmp/let-go');

  await t.test('a plan changes nothing on the host', async () => {
    const { result } = await inRun([node], planHosts);
    assert.ok(summaries(result).length > 15);
    assert.deepEqual(result.failures, []);
    assertSame(await inventoryOf(host), before);
  });

  await t.test('an apply whose connection is cut fails on that host, and waits for dpkg before', async () => {
    await host.output(holdDpkgLock);
    const { result, events } = await inRun(
      [node],
      (context) => applyProfile(context, yes),
      (event) => {
        if (event.kind === 'note' && /package manager/.test(event.message)) letGo();
        if (event.kind === 'bytes' && event.id.startsWith('release:') && event.done > event.total / 3) cut();
      },
    );
    const [failure] = result.failures;
    assert.equal(failure?.error.code, 'ConnectionLost', failure?.error.message);
    assert.ok(
      events.some(
        (event) =>
          event.kind === 'note' && /waiting for the package manager: pid \d+ \(perl/.test(event.message),
      ),
    );
  });

  await t.test('the next apply says so and finishes, beside a host that cannot be reached', async () => {
    const gone = entry('gone', { ...host.ssh, host: '127.0.0.1', port: 1 });
    const { result, events } = await inRun([gone, node], (context) => applyProfile(context, yes));
    assert.deepEqual(
      result.failures.map(({ host, error }) => [host, error.code]),
      [['gone', 'Unreachable']],
    );
    const [plan] = result.plan.hosts;
    assert.ok(
      plan?.notes.some((note) => /was cut off at release:/.test(note)),
      plan?.notes.join(),
    );
    assert.ok(!summaries(result.plan).some((summary) => summary.startsWith('install')));
    const failed = events.filter((event) => event.kind === 'failed');
    assert.deepEqual(
      failed.map((event) => event.host),
      ['gone'],
    );
    assert.equal(
      (await host.output('systemctl is-active berthd berth-shim crio')).trim(),
      'active\nactive\nactive',
    );
    await host.output('crictl info > /dev/null');
  });

  await t.test('a further apply finds nothing to do, within 12 round trips', async () => {
    const { result, connections } = await inRun([node], (context) => applyProfile(context, yes));
    assert.deepEqual(summaries(result.plan), []);
    assert.equal(result.applied, false);
    const stats = connections.get('node')?.stats();
    assert.ok(stats !== undefined && stats.roundTrips <= 12, `${stats?.roundTrips} round trips`);
  });

  await t.test('what somebody changed is put back, and only who reads it restarts', async () => {
    const pids = 'systemctl show -p MainPID --value berth-shim; systemctl show -p MainPID --value berthd';
    const [shim, daemon] = (await host.output(pids)).trim().split(/\s+/);
    await host.output('echo "# mine" >> /etc/crio/crio.conf.d/10-berth.conf');
    const { result } = await inRun([node], (context) => applyProfile(context, yes));
    assert.deepEqual(summaries(result.plan), [
      'change /etc/crio/crio.conf.d/10-berth.conf',
      'restart berthd.service',
    ]);
    assert.match(result.plan.hosts[0]?.changes[0]?.diff ?? '', /^-# mine$/m);
    const [shimNow, daemonNow] = (await host.output(pids)).trim().split(/\s+/);
    assert.equal(shimNow, shim);
    assert.notEqual(daemonNow, daemon);
  });

  await t.test(
    'a service that cannot start fails with its own words, and the next apply makes it whole',
    async () => {
      await host.output('echo "[crio" > /etc/crio/crio.conf.d/99-bad.conf');
      const stricter = { ...profile, spec: { ...profile.spec, policy: { default: 'reject' as const } } };
      const { result } = await inRun([node], (context) =>
        applyProfile({ ...context, profile: stricter }, yes),
      );
      const [failure] = result.failures;
      assert.ok(failure?.error instanceof Fail);
      assert.equal(failure.error.code, 'CommandFailed');
      assert.match(String(Reflect.get(failure.error, 'stdout')), /99-bad\.conf/);
      await host.output('rm /etc/crio/crio.conf.d/99-bad.conf');
      const again = await inRun([node], (context) => applyProfile(context, yes));
      assert.deepEqual(again.result.failures, []);
      assert.equal((await host.output('systemctl is-active berthd')).trim(), 'active');
    },
  );

  await t.test('a reset without consent changes nothing', async () => {
    const { result } = await inRun([node], (context) => resetHosts(context, { confirm: async () => false }));
    assert.equal(result.applied, false);
    assert.equal((await host.output('systemctl is-active berthd')).trim(), 'active');
  });

  await t.test('a reset gives the host back as it was, a running pod or not', async () => {
    await host.output(`
      echo '{"metadata":{"name":"p","uid":"u","namespace":"n"},"log_directory":"/tmp","linux":{}}' > /tmp/pod.json
      crictl runp /tmp/pod.json
    `);
    const { result } = await inRun([node], (context) => resetHosts(context, yes));
    assert.deepEqual(result.failures, []);
    assertSame(await inventoryOf(host), before);
    const second = await inRun([node], (context) => resetHosts(context, yes));
    assert.deepEqual(summaries(second.result.plan), []);
  });
});
