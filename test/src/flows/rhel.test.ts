import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { berth, smokeProfileFor } from '../../e2e/berth.ts';
import { type EmbeddedHost, embeddedHost } from '../../harness/embedded.ts';

const folderFor = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-rhel-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

const enable = (host: EmbeddedHost, repository: string): Promise<string> =>
  host.output(`sed -i s/^enabled=.*/enabled=1/ /etc/yum.repos.d/${repository}.repo`);

test('on RHEL 8 iptables has another name', async (t) => {
  const host = await embeddedHost(t, { base: 'rhel8' });
  const profile = smokeProfileFor(host, folderFor(t));
  const applied = await berth('apply', profile, '--tags', 'packages', '--yes');
  assert.equal(applied.exitCode, 0, applied.output);
  assert.match(await host.output('rpm -q iptables'), /^iptables-\d/);
  const second = await berth('plan', profile, '--tags', 'packages');
  assert.equal(second.exitCode, 0, second.output);
  const reset = await berth('reset', profile, '--yes');
  assert.equal(reset.exitCode, 0, reset.output);
  assert.match(await host.output('rpm -q iptables || true'), /not installed/);
});

test('on RHEL 10, which has neither runc nor CNI plugins, each is told with what to do, and then it is a node', async (t) => {
  const host = await embeddedHost(t, { base: 'rhel10' });
  const folder = folderFor(t);

  const noRunc = await berth('apply', smokeProfileFor(host, folder), '--yes');
  assert.equal(noRunc.exitCode, 16, noRunc.output);
  assert.match(noRunc.output, /no repository of the host has runc, kubernetes-cni/);
  assert.match(noRunc.output, /spec\.ociRuntimes: \[\{ name: crun \}\]/);
  assert.match(noRunc.output, /enable a repository with kubernetes-cni \(pkgs\.k8s\.io\)/);

  const profile = smokeProfileFor(host, folder, '  ociRuntimes: [{ name: crun }]\n');
  const noPlugins = await berth('apply', profile, '--yes');
  assert.equal(noPlugins.exitCode, 16, noPlugins.output);
  assert.match(noPlugins.output, /no repository of the host has kubernetes-cni/);
  assert.doesNotMatch(noPlugins.output, /spec\.ociRuntimes:/);

  await enable(host, 'kubernetes');
  const applied = await berth('apply', profile, '--yes');
  assert.equal(applied.exitCode, 0, applied.output);
  assert.match(await host.output('rpm -q kubernetes-cni crun; ls /opt/cni/bin/bridge'), /bin\/bridge/);
  const second = await berth('plan', profile);
  assert.equal(second.exitCode, 0, second.output);
});
