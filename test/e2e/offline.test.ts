import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { cutOff, isolation } from '../harness/cut-off.ts';
import { type EmbeddedHost, embeddedHost } from '../harness/embedded.ts';
import { berth, profileFor, Running } from './berth.ts';

/** Names no registry of the world: the verification would look them up. */
const profileIn = (folder: string, host: EmbeddedHost): string => {
  const profile = profileFor(host, folder);
  const text = readFileSync(profile, 'utf8');
  writeFileSync(profile, text.replace('registries: { ', 'registries: { unqualifiedSearch: [], '));
  return profile;
};

test('a host without a way out becomes a proven node from a bundle, and nobody asks anybody else for anything', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-offline-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t);
  const profile = profileIn(folder, host);
  const lock = join(folder, 'berth.lock');
  const bundle = join(folder, 'bundle.tar.zst');
  const before = await host.output(
    'ls -lAR --time-style=full-iso /var/lib/apt | sha256sum; ls /var/cache/apt/archives /var/tmp /tmp',
  );

  await t.test('without a lock there is nothing to pack', async () => {
    const { exitCode, output } = await berth('bundle', profile, '-o', bundle);
    assert.equal(exitCode, 10, output);
    assert.match(output, /there is no .*berth\.lock \[BadUsage\]\n.*write it with berth lock/);
  });

  await t.test('lock asks the repositories of the host and changes nothing there', async () => {
    const { exitCode, output } = await berth('lock', profile, '--arch', 'x64');
    assert.equal(exitCode, 0, output);
    assert.match(output, /\+ runc \(debian:12\/x64\) \d/);
    assert.match(output, /\+ libnetfilter-conntrack3 \(debian/);
    assert.doesNotMatch(output, /\+ (libc6|dpkg|systemd) /);
    assert.equal(
      await host.output(
        'ls -lAR --time-style=full-iso /var/lib/apt | sha256sum; ls /var/cache/apt/archives /var/tmp /tmp',
      ),
      before,
    );
    const text = readFileSync(lock, 'utf8');
    for (const part of [/sum: h1:/, /toolchain: go1/, /integrity: sha512-/, /kind: none/])
      assert.match(text, part);
  });

  await t.test('the same again writes nothing, and the check agrees', async () => {
    const again = await berth('lock', profile, '--arch', 'x64');
    assert.match(again.output, /has everything already/);
    const check = await berth('lock', profile, '--arch', 'x64', '--check');
    assert.equal(check.exitCode, 0, check.output);
  });

  await t.test('the check tells what a changed profile needs besides', async () => {
    const other = join(mkdtempSync(join(folder, 'other-')), 'profile.yaml');
    writeFileSync(
      other,
      `${readFileSync(profile, 'utf8')}\n  packages: { extra: [jq] }\n  crictl: { version: 1.36.0 }\n`,
    );
    cpSync(lock, join(dirname(other), 'berth.lock'));
    const check = await berth('lock', other, '--arch', 'x64', '--check');
    assert.equal(check.exitCode, 2, check.output);
    assert.match(check.output, /crictl 1\.36\.0 for x64 is not locked/);
    assert.match(check.output, /crictl 1\.37\.0 is locked, and no host needs it/);
    assert.match(check.output, /packages of debian:12\/x64 that are not locked: jq/);
    const plan = await berth('plan', other);
    assert.equal(plan.exitCode, 15, plan.output);
    assert.match(plan.output, /berth\.lock lacks/);
    assert.match(plan.output, /run berth lock/);
  });

  await t.test('two bundles of one lock are the same bytes', async () => {
    const first = await berth('bundle', profile, '-o', bundle, '--compress', 'none');
    assert.equal(first.exitCode, 0, first.output);
    const second = await berth('bundle', profile, '-o', `${bundle}.again`, '--compress', 'none');
    assert.equal(second.exitCode, 0, second.output);
    const digestIn = (output: string): string => /sha256 ([0-9a-f]{64})/.exec(output)?.[1] ?? output;
    assert.equal(digestIn(second.output), digestIn(first.output));
    rmSync(`${bundle}.again`);
  });

  await t.test('a bundle of another lock is refused before any host is contacted', async () => {
    const other = mkdtempSync(join(folder, 'newer-'));
    cpSync(profile, join(other, 'profile.yaml'));
    writeFileSync(
      join(other, 'berth.lock'),
      readFileSync(lock, 'utf8').replace(/^( +runc:\n +version: ).*$/m, '$1"9.9"'),
    );
    const { exitCode, output } = await berth(
      'apply',
      join(other, 'profile.yaml'),
      '--yes',
      '--bundle',
      bundle,
    );
    assert.equal(exitCode, 15, output);
    assert.match(output, /was made of a berth\.lock with sha256 [0-9a-f]{64}; .* has [0-9a-f]{64}/);
    assert.doesNotMatch(output, /connect/);
  });

  await t.test('a package with another digest than the locked one is not installed', async () => {
    const other = mkdtempSync(join(folder, 'wrong-'));
    cpSync(profile, join(other, 'profile.yaml'));
    const text = readFileSync(lock, 'utf8');
    const [, runc = ''] = /^ +runc:\n(?:.*\n){3} +sha256: (\S+)$/m.exec(text) ?? [];
    const wrong = runc.replaceAll(/./g, 'a');
    writeFileSync(join(other, 'berth.lock'), text.replace(runc, wrong));
    const { exitCode, output } = await berth('apply', join(other, 'profile.yaml'), '--yes');
    assert.equal(exitCode, 15, output);
    assert.ok(output.includes(`SHA256:${runc}; berth.lock has SHA256:${wrong}`), output);
    assert.equal((await host.run('dpkg-query -W runc')).exitCode, 1);
  });

  await t.test(
    'the host is cut off, berth too, and still: apply, verify, and a second apply with nothing to do',
    async () => {
      const asked = await cutOff(host);
      const alone = await isolation(t, host);
      const environment = { BERTH_CACHE: join(folder, 'cache') };
      const args = ['apply', profile, '--yes', '--bundle', bundle];
      const applied = await new Running(args, environment, alone.argv).ended;
      assert.equal(applied.exitCode, 0, applied.output);
      assert.match(applied.output, /crictl has proven it/);
      assert.match(applied.output, /redis\.pull/);
      const again = await new Running(args, environment, alone.argv).ended;
      assert.equal(again.exitCode, 0, again.output);
      assert.match(again.output, /Nothing to do/);
      assert.deepEqual(await asked.packets(), []);
      assert.deepEqual(await alone.packets(), []);
    },
  );

  await t.test('what travelled with the apply is gone from the host', async () => {
    assert.equal(
      await host.output(
        'ls -A /var/lib/berth-install | grep staging; ls /var/cache/apt/archives/*.deb 2>/dev/null; true',
      ),
      '',
    );
    const versions = await host.output("dpkg-query -W -f '${Package} ${Version}\\n' runc conntrack");
    for (const line of versions.trim().split('\n')) {
      const [name = '', version = ''] = line.split(' ');
      assert.ok(
        new RegExp(`^ +${name}:\\n +version: "?${version.replaceAll('+', '\\+')}"?$`, 'm').test(
          readFileSync(lock, 'utf8'),
        ),
        line,
      );
    }
  });
});
