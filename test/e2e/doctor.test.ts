import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { embeddedHost } from '../harness/embedded.ts';
import { berth, type Run, smokeProfileFor } from './berth.ts';

interface Found {
  readonly code: string;
  readonly level: string;
  readonly evidence: string;
  readonly fix: readonly { readonly summary: string }[];
}

const jsonLines = ({ output }: Run): Record<string, unknown>[] =>
  output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Findings to act on, by code. */
const foundBy = (run: Run): Map<string, Found> => {
  const answer = jsonLines(run).findLast(({ kind }) => kind === 'findings');
  assert.ok(answer, run.output);
  const findings = answer['findings'] as readonly Found[];
  return new Map(findings.filter(({ level }) => level !== 'info').map((found) => [found.code, found]));
};

/** What a person finds wrong on such a host one day, each made as it comes about. */
const provocations: Readonly<Record<string, { readonly script: string; readonly evidence: RegExp }>> = {
  BD001: {
    script: `echo '{"cniVersion":"1.0.0","name":"mynet","plugins":[]}' > /etc/cni/net.d/05-old.conflist`,
    evidence: /05-old\.conflist \(network mynet\).*same name/,
  },
  BD004: {
    script: `mkdir -p /var/log/audit
      echo 'type=AVC msg=audit(1.1:1): avc:  denied  { execute } for  pid=9 comm="runc" name="runc"' > /var/log/audit/audit.log`,
    evidence: /1 refused.*comm="runc"/,
  },
  BD005: {
    script: `setsid flock /var/lib/dpkg/lock-frontend sleep 3000 > /dev/null 2>&1 & echo $! > /run/lock-holder; sleep 0.3`,
    evidence: /sleep 3000|flock.*lock-frontend/,
  },
  BD006: {
    script: `mkdir -p /tmp/half/DEBIAN && printf 'Package: berth-test-half\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@example.org>\\nDescription: x\\n' > /tmp/half/DEBIAN/control
      dpkg-deb -b /tmp/half /tmp/half.deb > /dev/null && dpkg --unpack /tmp/half.deb > /dev/null`,
    evidence: /berth-test-half/,
  },
  BD007: {
    script: `mkdir -p /tmp/own/DEBIAN /tmp/own/etc/cni/net.d && cp /etc/cni/net.d/99-loopback.conf /tmp/own/etc/cni/net.d/
      printf 'Package: berth-test-own\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@example.org>\\nDescription: x\\n' > /tmp/own/DEBIAN/control
      dpkg-deb -b /tmp/own /tmp/own.deb > /dev/null && dpkg -i --force-all /tmp/own.deb > /dev/null 2>&1`,
    evidence: /99-loopback\.conf belongs to the package berth-test-own/,
  },
  BD014: {
    script: `echo 'net.ipv4.ip_forward = 0' > /etc/sysctl.d/99-hardening.conf`,
    evidence: /99-hardening\.conf sets net\.ipv4\.ip_forward to 0/,
  },
  BD016: {
    script: `iptables -P FORWARD DROP; while iptables -D FORWARD -j BERTH-FORWARD 2> /dev/null; do :; done`,
    evidence: /-P FORWARD DROP/,
  },
  BD017: {
    script: `ip link add vpn0 type veth peer name vpn1 && ip addr add 10.88.5.1/24 dev vpn0 && ip link set vpn0 up`,
    evidence: /10\.88\.0\.0\/16 overlaps the route to 10\.88\.5\.0\/24 by vpn0/,
  },
  BD022: { script: `echo 'nameserver 127.0.0.53' > /etc/resolv.conf`, evidence: /127\.0\.0\.53/ },
  BD023: { script: `hostname nobody-knows-me`, evidence: /nothing resolves nobody-knows-me/ },
  BD025: {
    script: `mv /usr/libexec/berth-masquerade /tmp/m && ! systemctl restart berth-masquerade; mv /tmp/m /usr/libexec/berth-masquerade`,
    evidence: /berth-masquerade\.service has failed/,
  },
  BD026: {
    script: `cd /usr/lib/berth/current && cp -a node node.new && mv -f node.new node`,
    evidence: /berth.*node \(deleted\)/,
  },
  BD034: {
    script: 'rm /usr/lib/cni/bridge',
    evidence: /^containernetworking-plugins: \/usr\/lib\/cni\/bridge is missing$/,
  },
};

