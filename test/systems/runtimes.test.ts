import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { berth, profileFor } from '../e2e/berth.ts';
import { embeddedHost } from '../harness/embedded.ts';
import { serveFolder } from '../harness/serve-folder.ts';

test('pinned runtimes and plugins come from a mirror and from source, for pods with IPv6 alone', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-runtimes-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t);
  const { release, sha256 } = runcRelease(join(folder, 'mirror'));
  const spec = (pin: string): string => `  ociRuntimes:
    - { name: runc, source: release, version: ${release}, sha256: { x64: ${pin}, arm64: ${pin} } }
  cni:
    plugins: { source: source, version: 1.9.1 }
    networks: [{ name: six, subnets: ["fd00:66::/64"] }]
`;
  const artifacts = `{ source: auto, folder: ${join(folder, 'mirror')} }`;

  await t.test('a runtime that is not the pinned one is not installed', async () => {
    const wrong = 'f'.repeat(64);
    const { exitCode, output } = await berth('plan', profileFor(host, folder, spec(wrong), artifacts));
    assert.equal(exitCode, 15, output);
    assert.match(output, new RegExp(`has sha256 ${sha256}; ${wrong} is expected`));
  });

  await t.test('the host gets the pinned ones, and pods talk over IPv6', async () => {
    const profile = profileFor(host, folder, spec(sha256), artifacts);
    const { exitCode, output } = await berth('apply', profile, '--yes');
    assert.equal(exitCode, 0, output);
    assert.match(output, /redis\.pod-ip .*fd00:66::/);
    assert.match(output, new RegExp(`versions\\.runc +is ${release.replaceAll('.', '\\.')}`));
    assert.match(output, /hostport\.from-pod .*the right pod answers/);
    const seen = await host.output('sha256sum < /usr/local/bin/runc; /opt/cni/bin/bridge --version 2>&1');
    assert.ok(seen.startsWith(sha256), seen);
    assert.match(seen, /v?1\.9\.1/);
    const packages = await host.output(
      "dpkg-query -W -f '${Package} ${Status}\\n' runc containernetworking-plugins 2>&1 || true",
    );
    assert.doesNotMatch(packages, / installed$/m);
    const again = await berth('plan', profile);
    assert.equal(again.exitCode, 0, again.output);
  });

  await t.test('a program that somebody exchanged is put right', async () => {
    await host.output('cp /bin/true /usr/local/bin/runc');
    const { exitCode, output } = await berth('plan', profileFor(host, folder, spec(sha256), artifacts));
    assert.equal(exitCode, 2, output);
    assert.match(output, /\/usr\/local\/bin\/runc/);
  });

  await t.test('a range that the host has a route for is refused before anything is written', async () => {
    const profile = profileFor(
      host,
      folder,
      `  cni: { networks: [{ name: clash, subnets: [${host.address.network}.0/24] }] }\n`,
    );
    const { exitCode, output } = await berth('apply', profile, '--yes');
    assert.equal(exitCode, 13, output);
    assert.match(output, /overlaps the route/);
    assert.equal((await host.run('test -e /etc/cni/net.d/10-clash.conflist')).exitCode, 1);
  });
});

test('another CNI stays in charge where the profile leaves it there', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-runtimes-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t);
  await host.output(`mkdir -p /etc/cni/net.d && cat > /etc/cni/net.d/05-theirs.conflist <<'X'
{ "cniVersion": "1.0.0", "name": "theirs", "plugins": [
  { "type": "ptp", "ipMasq": true, "ipam": { "type": "host-local", "subnet": "10.77.0.0/24", "routes": [{ "dst": "0.0.0.0/0" }] } },
  { "type": "portmap", "capabilities": { "portMappings": true } } ] }
X`);
  const profile = profileFor(host, folder, '  cni: { provider: other }\n');
  const { exitCode, output } = await berth('apply', profile, '--yes');
  assert.equal(exitCode, 0, output);
  assert.match(output, /redis\.pod-ip .*10\.77\.0\./);
  assert.equal((await host.output('ls /etc/cni/net.d')).trim(), '05-theirs.conflist');
});

test('plugins of a release and crictl of a package make a node, and prove it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-runtimes-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t);
  const machine = `${host.address.network}.1`;
  const address = await serveFolder(t, criToolsRepository(folder), machine);
  // Embedded hosts go out through a proxy that knows mirrors of the distribution alone.
  await host.output(`echo 'Acquire::http::Proxy::${machine} "DIRECT";' > /etc/apt/apt.conf.d/99direct
    echo 'deb [trusted=yes] ${address} ./' > /etc/apt/sources.list.d/own.list
    apt-get -qq update`);
  const sha256 = pluginRelease(folder, '1.1.1');
  const profile = profileFor(
    host,
    folder,
    `  crictl: { source: package }
  cni: { plugins: { source: release, version: 1.1.1, sha256: { x64: ${sha256}, arm64: ${sha256} } } }
`,
    `{ source: auto, folder: ${folder} }`,
  );
  const { exitCode, output } = await berth('apply', profile, '--yes');
  assert.equal(exitCode, 0, output);
  assert.match(output, /redis\.set-get .*GET answers/);
  const again = await berth('plan', profile);
  assert.equal(again.exitCode, 0, again.output);
  assert.equal(
    (await host.output('command -v crictl; ls /opt/cni/bin/bridge')).trim(),
    '/usr/bin/crictl\n/opt/cni/bin/bridge',
  );
  assert.equal((await host.run('dpkg-query -W containernetworking-plugins')).exitCode, 1);
  const reset = await berth('reset', profile, '--yes');
  assert.equal(reset.exitCode, 0, reset.output);
  assert.equal((await host.run('ls /usr/bin/crictl /opt/cni/bin/bridge')).stdout, '');
});

