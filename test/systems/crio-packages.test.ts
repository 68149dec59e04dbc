import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { commandOutput } from '../../src/core/command.ts';
import { berth, profileFor } from '../e2e/berth.ts';
import { crioReleases } from '../harness/crio/releases.ts';
import {
  indexDebs,
  indexRpms,
  makeAptRepositories,
  makeDnfRepositories,
} from '../harness/crio/repositories.ts';
import { buildCrioRpm } from '../harness/crio/rpm.ts';
import { newSigningKey } from '../harness/crio/signing-key.ts';
import { templatesOf } from '../harness/crio/templates.ts';
import { type EmbeddedHost, embeddedHost } from '../harness/embedded.ts';
import { serveFolder } from '../harness/serve-folder.ts';

/*
 * The programs are CRI-O's own, built from its Go module; packages and repositories are laid out as the project lays out its
 * own, with a key of the test's: a real apt and a real dnf install them over HTTP.
 */

const minorOf = (version: string): string => version.split('.').slice(0, 2).join('.');

const { versions, refused } = await crioReleases();
/** Two releases of one minor. */
const newest = versions.find((each) =>
  versions.some((other) => other !== each && minorOf(other) === minorOf(each)),
);
const older = versions.find((each) => each !== newest && minorOf(each) === minorOf(newest ?? ''));
const releases =
  newest === undefined || older === undefined ? undefined : { newest, older, minor: minorOf(newest) };
const skip =
  releases === undefined ? `the Go module proxy has no two releases of CRI-O: ${refused}` : (false as const);

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const serving = (host: EmbeddedHost): Promise<string> => host.output('crictl version');

async function applied(profile: string): Promise<string> {
  const { exitCode, output } = await berth('apply', profile, '--yes');
  assert.equal(exitCode, 0, output);
  const again = await berth('plan', profile);
  assert.equal(again.exitCode, 0, again.output);
  return output;
}

/** What the drop-ins of all come to, as CRI-O reads them. */
const configurationOf = (host: EmbeddedHost): Promise<string> => host.output('crio status config');

const folderOf = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-crio-packages-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