const fixable = ['BD001', 'BD006', 'BD014', 'BD023', 'BD025', 'BD026', 'BD034'];

test('the doctor names what is wrong with a node, mends it, and reset undoes what it did', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-doctor-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t);
  const profile = smokeProfileFor(host, folder);

  await t.test('a bare host has no known cause of trouble', async () => {
    const run = await berth('doctor', profile, '--stats', '--json');
    assert.equal(run.exitCode, 0, run.output);
    assert.deepEqual([...foundBy(run).keys()], []);
    const stats = jsonLines(run).find(({ kind }) => kind === 'stats') as unknown as {
      hosts: readonly { connection: { roundTrips: number } }[];
    };
    assert.ok((stats.hosts[0]?.connection.roundTrips ?? 99) <= 12, run.output);
  });

  const applied = await berth('apply', profile, '--yes');
  assert.equal(applied.exitCode, 0, applied.output);

  await t.test('each cause that was provoked is found, with what was seen', async () => {
    for (const { script } of Object.values(provocations)) await host.output(script);
    const run = await berth('doctor', profile, '--json');
    assert.equal(run.exitCode, 2, run.output);
    const found = foundBy(run);
    assert.deepEqual([...found.keys()].toSorted(), Object.keys(provocations).toSorted());
    for (const [code, { evidence }] of Object.entries(provocations))
      assert.match(found.get(code)?.evidence ?? '', evidence, code);
    const withFix = [...found.values()].filter(({ fix }) => fix.length > 0).map(({ code }) => code);
    assert.deepEqual(withFix.toSorted(), fixable);
  });

  await t.test('the ones that can be mended without harm are mended, the others stay', async () => {
    await host.output('kill -- -$(cat /run/lock-holder)');
    const looked = await berth('doctor', profile, '--fix', '--check');
    assert.equal(looked.exitCode, 2, looked.output);
    assert.match(looked.output, /delete \/etc\/cni\/net\.d\/05-old\.conflist/);
    await host.output('test -e /etc/cni/net.d/05-old.conflist');
    const run = await berth('doctor', profile, '--fix', '--yes', '--json');
    assert.equal(run.exitCode, 2, run.output);
    const left = [...foundBy(run).keys()];
    // The restart of its unit brought the rules of FORWARD back too.
    assert.deepEqual(left.toSorted(), ['BD004', 'BD007', 'BD017', 'BD022']);
    await host.output(`
      test ! -e /etc/cni/net.d/05-old.conflist && grep -q '^#berth# net.ipv4.ip_forward = 0' /etc/sysctl.d/99-hardening.conf
      getent hosts nobody-knows-me && iptables -C FORWARD -j BERTH-FORWARD && dpkg --audit | wc -l | grep -x 0
      test -x /usr/lib/cni/bridge
      systemctl is-active berthd berth-shim berth-masquerade && crictl info > /dev/null`);
  });

  await t.test('a later apply leaves the fixes alone', async () => {
    await host.output('ip link delete vpn0; echo "nameserver 192.0.2.53" > /etc/resolv.conf');
    const run = await berth('plan', profile);
    assert.match(run.output, /^Plan: /m);
    assert.doesNotMatch(run.output, /99-hardening|05-old|\/etc\/hosts|ip_forward/);
  });

  await t.test(
    'a reset puts back what the doctor set aside, and keeps what was written meanwhile',
    async () => {
      await host.output('echo "192.0.2.9 later" >> /etc/hosts');
      const run = await berth('reset', profile, '--yes');
      assert.equal(run.exitCode, 0, run.output);
      await host.output(`
      test -e /etc/cni/net.d/05-old.conflist && grep -qx 'net.ipv4.ip_forward = 0' /etc/sysctl.d/99-hardening.conf
      grep -qx '192.0.2.9 later' /etc/hosts && ! grep berth /etc/hosts
      ! iptables -S | grep BERTH && ! iptables -t nat -S | grep BERTH`);
    },
  );
});
