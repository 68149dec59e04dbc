import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { berth, smokeProfileFor } from '../../e2e/berth.ts';
import { type EmbeddedHost, embeddedHost } from '../../harness/embedded.ts';
import { assertSame, inventoryOf } from '../../harness/inventory.ts';
import { serveFolder } from '../../harness/serve-folder.ts';

/** Ignition's own; test/run.sh builds it. */
const validator =
  process.env['BERTH_TEST_IGNITION'] ??
  join(import.meta.dirname, '../../../node_modules/.cache/berth-test/ignition-validate-2.24.0');

const folderFor = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-export-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** Puts the script where it would be found at a first boot, and runs it as root. */
const runOn = async (host: EmbeddedHost, script: string) => {
  const marker = 'END-OF-FIRST-BOOT-SCRIPT';
  await host.output(`cat > /root/first-boot << '${marker}'\n${script}${marker}\n`);
  return host.run('sh /root/first-boot 2>&1');
};

test('a startup script makes a bare machine the node that apply would make, proves it, and does it once', async (t) => {
  const folder = folderFor(t);
  const files = join(folder, 'files');
  const data = join(folder, 'startup.sh');
  mkdirSync(files);
  const host = await embeddedHost(t);
  // As images for clouds have it.
  await host.output(
    'apt-get -qq update && apt-get -qq install -y --no-install-recommends curl > /dev/null 2>&1',
  );
  const before = await inventoryOf(host);
  const address = await serveFolder(t, files, `${host.address.network}.1`);
  const profile = smokeProfileFor(host, folder);
  const made = await berth(
    ...['export', profile, '--os', 'debian:12', '--metadata-startup', data],
    ...['--artifacts', address, '--artifacts-folder', files],
  );
  assert.equal(made.exitCode, 0, made.output);
  assert.ok(statSync(data).size < 256 * 1024, 'metadata of Compute Engine hold it');
  const script = readFileSync(data, 'utf8');

  await t.test('a file that is not what was exported stops it before anything is changed', async () => {
    const [large = ''] = readdirSync(files).filter((name) => name.startsWith('berthd.mjs'));
    const right = readFileSync(join(files, large));
    writeFileSync(join(files, large), 'something else');
    const refused = await runOn(host, script);
    assert.equal(refused.exitCode, 1);
    assert.match(refused.stdout, /first boot failed: berthd\.mjs-\w+ has sha256 \w+, and must have \w+/);
    assert.equal((await host.run('ls /var/lib/berth-install/generations 2>&1')).exitCode, 2);
    writeFileSync(join(files, large), right);
    await host.output('rm -r /var/lib/berth-install');
  });

  await t.test('a machine of another distribution, release or architecture refuses the script', async () => {
    const other = join(folder, 'other.sh');
    const exported = async (os: string): Promise<string> => {
      const data = ['--metadata-startup', other, '--artifacts', address];
      const run = await berth('export', profile, '--os', os, ...data);
      assert.equal(run.exitCode, 0, run.output);
      return readFileSync(other, 'utf8');
    };
    const ubuntu = await runOn(host, await exported('ubuntu:24.04'));
    assert.match(ubuntu.stdout, /this is for ubuntu:24\.04, and the machine is debian 12/);
    const trixie = await runOn(host, await exported('debian:13'));
    assert.match(trixie.stdout, /this is for debian:13, and the machine is debian 12/);
    const arm = await runOn(host, script.replace(/^machine=.*/m, 'machine=aarch64'));
    assert.match(arm.stdout, /this is for aarch64, and the machine is x86_64/);
    for (const { exitCode } of [ubuntu, trixie, arm]) assert.equal(exitCode, 1);
    assert.equal((await host.run('ls /var/lib/berth-install')).exitCode, 2);
  });

  const first = await runOn(host, script);
  assert.equal(first.exitCode, 0, first.stdout);
  assert.match(
    first.stdout,
    /berth: packages\n[\s\S]*berth: start:berthd\.service\n[\s\S]*is a node now, and crictl has proven it/,
  );
  const planned = await berth('plan', profile);
  assert.equal(planned.exitCode, 0, planned.output);
  const verified = await berth('verify', profile);
  assert.equal(verified.exitCode, 0, verified.output);
  assert.match((await berth('rollback', profile, '--list')).output, /first boot/);

  const again = await runOn(host, script);
  assert.equal(again.exitCode, 0, again.stdout);
  assert.match(again.stdout, /was made a node already/);
  const other = await runOn(host, script.replace(/^digest=.*/m, 'digest=0'));
  assert.equal(other.exitCode, 1);
  assert.match(other.stdout, /by other first-boot data; change it with berth apply/);

  // Also what nobody had seen when it was planned is put back.
  const reset = await berth('reset', profile, '--yes');
  assert.equal(reset.exitCode, 0, reset.output);
  await host.output('rm /root/first-boot');
  assertSame(await inventoryOf(host), before);
});

