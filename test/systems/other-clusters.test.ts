import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { berth, smokeProfileFor } from '../e2e/berth.ts';
import { embeddedHost } from '../harness/embedded.ts';

/*
 * minikube and hack/local-up-cluster.sh are asked by their own source, which the Go module proxy has, whether they know what
 * berth prints for them; what minikube asks a host for is asked on a real node.
 */

const run = promisify(execFile);

/** Newest first: the proxy does not have every release. */
const minikubes = ['v1.38.1', 'v1.36.0'];

const sourceOf = async (module: string): Promise<string> => {
  const { stdout } = await run('go', ['mod', 'download', '-json', module], { cwd: tmpdir() });
  const { Dir } = JSON.parse(stdout) as { Dir: string };
  return Dir;
};

const node = async (t: TestContext, spec = '') => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-others-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t);
  return { host, profile: smokeProfileFor(host, folder, spec) };
};

test('hack/local-up-cluster.sh knows every variable that berth prints for it', async (t) => {
  const { profile } = await node(t, '  swap: off\n  kubernetes: { kubelet: { maxPods: 50 } }\n');
  const { exitCode, output } = await berth('kubernetes', 'local-up-cluster', profile);
  assert.equal(exitCode, 0, output);
  const variables = [...output.matchAll(/^export ([A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [
    name,
    value,
  ]);
  assert.ok(variables.length >= 7, output);
  const script = readFileSync(
    join(await sourceOf('k8s.io/kubernetes@v1.37.2'), 'hack/local-up-cluster.sh'),
    'utf8',
  );
  for (const [name] of variables) assert.match(script, new RegExp(`^${name}=\\$\\{${name}:-`, 'm'), name);
  const values = Object.fromEntries(variables);
  assert.equal(values['CONTAINER_RUNTIME_ENDPOINT'], 'unix:///var/run/crio/crio.sock');
  assert.equal(values['FAIL_SWAP_ON'], 'true');
});

test('minikube knows every flag that berth prints for it, and finds on a node what it looks for', async (t) => {
  const { host, profile } = await node(t);
  const { exitCode, output } = await berth('kubernetes', 'minikube', profile);
  assert.equal(exitCode, 0, output);
  const command = output.split('\n').find((line) => line.startsWith('minikube start')) ?? '';
  assert.match(
    command,
    new RegExp(`--driver=ssh --ssh-ip-address=${host.ssh.host.replaceAll('.', '\\.')} --ssh-user=root`),
  );
  for (const release of minikubes) {
    const source = await sourceOf(`k8s.io/minikube@${release}`);
    const read = (path: string) => readFileSync(join(source, path), 'utf8');
    const flags = read('cmd/minikube/cmd/start_flags.go');
    const known = new Set([...flags.matchAll(/^\s+\w+\s+= "([a-z0-9-]+)"$/gm)].map(([, name]) => name));
    for (const literal of flags.matchAll(/Flags\(\)\.\w+\(.*?"([a-z0-9-]+)"/g)) known.add(literal[1]);
    for (const [, flag] of command.matchAll(/ --([a-z0-9-]+)=/g))
      assert.ok(known.has(flag), `${release}: --${flag}`);
    assert.match(read('pkg/minikube/cruntime/cruntime.go'), /"docker", "cri-o", "containerd"/);
    assert.match(read('pkg/minikube/cruntime/crio.go'), /"\/etc\/crio\/crio\.conf\.d\/02-crio\.conf"/);
  }
  const applied = await berth('apply', profile, '--yes');
  assert.equal(applied.exitCode, 0, applied.output);
  const prepare = output.slice(output.indexOf('# Once'), output.indexOf('minikube start'));
  await host.output(prepare);
  // pkg/minikube/cruntime/crio.go: Available, Version, Active, CGroupDriver.
  assert.match(
    await host.output('which crio && crio --version | head -n 1'),
    /^\/usr\/local\/bin\/crio\ncrio version \d/,
  );
  assert.match(await host.output('systemctl is-active crio'), /^active/);
  // It takes systemd where no line says otherwise.
  await host.output("crio config > /tmp/config && ! grep '^cgroup_manager' /tmp/config | grep -v systemd");
  await host.output(
    `sed -i 's|^.*pause_image = .*$|pause_image = "x"|' /etc/crio/crio.conf.d/02-crio.conf; test -d /opt/cni/bin`,
  );
  await host.output('systemctl restart crio');
  const verified = await berth('verify', profile);
  assert.equal(verified.exitCode, 0, verified.output);
});
