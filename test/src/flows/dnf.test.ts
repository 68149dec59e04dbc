import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before, describe } from 'node:test';
import { berth, profileFor, type Run, Running } from '../../e2e/berth.ts';
import { type EmbeddedHost, embeddedHost } from '../../harness/embedded.ts';
import { holdMark, repairedMark } from '../../harness/fedora/broken.ts';

describe('on a host with dnf', () => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-dnf-'));
  const releases: (() => Promise<void>)[] = [];
  let host: EmbeddedHost;
  before(async () => {
    host = await embeddedHost({ after: (release) => releases.push(release) }, { base: 'fedora' });
  });
  after(async () => {
    for (const release of releases) await release();
    rmSync(folder, { recursive: true, force: true });
  });

  const profile = (...packages: string[]): string =>
    profileFor(host, folder, `  packages: { extra: [${packages.join(', ')}] }\n`);
  const apply = (...packages: string[]): Promise<Run> =>
    berth('apply', profile(...packages), '--tags', 'packages', '--yes');
  const enable = (repository: string, on = true): Promise<string> =>
    host.output(`sed -i s/^enabled=.*/enabled=${Number(on)}/ /etc/yum.repos.d/${repository}.repo`);

  test('a package that no repository has is named', async () => {
    const { exitCode, output } = await apply('no-such-package');
    assert.equal(exitCode, 16, output);
    assert.match(output, /exit code 69: no repository of the host has no-such-package/);
    assert.match(output, /Enable a repository that has it .* or correct spec\.packages\.extra/);
  });

  test('a dependency that nothing provides is named', async () => {
    await enable('broken');
    const { exitCode, output } = await apply('broken-requires');
    assert.equal(exitCode, 16, output);
    assert.match(output, /nothing provides nothing-provides-this needed by broken-requires/);
    assert.equal((await host.output('rpm -q socat || true')).trim(), 'package socat is not installed');
  });

  test('a script that refuses the installation fails the apply', async () => {
    const { exitCode, output } = await apply('broken-pre');
    assert.equal(exitCode, 16, output);
    assert.match(output, /exit code 1: error: %prein\(broken-pre-1-1\.fc41\.\w+\) scriptlet failed/);
  });

  test('a key that did not sign the package fails the apply', async () => {
    await enable('signed');
    const { exitCode, output } = await apply('signed');
    await enable('signed', false);
    assert.equal(exitCode, 16, output);
    assert.match(output, /GPG|key/i);
    assert.match(await host.output('rpm -q signed || true'), /not installed/);
  });

  test('a script that fails after the installation fails the apply, although dnf does not, until it goes well', async () => {
    const first = await apply('broken-post');
    assert.equal(first.exitCode, 16, first.output);
    assert.match(first.output, /the installation script of broken-post failed/);
    assert.match(await host.output('rpm -q broken-post'), /^broken-post-1/);
    const second = await apply('broken-post');
    assert.equal(second.exitCode, 16, second.output);
    assert.match(second.output, /broken-post: the installation was interrupted or failed/);
    await host.output(`touch ${repairedMark}`);
    const third = await apply('broken-post');
    assert.equal(third.exitCode, 0, third.output);
    const fourth = await apply('broken-post');
    assert.equal(fourth.exitCode, 0, fourth.output);
    assert.match(fourth.output, /Nothing to do/);
  });

  test('a name that a package provides counts as that package', async () => {
    const { exitCode, output } = await berth(
      'plan',
      profile('broken-post', 'iptables'),
      '--tags',
      'packages',
    );
    assert.equal(exitCode, 0, output);
  });

  test("rpm's lock and dnf's are waited for, and who holds them is told", async () => {
    await host.output(`touch ${holdMark}
      systemd-run --quiet --unit=holder rpm --install /srv/repository/broken/slow-post-1-1.fc41.rpm
      until grep -q . /proc/locks && pgrep -f 'sleep 0.2' > /dev/null; do sleep 0.1; done`);
    await applyWhileHeld(['jq'], /waiting for the package manager: pid \d+ \(\/usr\/bin\/rpm --install/);
    // As dnf 4 does: no lock is held on the file, the number in it counts.
    const file = '/var/cache/dnf/metadata_lock.pid';
    await host.output(`touch ${holdMark}
      sh -c 'echo $$ > ${file}; while [ -e ${holdMark} ]; do sleep 0.2; done; rm ${file}' > /dev/null 2>&1 &
      until [ -s ${file} ]; do sleep 0.1; done`);
    await applyWhileHeld(['jq', 'busybox'], /waiting for the package manager: pid \d+ \(/);
  });

  /** The apply says who holds the lock, and goes on once it is free. */
  const applyWhileHeld = async (packages: readonly string[], says: RegExp): Promise<void> => {
    const running = new Running([
      'apply',
      profile('broken-post', ...packages),
      '--tags',
      'packages',
      '--yes',
    ]);
    await running.says(says);
    await host.output(`rm ${holdMark}`);
    const { exitCode, output } = await running.ended;
    assert.equal(exitCode, 0, output);
  };

  test('a reset removes what berth brought, and keeps what a package of somebody else needs', async () => {
    await enable('neighbour');
    await host.output('dnf -y -q install neighbour 2>&1');
    const { exitCode, output } = await berth('reset', profile('broken-post', 'jq', 'busybox'), '--yes');
    assert.equal(exitCode, 0, output);
    assert.match(output, /package libjq1 stays: neighbour needs it/);
    assert.match(output, /package libonig5 stays: libjq1 needs it/);
    const packages = (await host.output('rpm -qa --qf "%{NAME}\\n" | sort')).trim().split('\n');
    assert.deepEqual(packages, [
      'basesystem',
      'dnf',
      'fedora-release',
      'iproute',
      'kmod',
      'libjq1',
      'libonig5',
      'neighbour',
      'openssh-server',
      'procps-ng',
      'rpm',
      'slow-post',
      'systemd',
    ]);
  });
});
