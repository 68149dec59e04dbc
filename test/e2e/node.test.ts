import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { type EmbeddedHost, embeddedHost } from '../harness/embedded.ts';
import { berth, profileFor } from './berth.ts';

test('a bare machine becomes a node that crictl has proven, and a bare machine again', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-e2e-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t);
  const profile = profileFor(host, folder);
  const before = await contents(host);

  await t.test('plan shows what would change and changes nothing', async () => {
    const { exitCode, output } = await berth('plan', profile);
    assert.equal(exitCode, 2, output);
    assert.match(output, /install .*runc/);
    assert.match(output, /\/etc\/crio\/crio\.conf\.d\/20-berth\.conf/);
    assert.match(output, /\+cgroup_manager = "systemd"/);
    assert.deepEqual(await contents(host), before);
  });

  await t.test('apply without a terminal wants --yes', async () => {
    const { exitCode, output } = await berth('apply', profile);
    assert.equal(exitCode, 10, output);
    assert.match(output, /--yes/);
  });

  await t.test('apply makes the node and crictl proves it', async () => {
    const { exitCode, output } = await berth('apply', profile, '--yes');
    assert.equal(exitCode, 0, output);
    assert.match(output, /\d+ checks are green/);
    assert.doesNotMatch(output, /✗/);
  });

  await t.test(
    'a second apply changes nothing, within twelve round trips for connecting and probing',
    async () => {
      const { exitCode, output } = await berth('plan', profile, '--stats');
      assert.equal(exitCode, 0, output);
      const trips = Number(/^node +(\d+) /m.exec(output)?.[1]);
      assert.ok(trips <= 12, output);
      const second = await berth('apply', profile, '--yes');
      assert.equal(second.exitCode, 0, second.output);
      assert.match(second.output, /Nothing to do/);
    },
  );

  await t.test('a file that somebody edited is shown as a diff and put right', async () => {
    await host.output('echo "timeout: 99" >> /etc/crictl.yaml');
    const planned = await berth('plan', profile);
    assert.equal(planned.exitCode, 2, planned.output);
    assert.match(planned.output, /-timeout: 99/);
    const applied = await berth('apply', profile, '--yes');
    assert.equal(applied.exitCode, 0, applied.output);
    assert.doesNotMatch(await host.output('cat /etc/crictl.yaml'), /99/);
  });

  await t.test(
    'daemon and shim killed under a running container: log without a gap, right exit code',
    async () => {
      await killsUnderLoad(host);
    },
  );

  await t.test('verify says what is wrong, with evidence and a remedy', async () => {
    await host.output('systemctl stop berthd');
    const { exitCode, output } = await berth('verify', profile);
    assert.equal(exitCode, 18, output);
    assert.match(output, /✗ +units\.berthd/);
    assert.match(output, /systemctl/);
    // Services that were restarted often of late are a red check of their own: these we killed ourselves.
    await host.output('systemctl start berthd; systemctl reset-failed berthd berth-shim');
    const again = await berth('verify', profile);
    assert.equal(again.exitCode, 0, again.output);
  });

  await t.test('reset takes away what berth brought and nothing else', async () => {
    const { exitCode, output } = await berth('reset', profile, '--yes');
    assert.equal(exitCode, 0, output);
    assert.deepEqual(await contents(host), before);
    assert.equal(
      await host.output(
        'ls -A /run/berth 2>/dev/null; grep /run/berth /proc/mounts; ip -o link | grep cni0; true',
      ),
      '',
    );
  });
});

/** Packages, unit states and files outside the folders that every package run writes. */
async function contents(host: EmbeddedHost): Promise<readonly string[]> {
  const listed = await host.output(`
    dpkg-query --show --showformat='package \${binary:Package} \${db:Status-Status}\\n' | grep -v ' config-files'
    systemctl list-unit-files --no-legend --no-pager | awk '{print "unit", $1, $2}'
    find /etc /usr /opt /root /srv /home -xdev \\( -type f -o -type l \\) \\
      ! -path '/usr/share/info/*' ! -path '*/__pycache__/*' ! -path /etc/ld.so.cache ! -path '/etc/ssl/certs/*' \\
      -printf 'file %p %s\\n'
    find /var/lib /var/cache/apt/archives -xdev -maxdepth 1 -printf 'file %p\\n'
    iptables-save 2>/dev/null | grep -v '^#' | grep -e BERTH -e CNI-
    true`);
  return listed.split('\n').sort();
}

/** One container writes numbered lines while both programs die, three times each. */
async function killsUnderLoad(host: EmbeddedHost): Promise<void> {
  const lines = 3000;
  const script = `
    set -e
    cat > /tmp/pod.json <<'X'
{"metadata":{"name":"kills","namespace":"e2e","uid":"kills-1"},"log_directory":"/var/log/e2e","linux":{}}
X
    cat > /tmp/container.json <<'X'
{"metadata":{"name":"writer"},"image":{"image":"localhost:5000/crio/redis:alpine"},"log_path":"writer.log","linux":{},
 "command":["/bin/sh","-c","i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); echo line $i; [ $((i % 100)) -ne 0 ] || sleep 0.2; done; exit 42"]}
X
    pod=$(crictl runp /tmp/pod.json)
    container=$(crictl create --no-pull $pod /tmp/container.json /tmp/pod.json)
    crictl start $container >/dev/null
    end() {
      for try in $(seq 100); do
        pid=$(systemctl show -p MainPID --value $1)
        [ "$pid" = 0 ] || break
        sleep 0.1
      done
      kill -9 $pid
    }
    for round in 1 2 3; do
      sleep 0.4; end berthd; end berth-shim
    done
    for try in $(seq 100); do
      state=$(crictl inspect $container 2>/dev/null | grep -o 'CONTAINER_[A-Z]*' || true)
      [ "$state" != CONTAINER_EXITED ] || break
      sleep 0.3
    done
    echo "state $state"
    echo "restarts $(systemctl show -p NRestarts --value berthd) $(systemctl show -p NRestarts --value berth-shim)"
    crictl inspect $container | grep '"exitCode"' | tr -d ' ,'
    echo "lines $(crictl logs $container | grep -c '^line')"
    crictl logs $container | awk '$2 != NR { print "out of order at", NR, $0; exit }'
    crictl rm $container >/dev/null; crictl stopp $pod >/dev/null; crictl rmp $pod >/dev/null
    rm -rf /tmp/pod.json /tmp/container.json /var/log/e2e`;
  const output = await host.output(script);
  assert.match(output, /state CONTAINER_EXITED/);
  assert.match(output, /restarts 3 3/);
  assert.match(output, /"exitCode":42/);
  assert.match(output, new RegExp(`lines ${lines}$`, 'm'));
  assert.doesNotMatch(output, /out of order/);
}
