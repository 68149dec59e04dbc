import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before, describe } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { removeHost, startHost, statusOf, stopHost } from '../../../../src/inventory/embedded/host.ts';
import {
  type EmbeddedHost,
  embeddedBase,
  embeddedHost,
  embeddedTestFolder,
  hostAt,
  machineState,
  testOptions,
  tracesOf,
  uniqueAddress,
} from '../../../harness/embedded.ts';

describe('in a running host', () => {
  let host: EmbeddedHost;
  let other: EmbeddedHost;
  const releases: (() => Promise<void>)[] = [];
  const suite = { after: (release: () => Promise<void>) => releases.push(release) };
  before(async () => {
    [host, other] = await Promise.all([embeddedHost(suite), embeddedHost(suite)]);
  });
  after(() => Promise.all(releases.map((release) => release())));

  test('systemd is healthy, also in a second host beside it', async () => {
    for (const each of [host, other]) {
      assert.equal((await each.output('systemctl is-system-running')).trim(), 'running');
      assert.equal((await each.output('hostname')).trim(), each.address.name);
    }
  });

  test('a unit of Type=notify runs, and the kernel modules are those that the kernel has', async () => {
    const seen = await host.output(`
    cat > /etc/systemd/system/probe.service <<'UNIT'
[Service]
Type=notify
NotifyAccess=all
ExecStart=/bin/sh -c 'systemd-notify --ready && exec sleep infinity'
UNIT
    systemctl start probe.service && systemctl is-active probe.service
    modprobe overlay && echo overlay
    modprobe br_netfilter && echo br_netfilter
    modprobe nosuchmodule 2>/dev/null || echo no nosuchmodule`);
    assert.deepEqual(seen.trim().split('\n'), ['active', 'overlay', 'br_netfilter', 'no nosuchmodule']);
  });

  test('sysctls of its own network can be set, and none of the machine', async () => {
    const state = await machineState();
    const network = await host.run(
      'sysctl -w net.ipv4.ip_default_ttl=77 net.bridge.bridge-nf-call-iptables=1',
    );
    assert.equal(network.exitCode, 0, network.stderr);
    assert.notEqual((await host.run('sysctl -w vm.overcommit_memory=1')).exitCode, 0);
    assert.deepEqual(await machineState(), state);
  });

  test('the package mirrors are reachable and nothing else', async () => {
    const foreign = await host.run(
      `printf 'GET http://example.org/ HTTP/1.0\r\n\r\n' > /tmp/ask
     bash -c 'exec 3<>/dev/tcp/127.0.0.1/3128; cat /tmp/ask >&3; head -1 <&3'`,
    );
    assert.match(foreign.stdout, /^HTTP\/1\.1 403 /);
    const updated = await host.run('apt-get -qq -o APT::Update::Error-Mode=any update');
    assert.equal(updated.exitCode, 0, updated.stderr);
  });

  test('containers get a memory limit, and a network from the CNI plugins', async () => {
    await host.output(`
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y runc containernetworking-plugins iptables busybox-static >/dev/null`);
    const seen = await host.output(`set -e
    B=/var/lib/berth/probe; mkdir -p $B/lower/bin $B/upper $B/work $B/rootfs; cd $B
    cp /bin/busybox lower/bin/sleep; mkdir -p lower/proc lower/sys lower/dev
    mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work rootfs
    runc spec
    sed -i -e 's/"terminal": true/"terminal": false/' -e 's/"readonly": true/"readonly": false/' \\
      -e 's|"sh"|"sleep", "60"|' -e 's|"resources": {|"resources": {"memory": {"limit": 33554432},|' config.json
    runc run -d box </dev/null >/dev/null 2>&1
    pid=$(runc state box | sed -n 's/.*"pid": \\([0-9]*\\).*/\\1/p')
    cgroup=$(sed -n 's/^[0-9]*:memory://p' /proc/$pid/cgroup)
    if [ -n "$cgroup" ]; then cat /sys/fs/cgroup/memory$cgroup/memory.limit_in_bytes
    else cat /sys/fs/cgroup$(sed -n 's/^0:://p' /proc/$pid/cgroup)/memory.max; fi
    runc delete --force box; umount rootfs
    ip netns add pod
    export CNI_CONTAINERID=pod CNI_NETNS=/run/netns/pod CNI_IFNAME=eth0 CNI_PATH=/usr/lib/cni
    list='{"cniVersion":"0.4.0","name":"probe","type":"bridge","bridge":"cni0","isGateway":true,"ipMasq":true,"ipam":{"type":"host-local","subnet":"10.88.9.0/24"}}'
    echo "$list" | CNI_COMMAND=ADD /usr/lib/cni/bridge >/dev/null
    ip netns exec pod ip -o -4 address show eth0 | awk '{print $4}'
    echo "$list" | CNI_COMMAND=DEL /usr/lib/cni/bridge`);
    assert.deepEqual(seen.trim().split('\n'), ['33554432', '10.88.9.2/24']);
  });

  test('its network is refused to another host', async (t) => {
    const twin = { ...uniqueAddress(), network: host.address.network };
    t.after(() => removeHost(twin.name, testOptions));
    await assert.rejects(startHost(twin, testOptions), {
      code: 'Unsupported',
      message: /is in use by berth-/,
    });
    assert.deepEqual(await tracesOf(twin.name), []);
  });

  test('a host that answers with another key is not trusted', async () => {
    const asked = await hostAt({ name: host.address.name, network: other.address.network }).run('true');
    assert.equal(asked.exitCode, 255);
    assert.match(asked.stderr, /Host key verification failed/);
  });
});