test('a runtime written in C is built on the host, and runs a pod', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-runtimes-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t);
  const sha256 = bwrapSource(folder);
  const spec = `  ociRuntimes:
    - { name: runc }
    - { name: bwrap-oci, source: source, version: "0.2", sha256: { x64: ${sha256}, arm64: ${sha256} } }
`;
  const profile = profileFor(host, folder, spec, `{ source: auto, folder: ${folder} }`);
  const { exitCode, output } = await berth('apply', profile, '--yes');
  assert.equal(exitCode, 0, output);
  assert.match(output, /makes no cgroups/);
  assert.match(output, /versions\.bwrap-oci +is 0\.2/);
  assert.match(output, /handler\.bwrap-oci .*ran on/);
  const again = await berth('plan', profile);
  assert.equal(again.exitCode, 0, again.output);
  await host.output('cp /bin/true /usr/local/bin/bwrap-oci');
  const changed = await berth('plan', profile);
  assert.equal(changed.exitCode, 2, changed.output);
  assert.match(changed.output, /build bwrap-oci .*\n?.*the program was changed/);
});

/**
 * A source that is built as bwrap-oci's is, whose own is on GitHub alone: a program that has its version, and leaves the
 * work to runc. Answers the checksum.
 */
function bwrapSource(folder: string): string {
  const root = join(folder, 'bwrap-oci-0.2');
  mkdirSync(root);
  writeFileSync(
    join(root, 'configure'),
    `#!/bin/sh
pkg-config --exists json-glib-1.0 libseccomp || { echo "a library is missing" >&2; exit 1; }
command -v bwrap > /dev/null || { echo "bubblewrap is missing" >&2; exit 1; }
printf 'all: bwrap-oci bwrap-oci.1\\nbwrap-oci.1:\\n\\txsltproc bwrap-oci.xml\\n' > Makefile
printf 'bwrap-oci: main.c\\n\\tcc -o bwrap-oci main.c\\n' >> Makefile
`,
    { mode: 0o755 },
  );
  writeFileSync(
    join(root, 'main.c'),
    `#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "--version") == 0) return puts("bwrap-oci 0.2") < 0;
  argv[0] = "runc";
  execvp("runc", argv);
  perror("runc");
  return 127;
}
`,
  );
  const archive = join(folder, 'bwrap-oci-0.2.tar.gz');
  execFileSync('tar', ['-czf', archive, '-C', folder, 'bwrap-oci-0.2']);
  return createHash('sha256').update(readFileSync(archive)).digest('hex');
}

/** A repository of apt with crictl as a package, as that of Kubernetes has it. */
function criToolsRepository(folder: string): string {
  const [tree, served] = [join(folder, 'cri-tools'), join(folder, 'served')];
  mkdirSync(join(tree, 'usr/bin'), { recursive: true });
  mkdirSync(join(tree, 'DEBIAN'));
  mkdirSync(served);
  copyFileSync(process.env['BERTH_TEST_CRICTL'] ?? 'crictl', join(tree, 'usr/bin/crictl'));
  const arch = process.arch === 'x64' ? 'amd64' : 'arm64';
  const control = `Package: cri-tools\nVersion: 1.37.0-1.1\nArchitecture: ${arch}\nMaintainer: tests\nDescription: crictl\n`;
  writeFileSync(join(tree, 'DEBIAN/control'), control);
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zgzip', '--build', tree, served], { stdio: 'pipe' });
  writeFileSync(
    join(served, 'Packages'),
    execFileSync('apt-ftparchive', ['packages', '.'], { cwd: served, stdio: 'pipe' }),
  );
  return served;
}

/** The distribution's CNI plugins as their project would publish them, in the folder. Answers the checksum. */
function pluginRelease(folder: string, release: string): string {
  const arch = process.arch === 'x64' ? 'amd64' : 'arm64';
  const archive = join(folder, `cni-plugins-linux-${arch}-v${release}.tgz`);
  execFileSync('tar', ['-czf', archive, '-C', '/usr/lib/cni', '.']);
  return createHash('sha256').update(readFileSync(archive)).digest('hex');
}

/** The machine's runc as a project would publish it, in a folder. */
function runcRelease(mirror: string): { release: string; sha256: string } {
  mkdirSync(mirror);
  const release = /version (\d+\.\d+\.\d+)/.exec(
    execFileSync('runc', ['--version'], { encoding: 'utf8' }),
  )?.[1];
  assert.ok(release);
  const arch = process.arch === 'x64' ? 'amd64' : 'arm64';
  const file = join(mirror, `runc-v${release}-linux-${arch}`);
  copyFileSync(execFileSync('which', ['runc'], { encoding: 'utf8' }).trim(), file);
  return { release, sha256: createHash('sha256').update(readFileSync(file)).digest('hex') };
}
