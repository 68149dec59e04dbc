import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { berth, profileFor } from '../e2e/berth.ts';
import { writeCrioBundle } from '../harness/crio/bundle.ts';
import { buildCrio, crioReleases } from '../harness/crio/releases.ts';
import { templatesOf } from '../harness/crio/templates.ts';
import { type EmbeddedHost, embeddedHost } from '../harness/embedded.ts';

const {
  versions: [version],
  refused,
} = await crioReleases();
const skip = version === undefined ? `the Go module proxy has no CRI-O: ${refused}` : (false as const);

test('CRI-O is built from its Go module with the tags of the profile, and serves a node', {
  skip,
}, async (t) => {
  assert.ok(version);
  const folder = mkdtempSync(join(tmpdir(), 'berth-engines-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t);
  const profile = profileFor(
    host,
    folder,
    `  engine: { name: cri-o, source: source, version: ${version}, buildTags: [seccomp, apparmor, selinux] }
  ociRuntimes: [{ name: runc }]
${templatesOf(folder)}`,
  );
  const { exitCode, output } = await berth('apply', profile, '--yes');
  // The modules that it asks for are the proxy's and the checksum database's to have; without one nothing is built.
  if (exitCode === 15 && /reading https:\/\/.*: 40[34]/.test(output))
    return t.skip(output.match(/reading .*/)?.[0]);
  assert.equal(exitCode, 0, output);
  assert.match(output, new RegExp(`socket\\.version.* cri-o ${version.replaceAll('.', '\\.')}`));
  assert.match(output, /redis\.set-get .*GET answers/);
  const again = await berth('plan', profile);
  assert.equal(again.exitCode, 0, again.output);
  assert.match(await host.output('crio version'), buildOf(['seccomp', 'apparmor', 'selinux']));
  assert.match(await host.output('dpkg-query -W conmon'), /^conmon/);
});

test("berth's build tags make a CRI-O that can do what they say, on any host", { skip }, async () => {
  assert.ok(version);
  const { crio } = await buildCrio(version);
  const told = execFileSync(crio, ['version'], { encoding: 'utf8', stdio: 'pipe' });
  assert.match(told, buildOf(['seccomp', 'apparmor', 'selinux', 'containers_image_openpgp']));
  assert.match(told, /^SeccompEnabled: +true$/m);
  assert.throws(() => execFileSync('ldd', [crio], { stdio: 'pipe' }), /not a dynamic executable/);
});

/** What `crio version` says of a build with these tags. */
const buildOf = (tags: readonly string[]): RegExp =>
  new RegExp(`^BuildTags:${tags.map((tag) => `(?=[^]*^ +${tag}$)`).join('')}`, 'm');

test('a node changes its engine and back, and comes back where that fails', { skip }, async (t) => {
  assert.ok(version);
  const folder = mkdtempSync(join(tmpdir(), 'berth-engines-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  await writeCrioBundle(folder, version);
  const host = await embeddedHost(t);
  const usual = templatesOf(folder);
  const profile = (spec = '', templates = usual): string =>
    profileFor(
      host,
      folder,
      // The bundle has the conmon of the distribution, which needs glib.
      `  packages: { extra: [libglib2.0-0] }\n  ociRuntimes: [{ name: runc }]\n${templates}${spec}`,
      `{ source: auto, folder: ${folder} }`,
    );
  const engineCrio = `  engine: { name: cri-o, source: static, version: ${version} }\n`;
  const applied = async (spec: string): Promise<string> => {
    const { exitCode, output } = await berth('apply', profile(spec), '--yes');
    assert.equal(exitCode, 0, output);
    const again = await berth('plan', profile(spec));
    assert.equal(again.exitCode, 0, again.output);
    return output;
  };

  await t.test('berth first', async () => {
    await applied('');
    assert.match(await serving(host), /berth/);
  });

  await t.test(
    'to CRI-O: pods are stopped, it serves the same socket, and all checks are green',
    async () => {
      await runPod(host);
      const output = await applied(engineCrio);
      assert.match(output, /stop and remove all pods/);
      assert.match(output, /socket\.version .*cri-o 1\.\d+/);
      assert.match(output, /redis\.set-get .*GET answers/);
      assert.match(await serving(host), /cri-o/);
      assert.equal(await host.output('crictl pods -q'), '');
      assert.equal((await host.run('systemctl is-active berthd berth-shim')).exitCode, 3);
      assert.equal(await host.output('ls -A /run/berth/pods 2>/dev/null || true'), '');
    },
  );

  await t.test('what policy.json rejects is not pulled by CRI-O', async () => {
    await policyRejects(host, profile(`${engineCrio}  policy: { default: reject }\n`));
  });

  await t.test('a change to berth that fails ends with CRI-O at work again', async () => {
    const output = await failing(profile('', breaking(folder, 'berthd')));
    assert.match(output, /berthd/);
    assert.match(await serving(host), /cri-o/);
    const verified = await berth('verify', profile(engineCrio));
    assert.equal(verified.exitCode, 0, verified.output);
  });

  await t.test('back to berth: CRI-O stops its pods, and its programs go', async () => {
    await runPod(host);
    const output = await applied('');
    assert.match(output, /stop and remove all pods/);
    assert.match(await serving(host), /berth/);
    assert.equal((await host.run('systemctl is-active crio')).stdout.trim(), 'active', 'the alias');
    assert.equal((await host.run('test -e /usr/local/bin/crio')).exitCode, 1);
    assert.equal((await host.run('pgrep -x conmon')).exitCode, 1);
  });

  await t.test('what policy.json rejects is not pulled by berth', async () => {
    await policyRejects(host, profile('  policy: { default: reject }\n'));
  });

  await t.test('a change to CRI-O that fails ends with berth at work again', async () => {
    await failing(profile(engineCrio, breaking(folder, 'crio')));
    assert.match(await serving(host), /berth/);
    const verified = await berth('verify', profile());
    assert.equal(verified.exitCode, 0, verified.output);
  });

  await t.test('a reset of a node with CRI-O ends its pods and takes it away', async () => {
    await applied(engineCrio);
    await runPod(host);
    const { exitCode, output } = await berth('reset', profile(engineCrio), '--yes');
    assert.equal(exitCode, 0, output);
    const left = await host.output(`
      systemctl is-active crio berthd
      ls -d /usr/local/bin/crio /etc/systemd/system/*crio* /etc/crio/crio.conf.d/*.conf /usr/lib/berth 2>/dev/null
      ip -o link | grep cni0
      grep -c /var/run/netns/ /proc/mounts
      true`);
    assert.equal(left.trim(), 'inactive\ninactive\n0');
  });
});

/** What answers at the socket. */
const serving = (host: EmbeddedHost): Promise<string> => host.output('crictl version');

const runPod = (host: EmbeddedHost): Promise<string> =>
  host.output(`
    echo '{"metadata":{"name":"stays","namespace":"engines","uid":"u1"},"log_directory":"/var/log/engines","linux":{"security_context":{"namespace_options":{"pid":1}}}}' > /tmp/pod.json
    crictl runp /tmp/pod.json`);

/** A drop-in with which the service cannot start. */
const breaking = (folder: string, unit: string): string =>
  templatesOf(folder, {
    [`etc/systemd/system/${unit}.service.d/99-broken.conf`]: '[Service]\nExecStart=\nExecStart=/bin/false\n',
  });

async function failing(profile: string): Promise<string> {
  const { exitCode, output } = await berth('apply', profile, '--yes', '--rollback-on-failure');
  assert.equal(exitCode, 18, output);
  assert.match(output, /the host is again as it was/);
  return output;
}

/** The verification is red where the image is fetched, for that very reason, and the host goes back. */
async function policyRejects(host: EmbeddedHost, profile: string): Promise<void> {
  await host.output('crictl rmi --all >/dev/null 2>&1');
  const { exitCode, output } = await berth('apply', profile, '--yes');
  assert.equal(exitCode, 18, output);
  // CRI-O begins with the image of the pause container.
  assert.match(output, /✗ redis\.(pull|runp)/);
  assert.match(output, /reject/i);
}