test('Ignition data hold everything, and their unit makes an image-based machine a node', async (t) => {
  const folder = folderFor(t);
  const data = join(folder, 'node.ign');
  const host = await embeddedHost(t, { base: 'coreos' });
  const profile = smokeProfileFor(host, folder, '  packages: { ostree: layer }\n');
  const made = await berth('export', profile, '--os', 'fedora-coreos', '--ignition', data);
  assert.equal(made.exitCode, 0, made.output);
  const judged = spawnSync(validator, [data], { encoding: 'utf8' });
  assert.equal(judged.status, 0, judged.stderr);
  assert.equal(judged.stdout + judged.stderr, '', 'not even a warning');
  const { storage, systemd } = JSON.parse(readFileSync(data, 'utf8'));
  const [file] = storage.files;
  const [unit] = systemd.units;
  const script = gunzipSync(Buffer.from(file.contents.source.replace('data:;base64,', ''), 'base64'));
  assert.equal(
    file.contents.verification.hash,
    `sha256-${createHash('sha256').update(script).digest('hex')}`,
  );
  // What Ignition does before the first boot.
  await host.output(`mkdir -p /var/lib/berth-install
cat > ${file.path} << 'END-OF-FILE'
${script.toString('utf8')}END-OF-FILE
cat > /etc/systemd/system/${unit.name} << 'END-OF-UNIT'
${unit.contents}END-OF-UNIT
systemctl daemon-reload`);
  const started = await host.run(
    `systemctl start ${unit.name}; code=$?; journalctl -o cat -u ${unit.name}; exit $code`,
  );
  assert.equal(started.exitCode, 0, started.stdout);
  assert.match(started.stdout, /is a node now/);
  const planned = await berth('plan', profile);
  assert.equal(planned.exitCode, 0, planned.output);
  assert.equal((await berth('verify', profile)).exitCode, 0);
});

test('secrets, what only the machine itself could tell, and wrong words are refused', async (t) => {
  const folder = folderFor(t);
  const profile = join(folder, 'profile.yaml');
  const data = join(folder, 'data');
  const refused = async (spec: string, ...args: string[]): Promise<string> => {
    writeFileSync(profile, `hosts: [{ name: node, local: {} }]\nspec:\n  artifacts: { source: go }\n${spec}`);
    const made = await berth('export', profile, '--cloud-init', data, ...args);
    assert.ok([10, 13].includes(made.exitCode), made.output);
    return made.output;
  };
  const login =
    '  registries: { auth: [{ registry: quay.io, username: me, password: { env: NOBODY_ASKS } }] }\n';
  assert.match(
    await refused(login, '--os', 'debian:12'),
    /would hold secrets: spec\.registries\.auth \(quay\.io\)/,
  );
  const proxy = '  proxy: { http: "http://me:hunter22@proxy.test:3128" }\n';
  assert.match(await refused(proxy, '--os', 'debian:12'), /would hold secrets: spec\.proxy\.http/);
  const untold = await refused('  swap: off\n', '--os', 'debian:12');
  assert.match(untold, /spec\.swap cannot be part of first-boot data[\s\S]*--overlay/);
  assert.doesNotMatch(untold, /prepare/, 'nothing is fetched or built before');
  assert.match(await refused('', '--os', 'debain:12'), /did you mean debian/);
  assert.match(await refused('', '--os', 'ubuntu'), /without a release/);
  assert.match(await refused('', '--os', 'debian:12', '--ignition', data), /several was asked for/);
  assert.match(
    await refused('', '--os', 'debian:12', '--artifacts-folder', folder),
    /--artifacts-folder without --artifacts/,
  );
  assert.ok(!readdirSync(folder).includes('data'), 'nothing is written');
});
