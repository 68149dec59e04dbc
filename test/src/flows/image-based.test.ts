import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { berth, profileFor } from '../../e2e/berth.ts';
import { embeddedHost } from '../../harness/embedded.ts';
import { assertSame, inventoryOf, withoutImage } from '../../harness/inventory.ts';

const folderFor = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-image-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

test('an image-based host is refused with what its image lacks, and becomes a node when rpm-ostree may add it', async (t) => {
  const folder = folderFor(t);
  const host = await embeddedHost(t, { base: 'coreos' });
  assert.notEqual((await host.run('touch /usr/written')).exitCode, 0);
  const before = await inventoryOf(host);

  const refused = await berth('apply', profileFor(host, folder), '--yes');
  assert.equal(refused.exitCode, 13, refused.output);
  assert.match(
    refused.output,
    /Fedora CoreOS .* is image-based, and its image lacks runc, containernetworking-plugins/,
  );
  assert.match(refused.output, /spec\.packages\.ostree/);
  assert.notEqual((await host.run('test -e /var/lib/berth-install')).exitCode, 0);

  const profile = profileFor(host, folder, '  packages: { ostree: layer }\n');
  const applied = await berth('apply', profile, '--yes');
  assert.equal(applied.exitCode, 0, applied.output);
  const second = await berth('plan', profile);
  assert.equal(second.exitCode, 0, second.output);
  assert.equal(
    (await host.output('readlink -f /proc/$(systemctl show -p MainPID --value berthd)/exe')).split(
      '/berth/',
    )[0],
    '/var/opt',
  );

  const reset = await berth('reset', profile, '--yes');
  assert.equal(reset.exitCode, 0, reset.output);
  assertSame(withoutImage(await inventoryOf(host)), withoutImage(before));
  assert.deepEqual((await host.output('grep -v ^status /root/rpm-ostree-calls')).trim().split('\n'), [
    'install --apply-live --idempotent --allow-inactive --assumeyes runc containernetworking-plugins socat iptables-nft conntrack-tools',
    'uninstall --idempotent --assumeyes conntrack-tools containernetworking-plugins iptables-nft runc socat',
  ]);
});

test('a host whose image has everything, and no writable folder below /usr, becomes a node in /var', async (t) => {
  const folder = folderFor(t);
  const host = await embeddedHost(t, { base: 'bootc' });
  // Stands for the build of the image.
  await host.output(`mount -o remount,bind,rw /usr
    dnf -y -q install runc containernetworking-plugins socat iptables-nft conntrack-tools > /dev/null 2>&1
    mount -o remount,bind,ro /usr`);
  const profile = profileFor(host, folder);
  const applied = await berth('apply', profile, '--yes');
  assert.equal(applied.exitCode, 0, applied.output);
  assert.equal(
    (await host.output('. /etc/profile.d/berth.sh; command -v crictl')).trim(),
    '/var/opt/berth/bin/crictl',
  );
  assert.equal((await berth('reset', profile, '--yes')).exitCode, 0);
  assert.equal((await host.run('ls -d /var/opt/berth /etc/profile.d/berth.sh')).stdout, '');
});