test('CRI-O comes from the apt repository of its minor, in the version of the profile', {
  skip,
}, async (t) => {
  assert.ok(releases);
  const folder = folderOf(t);
  const key = await newSigningKey(t);
  const served = join(folder, 'served');
  await makeAptRepositories(served, [releases.newest, releases.older], key);
  const host = await embeddedHost(t);
  const address = await serveFolder(t, served, `${host.address.network}.1`);
  // Embedded hosts go out through a proxy that knows mirrors of the distribution alone.
  await host.output(
    `echo 'Acquire::http::Proxy::${host.address.network}.1 "DIRECT";' > /etc/apt/apt.conf.d/99direct`,
  );
  const templates = templatesOf(folder);
  const profile = (version: string, spec = '', pin = sha256(key.publicKey)): string =>
    profileFor(
      host,
      folder,
      `  engine: { name: cri-o, source: upstream, version: "${version}", repository: "${address}", keySha256: ${pin} }
  ociRuntimes: [{ name: runc }]
${templates}${spec}`,
    );
  const installed = (): Promise<string> => host.output("dpkg-query -W -f '${Version}' cri-o");

  await t.test('a key that is not the pinned one is refused before anything is changed', async () => {
    const { exitCode, output } = await berth('apply', profile(releases.older, '', 'f'.repeat(64)), '--yes');
    assert.equal(exitCode, 15, output);
    assert.match(output, /keySha256 of the profile is f{64}/);
    assert.equal((await host.run('ls /etc/apt/sources.list.d/berth-*')).exitCode, 2);
  });

  await t.test('a repository that another key has signed is refused by apt', async (t) => {
    const place = join(served, `v${releases.minor}/deb`);
    await indexDebs(place, await newSigningKey(t));
    writeFileSync(join(place, 'Release.key'), key.publicKey);
    const { exitCode, output } = await berth('apply', profile(releases.older), '--yes');
    assert.equal(exitCode, 16, output);
    assert.match(output, /NO_PUBKEY|not signed/);
    assert.equal((await host.run('test -e /usr/bin/crio')).exitCode, 1);
    await indexDebs(place, key);
  });

  await t.test('a first apply that is red goes back, with the package and what it brought', async () => {
    const rejecting = profile(releases.older, '  policy: { default: reject }\n');
    const { exitCode, output } = await berth('apply', rejecting, '--yes');
    assert.equal(exitCode, 18, output);
    assert.match(output, /and went back: node/);
    assert.doesNotMatch(output, /the way back failed/);
    assert.equal((await host.run('test -e /usr/bin/crio')).exitCode, 1);
  });

  await t.test(
    'the release of the profile is installed, not a newer one, and the profile has the last word',
    async () => {
      const output = await applied(profile(releases.older));
      assert.equal(await installed(), `${releases.older}-1.1`);
      assert.match(output, new RegExp(`socket\\.version.* cri-o ${releases.older}`));
      assert.match(
        await host.output('cat /etc/apt/sources.list.d/berth-cri-o.sources'),
        new RegExp(`/v${releases.minor}/deb/`),
      );
      const config = await configurationOf(host);
      assert.match(config, /^ *default_runtime = "runc"$/m);
      const runc = /\[crio\.runtime\.runtimes\.runc\]\n([^[]*)/.exec(config)?.[1] ?? '';
      assert.doesNotMatch(runc, /\/usr\/libexec\/crio\/runc/);
      assert.match(runc, /^ *monitor_path = "\/usr\/libexec\/crio\/conmon"$/m);
      assert.match(config, /^ *signature_policy = "\/etc\/berth\/policy\.json"$/m);
      const { exitCode, output: drift } = await berth('drift', profile(releases.older));
      assert.equal(exitCode, 0, drift);
    },
  );

  await t.test('its minor is content with it; the next release takes its place, and runs', async () => {
    const { exitCode, output } = await berth('plan', profile(releases.minor));
    assert.equal(exitCode, 0, output);
    await applied(profile(releases.newest));
    assert.equal(await installed(), `${releases.newest}-1.1`);
    assert.match(await serving(host), new RegExp(`RuntimeVersion: +${releases.newest}`));
  });

  await t.test(
    'what policy.json rejects stays rejected, also when the package is installed again',
    async () => {
      const rejecting = profile(releases.newest, '  policy: { default: reject }\n');
      await host.output('crictl rmi --all > /dev/null 2>&1 || true');
      const { exitCode, output } = await berth('apply', rejecting, '--yes', '--no-rollback');
      assert.equal(exitCode, 18, output);
      assert.match(output, /reject/i);
      await host.output(
        `apt-get -qq -y --reinstall install cri-o=${releases.newest}-1.1 2>&1; systemctl restart crio`,
      );
      const verified = await berth('verify', rejecting);
      assert.equal(verified.exitCode, 18, verified.output);
      assert.match(verified.output, /reject/i);
      const again = await berth('plan', rejecting);
      assert.equal(again.exitCode, 0, again.output);
    },
  );

  await t.test('an older release takes the place of a newer one', async () => {
    await applied(profile(releases.older));
    assert.equal(await installed(), `${releases.older}-1.1`);
    assert.match(await serving(host), new RegExp(`RuntimeVersion: +${releases.older}`));
  });

  await t.test('to berth and back: what the package leaves in /etc decides nothing', async () => {
    const own = profileFor(host, folder, `  ociRuntimes: [{ name: runc }]\n${templates}`);
    const output = await applied(own);
    assert.match(output, /stop and disable crio\.service/);
    assert.match(await serving(host), /RuntimeName: +berth/);
    const drift = await berth('drift', own);
    assert.equal(drift.exitCode, 0, drift.output);
    await applied(profile(releases.minor));
    assert.match(await serving(host), /RuntimeName: +cri-o/);
  });

  await t.test('a reset takes the package, the repository and its key away', async () => {
    const { exitCode, output } = await berth('reset', profile(releases.minor), '--yes');
    assert.equal(exitCode, 0, output);
    const left = await host.output(`
      dpkg-query -W -f '\${Status}\\n' cri-o 2> /dev/null
      ls -d /usr/bin/crio /usr/libexec/crio /etc/crio/crio.conf.d/* /etc/apt/sources.list.d/berth-* /etc/apt/keyrings/berth-* 2> /dev/null
      ls /etc/systemd/system | grep crio
      true`);
    assert.equal(left, '');
  });
});

test('CRI-O comes from the dnf repository of its minor, in the version of the profile', {
  skip,
}, async (t) => {
  assert.ok(releases);
  const folder = folderOf(t);
  const key = await newSigningKey(t);
  const served = join(folder, 'served');
  mkdirSync(served);
  await makeDnfRepositories(served, [releases.newest, releases.older], key);
  const host = await embeddedHost(t, { base: 'fedora' });
  const address = await serveFolder(t, served, `${host.address.network}.1`);
  const templates = templatesOf(folder);
  const profile = (engine: string): string =>
    profileFor(
      host,
      folder,
      `  engine: { name: cri-o, ${engine} }\n  ociRuntimes: [{ name: runc }]\n${templates}`,
    );
  const upstream = (version: string): string =>
    profile(`source: upstream, version: "${version}", repository: "${address}", keySha256: ${pin}`);
  const pin = sha256(key.publicKey);
  const installed = (name = 'cri-o'): Promise<string> =>
    host.output(`rpm -q --qf '%{NAME} %{VERSION}' ${name} || true`);

  await t.test('the release of the profile is installed, not a newer one, and proven', async () => {
    await applied(upstream(releases.older));
    assert.equal(await installed(), `cri-o ${releases.older}`);
    assert.match(await configurationOf(host), /^ *default_runtime = "runc"$/m);
  });

  await t.test('a newer one takes its place and runs, and an older one again', async () => {
    await applied(upstream(releases.newest));
    assert.equal(await installed(), `cri-o ${releases.newest}`);
    assert.match(await serving(host), new RegExp(`RuntimeVersion: +${releases.newest}`));
    await applied(upstream(releases.older));
    assert.equal(await installed(), `cri-o ${releases.older}`);
  });

  await t.test('a package that the key of the repository did not sign is refused', async (t) => {
    const place = join(served, `v${releases.minor}/rpm`);
    const other = await newSigningKey(t);
    await other.signRpms([join(place, `cri-o-${releases.newest}-1.1.rpm`)]);
    await indexRpms(place, key);
    const { exitCode, output } = await berth('apply', upstream(releases.newest), '--yes');
    assert.equal(exitCode, 16, output);
    assert.match(output, /GPG|key/);
    assert.equal(await installed(), `cri-o ${releases.older}`);
  });

  await t.test('a reset takes the package, the repository and its key away', async () => {
    const { exitCode, output } = await berth('reset', upstream(releases.minor), '--yes');
    assert.equal(exitCode, 0, output);
    assert.match(await installed(), /not installed/);
    const left = await host.output(`
      ls -d /usr/bin/crio /usr/libexec/crio /etc/crio/crio.conf.d/* /etc/yum.repos.d/berth-* /etc/pki/rpm-gpg/*berth* 2> /dev/null
      ls /etc/systemd/system | grep crio
      true`);
    assert.equal(left, '');
  });
});

test("the distribution's own package of CRI-O has the minor in its name", { skip }, async (t) => {
  assert.ok(releases);
  const folder = folderOf(t);
  const host = await embeddedHost(t, { base: 'fedora' });
  const place = join(folder, 'distribution');
  const name = `cri-o${releases.minor}`;
  mkdirSync(place);
  await buildCrioRpm(place, releases.newest, name);
  await commandOutput(['createrepo_c', '--quiet', place], { signal: new AbortController().signal });
  const address = await serveFolder(t, place, `${host.address.network}.1`);
  await host.output(
    `printf '[updates]\\nname=updates\\nbaseurl=${address}\\ngpgcheck=0\\n' > /etc/yum.repos.d/updates.repo`,
  );
  const profile = profileFor(
    host,
    folder,
    `  engine: { name: cri-o, source: packages, version: "${releases.minor}" }
  ociRuntimes: [{ name: runc }]
${templatesOf(folder)}`,
  );
  await applied(profile);
  assert.equal(await host.output(`rpm -q --qf '%{NAME} %{VERSION}' ${name}`), `${name} ${releases.newest}`);
  const config = await configurationOf(host);
  assert.match(config, /^ *default_runtime = "runc"$/m);
  assert.match(config, /^ *signature_policy = "\/etc\/berth\/policy\.json"$/m);
  const { exitCode, output } = await berth('reset', profile, '--yes');
  assert.equal(exitCode, 0, output);
  assert.equal((await host.run(`rpm -q ${name}`)).exitCode, 1);
});