test('a running host is reused, a halted one boots again with its files, a reboot comes back', async (t) => {
  const host = await embeddedHost(t);
  await host.output('echo kept > /root/file');
  assert.deepEqual(await startHost(host.address, testOptions), { how: 'reused', failedUnits: [] });

  await stopHost(host.address, testOptions);
  assert.equal(await statusOf(host.address, testOptions), 'stopped');
  assert.deepEqual(await startHost(host.address, testOptions), { how: 'booted', failedUnits: [] });

  assert.equal((await host.output('cat /root/file')).trim(), 'kept');
  await host.run('systemctl reboot');
  await until(
    async () => (await host.run('test -e /run/systemd/system && test ! -e /run/nologin')).exitCode === 0,
  );
  assert.equal((await host.output('cat /root/file')).trim(), 'kept');
});

test('a host whose processes were killed boots again', async (t) => {
  const host = await embeddedHost(t);
  const traces = await tracesOf(host.address.name);
  const pids = traces.map((line) => Number(/^(\d+) /.exec(line)?.[1])).filter((pid) => pid > 1);
  assert.ok(pids.length >= 2, traces.join('\n'));
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await until(async () => (await statusOf(host.address, testOptions)) !== 'running');
  assert.deepEqual(await startHost(host.address, testOptions), { how: 'booted', failedUnits: [] });
  assert.equal((await host.output('hostname')).trim(), host.address.name);
});

test('removing a host leaves no trace of it', async (t) => {
  const state = await machineState();
  const host = await embeddedHost(t);
  assert.notDeepEqual(await tracesOf(host.address.name), []);
  await removeHost(host.address.name, testOptions);
  assert.deepEqual(await tracesOf(host.address.name), []);
  assert.equal(await statusOf(host.address, testOptions), 'absent');
  assert.deepEqual(await machineState(), state);
});

test('the files of a host that was never finished are taken away too', async () => {
  const { name } = uniqueAddress();
  mkdirSync(join(embeddedTestFolder, 'hosts', `${name}.part`), { recursive: true });
  await removeHost(name, testOptions);
  assert.deepEqual(await tracesOf(name), []);
});

for (const milliseconds of [150, 200, 220, 240, 400, 700, 1200])
  test(`what a kill -9 after ${milliseconds} ms of making a host leaves is taken away`, async (t) => {
    await embeddedBase();
    const state = await machineState();
    const address = uniqueAddress();
    t.after(() => removeHost(address.name, testOptions));
    const creator = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', '--input-type=module'],
      {
        stdio: ['pipe', 'ignore', 'inherit'],
      },
    );
    const program = new URL('../../../../src/inventory/embedded/host.ts', import.meta.url);
    creator.stdin.end(`
      import { startHost } from ${JSON.stringify(program.href)};
      const options = { folder: ${JSON.stringify(embeddedTestFolder)}, signal: new AbortController().signal };
      await startHost(${JSON.stringify(address)}, options);`);
    await pause(milliseconds);
    creator.kill('SIGKILL');
    if (creator.exitCode === null && creator.signalCode === null) await once(creator, 'exit');
    await removeHost(address.name, testOptions);
    // What the creator ran ends with it, a moment later.
    await until(async () => !(await tracesOf(address.name)).some((trace) => /^\d+ ssh /.test(trace)));
    assert.deepEqual(await tracesOf(address.name), []);
    assert.deepEqual(await machineState(), state);
  });

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 20_000; !(await holds()); await pause(100))
    if (Date.now() > deadline) throw new Error('it did not happen within 20 s');
}
