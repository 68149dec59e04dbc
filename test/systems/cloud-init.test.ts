import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { berth, smokeProfileFor } from '../e2e/berth.ts';
import { type EmbeddedHost, embeddedHost } from '../harness/embedded.ts';
import { serveFolder } from '../harness/serve-folder.ts';

/** How long a first boot with packages and files to fetch may take on a slow machine. */
const bootDeadlineMs = 600_000;

/**
 * What an image for clouds is before its first boot: the distribution's cloud-init, and a seed beside it (NoCloud). What a
 * cloud decides elsewhere is switched off: the keys and the network of this host are the harness's.
 */
const becomeImage = async (host: EmbeddedHost, userData: string): Promise<void> => {
  await host.output(`apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends cloud-init curl > /dev/null 2>&1
cat > /etc/cloud/cloud.cfg.d/99-test.cfg << 'END'
datasource_list: [NoCloud]
datasource: { NoCloud: { fs_label: null } }
network: { config: disabled }
ssh_deletekeys: false
disable_root: false
preserve_hostname: true
locale: false
apt: { preserve_sources_list: true }
END
mkdir -p /var/lib/cloud/seed/nocloud
echo 'instance-id: test-1' > /var/lib/cloud/seed/nocloud/meta-data
cat > /var/lib/cloud/seed/nocloud/user-data << 'END-OF-USER-DATA'
${userData}END-OF-USER-DATA
# It looks for a cloud while the machine is booted, and a container is none.
printf 'policy: enabled\\n' > /etc/cloud/ds-identify.cfg
systemctl enable cloud-init-local cloud-init cloud-config cloud-final > /dev/null 2>&1
rm -rf /var/lib/cloud/instance /var/lib/cloud/instances`);
};

/** Boots again, and waits until cloud-init has done its first boot. */
const boot = async (host: EmbeddedHost): Promise<string> => {
  const before = await host.output(
    'cat /proc/sys/kernel/random/boot_id; systemctl show -p UserspaceTimestampMonotonic',
  );
  await host.run('systemctl reboot');
  for (const until = Date.now() + bootDeadlineMs; Date.now() < until; await pause(2000)) {
    const now =
      await host.run(`cat /proc/sys/kernel/random/boot_id; systemctl show -p UserspaceTimestampMonotonic
      [ -e /run/cloud-init/result.json ] && echo over`);
    if (now.exitCode === 0 && now.stdout.includes('over') && !now.stdout.startsWith(before))
      return host.output('cloud-init status --long; cat /var/log/cloud-init-output.log');
  }
  throw new Error(`cloud-init did not end: ${(await host.run('cloud-init status --long')).stdout}`);
};

test('cloud-init makes a machine a node at its first boot, and berth finds nothing to do afterwards', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-cloud-init-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const files = join(folder, 'files');
  const data = join(folder, 'user-data');
  mkdirSync(files);
  const host = await embeddedHost(t);
  const address = await serveFolder(t, files, `${host.address.network}.1`);
  const profile = smokeProfileFor(host, folder);
  const made = await berth(
    ...['export', profile, '--os', 'debian:12', '--cloud-init', data],
    ...['--artifacts', address, '--artifacts-folder', files],
  );
  assert.equal(made.exitCode, 0, made.output);
  await becomeImage(host, readFileSync(data, 'utf8'));
  const schema = await host.run('cloud-init schema --config-file /var/lib/cloud/seed/nocloud/user-data');
  assert.equal(schema.exitCode, 0, schema.stdout + schema.stderr);
  assert.notEqual((await host.run('command -v crictl')).exitCode, 0);

  const said = await boot(host);
  assert.match(said, /status: done/, said);
  assert.match(said, /berth: this machine is a node now, and crictl has proven it/, said);
  const planned = await berth('plan', profile);
  assert.equal(planned.exitCode, 0, planned.output);
  const verified = await berth('verify', profile, '--level', 'smoke');
  assert.equal(verified.exitCode, 0, verified.output);

  // An image made of this machine, or a reboot with another instance: the machine is a node already.
  await host.output('echo "instance-id: test-2" > /var/lib/cloud/seed/nocloud/meta-data');
  assert.match(await boot(host), /was made a node already/);
});
