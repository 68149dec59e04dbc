import assert from 'node:assert/strict';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { berth, smokeProfileFor } from '../../e2e/berth.ts';
import { embeddedHost } from '../../harness/embedded.ts';

/* Hosts on which an apply would fail in its middle are refused before its beginning; what only looks odd is no obstacle. */

test('a hostile host is refused before its first change, with host, reason and remedy, and a hardened one is a node', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-hostile-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t);
  const profile = smokeProfileFor(host, folder);

  const refused = async (reason: RegExp, remedy: RegExp): Promise<void> => {
    for (const command of [['plan'], ['apply', '--yes']]) {
      const [verb = '', ...options] = command;
      const { exitCode, output } = await berth(verb, profile, ...options);
      assert.equal(exitCode, 13, output);
      assert.match(output, reason);
      assert.match(output, remedy);
    }
    assert.notEqual((await host.run('test -e /var/lib/berth-install')).exitCode, 0, 'nothing was begun');
  };

  await t.test('a read-only /etc', async () => {
    await host.output('mount --bind /etc /etc && mount -o remount,bind,ro /etc');
    await refused(
      /berth: node: \/etc cannot be written to: \/etc is mounted read-only/,
      /mount -o remount,rw \/etc/,
    );
    await host.output('umount /etc');
  });

  for (const [offset, text] of [
    ['-10y', 'behind'],
    ['+10y', 'ahead of'],
  ]) {
    await t.test(`a clock ten years ${text} ours`, async () => {
      const [path = ''] = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1');
      const library = readFileSync(path).toString('base64');
      // Every session gets it: sh, date, the package manager.
      await host.output(`echo '${library}' | base64 -d > /usr/lib/faketime.so
        echo ${offset} > /etc/faketimerc
        echo LD_PRELOAD=/usr/lib/faketime.so > /etc/environment`);
      await refused(
        new RegExp(`berth: node: the clock of the host is 10 years ${text} that of this machine`),
        /timedatectl set-ntp true or date --set/,
      );
      await host.output('rm /etc/environment /etc/faketimerc /usr/lib/faketime.so');
    });
  }

  await t.test('temporary folders without programs, a foreign language and a strict umask', async () => {
    await host.output(`for d in /tmp /var/tmp /dev/shm; do mount -t tmpfs -o noexec,nosuid,nodev tmpfs $d; done
      mount -o remount,noexec,nosuid /run
      echo 'LC_ALL=xx_YY.UTF-8' > /etc/environment
      echo 'umask 077; echo welcome' > /root/.bashrc`);
    const { exitCode, output } = await berth('apply', profile, '--yes');
    assert.equal(exitCode, 0, output);
    assert.match(output, /\d+ checks are green/);
    const second = await berth('plan', profile);
    assert.equal(second.exitCode, 0, second.output);
  });
});
