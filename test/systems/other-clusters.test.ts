import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { runCommand } from '../../src/core/command.ts';
import { sshCommand } from '../../src/inventory/embedded/reach-host.ts';
import { berth, smokeProfileFor } from '../e2e/berth.ts';
import { type EmbeddedHost, embeddedHost, embeddedTestFolder } from '../harness/embedded.ts';
import { built, minikube, sourceOf } from './built-programs.ts';

/*
 * minikube itself says whether it takes what berth prints for it, up to where it would begin (--dry-run), and what it then asks
 * a host for is asked on a real node. hack/local-up-cluster.sh is asked by its source, which the Go module proxy has.
 */

/** What another command printed for this host. */
const printed = async (what: string, profile: string): Promise<string> => {
  const { exitCode, output } = await berth('kubernetes', what, profile);
  assert.equal(exitCode, 0, output);
  return output;
};

const minikubeLine = (output: string): string => {
  const line = output.split('\n').find((each) => each.startsWith('minikube start'));
  assert.ok(line !== undefined, output);
  return line;
};

const copyTo = async ({ address }: EmbeddedHost, from: string, to: string): Promise<void> => {
  const [program = '', ...args] = [
    ...sshCommand(address, embeddedTestFolder),
    `cat > ${to} && chmod 755 ${to}`,
  ];
  const copying = spawn(program, args, { stdio: ['pipe', 'ignore', 'inherit'] });
  createReadStream(from).pipe(copying.stdin);
  const [code] = await once(copying, 'exit');
  assert.equal(code, 0);
};

const node = async (t: TestContext, spec = '') => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-others-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t);
  return { host, folder, profile: smokeProfileFor(host, folder, spec) };
};

test('hack/local-up-cluster.sh knows every variable that berth prints for it', async (t) => {
  const { profile } = await node(t, '  swap: off\n  kubernetes: { kubelet: { maxPods: 50 } }\n');
  const output = await printed('local-up-cluster', profile);
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

const isValid = /dry-run validation complete/;

test('minikube takes the command that berth prints to reach a host, and refuses a word of it that is wrong', async (t) => {
  const { host, profile, folder } = await node(t);
  const line = minikubeLine(await printed('minikube', profile));
  assert.match(
    line,
    new RegExp(`--driver=ssh --ssh-ip-address=${host.ssh.host.replaceAll('.', '\\.')} --ssh-user=root`),
  );
  const program = await built(minikube);
  // It refuses to be root here, and keeps files.
  chmodSync(folder, 0o777);
  const start = async (command: string) => {
    const script = `cd "$HOME" && ${command.replace(/^minikube/, program)} --dry-run`;
    const argv = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'sh', '-c', script];
    const env = { HOME: folder, MINIKUBE_HOME: folder };
    const ended = await runCommand(argv, { signal: t.signal, env, deadlineSeconds: 120 });
    return { exitCode: ended.exitCode, said: ended.stdout + ended.stderr };
  };
  const taken = await start(line);
  assert.equal(taken.exitCode, 0, taken.said);
  assert.match(taken.said, isValid);
  for (const [wrong, why] of [
    [line.replace('--cri-socket', '--cri-sock'), /unknown flag: --cri-sock/],
    [line.replace('cri-o', 'berth'), /Invalid Container Runtime: berth/],
  ] as const) {
    const refused = await start(wrong);
    assert.notEqual(refused.exitCode, 0, refused.said);
    assert.match(refused.said, why);
  }
});

test('minikube takes the command for the host itself there, and finds on the node what it looks for', async (t) => {
  const { host, profile, folder } = await node(t);
  const output = await printed('minikube', profile);
  const applied = await berth('apply', profile, '--yes');
  assert.equal(applied.exitCode, 0, applied.output);
  await host.output(output.slice(output.indexOf('# Once'), output.indexOf('minikube start')));
  await copyTo(host, await built(minikube), '/usr/local/bin/minikube');
  const local = join(folder, 'local.yaml');
  writeFileSync(local, 'hosts: [{ name: node, local: {} }]\n');
  const here = minikubeLine(await printed('minikube', local));
  assert.match(here, /--driver=none/);
  const taken = await host.run(`cd /root && HOME=/root ${here} --dry-run 2>&1`);
  assert.equal(taken.exitCode, 0, taken.stdout);
  assert.match(taken.stdout, isValid);
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
