import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { commandOutput } from '../../src/core/command.ts';
import { cutOff, isolation } from '../harness/cut-off.ts';
import { type EmbeddedHost, embeddedHost, embeddedLayers } from '../harness/embedded.ts';
import { buildRpms } from '../harness/fedora/wrap-debs.ts';
import { serveFolder } from '../harness/serve-folder.ts';
import { berth, profileFor, Running } from './berth.ts';

const signal = new AbortController().signal;

/** What dnf and rpm keep on a host, and what they log. */
const dnfState = `rpm -qa | sort | sha256sum
find /var/cache/dnf /var/lib/dnf /var/log/*dnf* /var/log/hawkey* /var/tmp /tmp -maxdepth 2 -not -path '*systemd-private*' 2> /dev/null | sort`;

const profileIn = (folder: string, host: EmbeddedHost): string => {
  const profile = profileFor(host, folder, '  packages: { extra: [jq, signed] }\n');
  const text = readFileSync(profile, 'utf8');
  writeFileSync(
    profile,
    text
      .replace('registries: { ', 'registries: { unqualifiedSearch: [], ')
      .replace('level: node', 'level: smoke'),
  );
  return profile;
};

test('a host with dnf gets the locked packages: from its repositories, and from a bundle when it is cut off', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-offline-dnf-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t, { base: 'fedora' });
  const [, layer = ''] = await embeddedLayers('fedora');
  const served = join(folder, 'repositories');
  mkdirSync(served);
  await commandOutput(
    ['cp', '-a', join(layer, 'srv/repository/fedora'), join(layer, 'srv/repository/signed'), served],
    {
      signal,
    },
  );
  const address = await serveFolder(t, served, `${host.address.network}.1`);
  await host.output(`cd /etc/yum.repos.d && sed -i 's,^baseurl=.*srv/repository,baseurl=${address},' *.repo
    sed -i 's/^enabled=.*/enabled=1/' signed.repo`);
  const profile = profileIn(folder, host);
  const lock = join(folder, 'berth.lock');
  const bundle = join(folder, 'bundle.tar');
  // As the probe asks what packages would be installed: that leaves dnf's logs behind.
  await host.output('dnf -q -C repoquery socat > /dev/null 2>&1 || true');
  const bare = await host.output(dnfState);
  const versionsOf = (...names: string[]): Promise<string> =>
    host.output(`rpm -q --qf '%{NAME} %{VERSION}\\n' ${names.join(' ')} || true`);

  await t.test('what the host would refuse for its signature is not locked', async () => {
    const { exitCode, output } = await berth('lock', profile, '--arch', 'x64');
    assert.equal(exitCode, 15, output);
    assert.match(output, /signed-1-1\.fc41\.rpm does not pass gpgcheck/);
    await host.output("sed -i 's/^gpgcheck=.*/gpgcheck=0/' /etc/yum.repos.d/signed.repo");
  });

  await t.test('lock asks the repositories of the host and changes nothing there', async () => {
    const { exitCode, output } = await berth('lock', profile, '--arch', 'x64');
    assert.equal(exitCode, 0, output);
    assert.match(output, /\+ runc \(fedora:41\/x64\) \d/);
    assert.match(output, /\+ libnetfilter_conntrack \(fedora/);
    assert.doesNotMatch(output, /\+ (basesystem|rpm|systemd) /);
    assert.equal(await host.output(dnfState), bare);
    const text = readFileSync(lock, 'utf8');
    assert.match(text, /why: the package is not signed/);
    assert.match(text, /why: signed with [0-9a-f]{8,}, which the host does not know/);
    assert.ok(text.includes(`address: ${address}/fedora/socat-`), text);
  });

  await t.test('a package with another digest than the locked one is not installed', async () => {
    const text = readFileSync(lock, 'utf8');
    const [, socat = ''] = /^ +socat:\n(?:.*\n){3} +sha256: (\S+)$/m.exec(text) ?? [];
    const wrong = socat.replaceAll(/./g, 'a');
    const other = mkdtempSync(join(folder, 'wrong-'));
    writeFileSync(join(other, 'profile.yaml'), readFileSync(profile));
    writeFileSync(join(other, 'berth.lock'), text.replace(socat, wrong));
    const { exitCode, output } = await berth(
      'apply',
      join(other, 'profile.yaml'),
      '--yes',
      '--tags',
      'packages',
    );
    assert.equal(exitCode, 15, output);
    assert.ok(output.includes(`SHA256:${socat}; berth.lock has SHA256:${wrong}`), output);
    assert.match(await versionsOf('runc', 'socat'), /runc is not installed\n.*socat is not installed/);
  });

  await t.test('newer versions in the repositories are not taken, for dependencies neither', async () => {
    await buildRpms(
      [
        { name: 'socat', version: '9' },
        { name: 'libjq1', version: '9', provides: ['deb(libjq1)'] },
      ],
      join(served, 'fedora'),
      '/nonexistent',
    );
    await commandOutput(['createrepo_c', '--quiet', join(served, 'fedora')], { signal });
    const { exitCode, output } = await berth('apply', profile, '--yes', '--tags', 'packages');
    assert.equal(exitCode, 0, output);
    assert.match(await versionsOf('socat', 'libjq1'), /^socat 1\.7.*\nlibjq1 1\.6\n$/);
    const reset = await berth('reset', profile, '--yes');
    assert.equal(reset.exitCode, 0, reset.output);
  });

  await t.test('lock holds the versions that it has, but for those that are to be upgraded', async () => {
    const { exitCode, output } = await berth('lock', profile, '--arch', 'x64', '--upgrade', 'socat');
    assert.equal(exitCode, 0, output);
    assert.match(output, /~ socat \(fedora:41\/x64\) 1\.7\S+ → 9-1\.fc41/);
    assert.doesNotMatch(output, /libjq1/);
  });

  await t.test(
    'the host is cut off, berth too, and still: apply, and a second apply with nothing to do',
    async () => {
      const packed = await berth('bundle', profile, '-o', bundle, '--compress', 'none');
      assert.equal(packed.exitCode, 0, packed.output);
      const asked = await cutOff(host);
      const alone = await isolation(t, host);
      const args = ['apply', profile, '--yes', '--bundle', bundle];
      const applied = await new Running(args, {}, alone.argv).ended;
      assert.equal(applied.exitCode, 0, applied.output);
      assert.match(await versionsOf('socat', 'libjq1', 'signed'), /^socat 9\nlibjq1 1\.6\nsigned 1\n$/);
      const again = await new Running(args, {}, alone.argv).ended;
      assert.equal(again.exitCode, 0, again.output);
      assert.match(again.output, /Nothing to do/);
      assert.deepEqual(await asked.packets(), []);
      assert.deepEqual(await alone.packets(), []);
    },
  );

  await t.test('what travelled is gone, and a reset removes what it brought', async () => {
    assert.equal(
      await host.output(
        'ls -A /var/lib/berth-install | grep staging; find /var/cache/dnf | grep bundle; true',
      ),
      '',
    );
    const reset = await berth('reset', profile, '--yes');
    assert.equal(reset.exitCode, 0, reset.output);
    assert.equal((await host.output('rpm -qa | sort | sha256sum')).trim(), bare.split('\n')[0]);
  });
});
