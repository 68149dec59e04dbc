import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { berth, profileFor } from '../e2e/berth.ts';
import { type EmbeddedHost, embeddedHost } from '../harness/embedded.ts';

/**
 * CRI-O itself, as its project publishes it: from the folder with its bundle that BERTH_TEST_CRIO names, else from the
 * project's own pages. Undefined: neither can be had here.
 */
async function bundle(): Promise<{ version: string; artifacts: string } | undefined> {
  const folder = process.env['BERTH_TEST_CRIO'];
  if (folder !== undefined) {
    const arch = process.arch === 'x64' ? 'amd64' : 'arm64';
    const pattern = new RegExp(`^cri-o\\.${arch}\\.v(\\d+\\.\\d+\\.\\d+)\\.tar\\.gz$`);
    const version = readdirSync(folder).flatMap((name) => pattern.exec(name)?.[1] ?? [])[0];
    assert.ok(version, `${folder} has no bundle of CRI-O`);
    return { version, artifacts: `{ source: auto, folder: ${folder} }` };
  }
  const version = '1.36.0';
  const address = `https://storage.googleapis.com/cri-o/artifacts/cri-o.amd64.v${version}.tar.gz.sha256sum`;
  const answer = await fetch(address, { signal: AbortSignal.timeout(10_000) }).catch(() => undefined);
  return answer?.ok ? { version, artifacts: '{ source: auto }' } : undefined;
}

const crio = await bundle();
const skip =
  crio === undefined
    ? 'neither BERTH_TEST_CRIO nor storage.googleapis.com has a bundle of CRI-O'
    : (false as const);

test('a node changes its engine and back, and comes back where that fails', { skip }, async (t) => {
  assert.ok(crio);
  const folder = mkdtempSync(join(tmpdir(), 'berth-engines-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t);
  const usual = templatesOf(folder);
  const profile = (spec = '', templates = usual): string =>
    profileFor(
      host,
      folder,
      // A bundle of one's own may have the conmon of a distribution, which needs glib.
      `  packages: { extra: [libglib2.0-0] }\n  ociRuntimes: [{ name: runc }]\n${templates}${spec}`,
      crio.artifacts,
    );
  const engineCrio = `  engine: { name: cri-o, source: static, version: ${crio.version} }\n`;
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

/** Files of the user: CRI-O's image of the pause container, which no registry has here, and what else is named. */
function templatesOf(folder: string, more: Readonly<Record<string, string>> = {}): string {
  const templates = mkdtempSync(join(folder, 'templates-'));
  const files = {
    'etc/crio/crio.conf.d/50-pause.conf': '[crio.image]\npause_image = "localhost:5000/crio/redis:alpine"\n',
    ...more,
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(templates, path)), { recursive: true });
    writeFileSync(join(templates, `${path}.hbs`), text);
  }
  return `  templates: ${templates}\n`;
}

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
