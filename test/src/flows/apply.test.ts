import assert from 'node:assert/strict';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { keepConnections } from '../../../src/cli/connections.ts';
import type { Event } from '../../../src/core/events.ts';
import { Fail } from '../../../src/core/fail.ts';
import { applyProfile } from '../../../src/flows/apply.ts';
import type { FlowContext } from '../../../src/flows/context.ts';
import { resetHosts } from '../../../src/flows/reset.ts';
import { loadProfile } from '../../../src/profile/load-profile.ts';
import type { HostEntry, SshAddress } from '../../../src/profile/profile.ts';
import { type EmbeddedHost, embeddedHost } from '../../harness/embedded.ts';

const yes = { confirm: async () => true };
const profile = await loadProfile(
  fileURLToPath(new URL('../../../profiles/quickstart.yaml', import.meta.url)),
);

const [quickstart] = profile.hosts;
assert.ok(quickstart);
const entry = (name: string, ssh: SshAddress): HostEntry => ({
  name,
  groups: [],
  address: { kind: 'ssh', ssh },
  sudo: true,
  sudoPassword: undefined,
  spec: quickstart.spec,
});
const stricter = (host: HostEntry): HostEntry => ({
  ...host,
  spec: { ...host.spec, policy: { default: 'reject', rules: [] } },
});

/** One run of a command: connections of its own, and all events. */
async function inRun<T>(
  hosts: readonly HostEntry[],
  flow: (context: FlowContext) => Promise<T>,
): Promise<{ result: T; events: Event[] }> {
  const events: Event[] = [];
  const signal = AbortSignal.timeout(300_000);
  const emit = (event: Event) => void events.push(event);
  const readSecret = async () => '';
  await using connections = keepConnections({ signal, emit, readSecret });
  const { connect, reconnect } = connections;
  return { result: await flow({ profile, hosts, connect, reconnect, emit, signal, parallel: 10 }), events };
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

/** What Ubuntu says of itself, where Debian does: nothing of a node may depend on the name of the distribution. */
const ubuntu = `NAME="Ubuntu"
VERSION_ID="24.04"
PRETTY_NAME="Ubuntu 24.04.1 LTS"
ID=ubuntu
ID_LIKE=debian
`;

test('a bare host becomes a node, stays one, and becomes what it was again', async (t) => {
  const host = await embeddedHost(t);
  const node = entry('node', host.ssh);
  await host.output(
    'mkdir -p /etc/berth && echo "{}" > /etc/berth/policy.json && chmod 600 /etc/berth/policy.json',
  );
  await host.output(`rm /etc/os-release; cat > /etc/os-release << 'END'\n${ubuntu}END`);
  const before = await inventoryOf(host);

  await t.test('an apply makes it one, beside a host that cannot be reached', async () => {
    const gone = entry('gone', { ...host.ssh, host: '127.0.0.1', port: 1 });
    const { result, events } = await inRun([gone, node], (context) => applyProfile(context, yes));
    assert.deepEqual(
      result.failures.map(({ host, error }) => [host, error.code]),
      [['gone', 'Unreachable']],
    );
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

  await t.test('what somebody changed or damaged is put back, and only who reads it restarts', async () => {
    const pids = 'systemctl show -p MainPID --value berth-shim; systemctl show -p MainPID --value berthd';
    const [shim, daemon] = (await host.output(pids)).trim().split(/\s+/);
    await host.output('echo "# mine" >> /etc/crio/crio.conf.d/20-berth.conf');
    await host.output('echo "// x" >> /usr/lib/berth/current/berthd.mjs');
    const { result } = await inRun([node], (context) => applyProfile(context, yes));
    const [change, repair, ...others] = summaries(result.plan);
    assert.equal(change, 'change /etc/crio/crio.conf.d/20-berth.conf');
    assert.match(repair ?? '', /^upload berth .* MiB\)$/);
    assert.deepEqual(others, ['restart berthd.service']);
    assert.match(result.plan.hosts[0]?.changes[0]?.diff ?? '', /^-# mine$/m);
    const [shimNow, daemonNow] = (await host.output(pids)).trim().split(/\s+/);
    assert.equal(shimNow, shim);
    assert.notEqual(daemonNow, daemon);
  });

  await t.test(
    'a service that cannot start fails with its own words, and the next apply makes it whole',
    async () => {
      await host.output('echo "[crio" > /etc/crio/crio.conf.d/99-bad.conf');
      const { result } = await inRun([stricter(node)], (context) => applyProfile(context, yes));
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

  await t.test(
    'a reset gives the host back as it was, with a pod that runs while the daemon is down',
    async () => {
      await host.output(`
      echo '{"metadata":{"name":"p","uid":"u","namespace":"n"},"log_directory":"/tmp","linux":{}}' > /tmp/pod.json
      crictl runp /tmp/pod.json
      systemctl stop berthd
    `);
      const { result } = await inRun([node], (context) => resetHosts(context, yes));
      assert.deepEqual(result.failures, []);
      assertSame(await inventoryOf(host), before);
      assert.equal(
        await host.output('pgrep -f "berthd|berth-shim" || true; grep -c netns /proc/mounts || true'),
        '0\n',
      );
      const second = await inRun([node], (context) => resetHosts(context, yes));
      assert.deepEqual(summaries(second.result.plan), []);
    },
  );
});
