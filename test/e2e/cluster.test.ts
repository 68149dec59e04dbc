import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { type EmbeddedHost, embeddedHost } from '../harness/embedded.ts';
import { berth } from './berth.ts';

/*
 * How a cluster grows over several hosts: real hosts and a real command, and a kubeadm that writes down what it is told,
 * makes the files that the real one makes, and refuses everything else. test/systems has the real one.
 */

const token = 'abcdef.0123456789abcdef';
const key = 'f'.repeat(64);

const kubeadm = `#!/bin/sh
echo "$*" >> /root/asked
# Whoever looks at the processes of the host sees this.
tr '\\0' ' ' < /proc/$$/cmdline >> /root/seen
config() {
  [ "$1" = --config ] || exit 64
  stat -c %a:%U "$2" > /root/mode
  cat "$2" > /root/config
}
become() { mkdir -p /etc/kubernetes/manifests; (umask 077; echo x > /etc/kubernetes/kubelet.conf); }
plane() {
  become
  echo 'image: registry.k8s.io/kube-apiserver:v1.37.2' > /etc/kubernetes/manifests/kube-apiserver.yaml
  (umask 077; echo x > /etc/kubernetes/admin.conf)
}
case "$*" in
  'init phase upload-certs --upload-certs') echo '[upload-certs] Using certificate key:'; echo ${key} ;;
  'init --config '*' --skip-token-print --skip-certificate-key-print')
    shift; config "$@"
    mkdir -p /etc/kubernetes/pki
    openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=kubernetes \\
      -keyout /etc/kubernetes/pki/ca.key -out /etc/kubernetes/pki/ca.crt 2> /dev/null
    plane ;;
  'token create --ttl 2h') echo ${token} ;;
  'token delete abcdef') ;;
  'join --config '*)
    shift; config "$@"
    [ -e /root/refuse ] && {
      echo "no ${token} is known"
      printf '%s\\n' '[preflight] Some fatal errors occurred:' '\t[ERROR Swap]: swap is on' '\t[ERROR Port-10250]: Port 10250 is in use' \\
        'error: error execution phase preflight: preflight checks failed' 'To see the stack trace of this error execute with --v=5 or higher'
      exit 1
    }
    if grep -q certificateKey /root/config; then plane; else become; fi ;;
  'reset --force --cri-socket unix:///var/run/crio/crio.sock')
    rm -f /etc/kubernetes/kubelet.conf
    [ ! -e /root/refuse ] || kill -9 $PPID ;;
  *) echo "kubeadm was not told: $*" >&2; exit 64 ;;
esac
`;

const kubectl = `#!/bin/sh
case "$*" in
  '--kubeconfig /etc/kubernetes/admin.conf config view -o jsonpath={.clusters[0].cluster.server}') echo https://192.0.2.99:6443 ;;
  "--kubeconfig /etc/kubernetes/kubelet.conf get node $(uname -n) --ignore-not-found -o json")
    echo '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}' ;;
  '--kubeconfig /etc/kubernetes/admin.conf get node '*' --ignore-not-found -o json') echo '{}' ;;
  '--kubeconfig /etc/kubernetes/admin.conf '*) echo "$*" | cut -d ' ' -f 3- >> /root/asked ;;
  *) echo "kubectl was not told: $*" >&2; exit 64 ;;
esac
`;

const prepare = async (host: EmbeddedHost): Promise<void> => {
  await host.output(`
cat > /usr/local/bin/kubeadm <<'X'
${kubeadm}X
cat > /usr/local/bin/kubectl <<'X'
${kubectl}X
command -v openssl > /dev/null || { apt-get -q update && apt-get -q -y install openssl; } > /dev/null
chmod 755 /usr/local/bin/kubeadm /usr/local/bin/kubectl`);
};

const profileOf = (hosts: Readonly<Record<string, EmbeddedHost>>, folder: string): string => {
  const path = join(folder, 'fleet.yaml');
  const entries = Object.entries(hosts).map(([name, { ssh }], index) => {
    const role = name.startsWith('cp') ? 'control-plane' : 'worker';
    return `  - name: ${name}
    ssh: { host: ${ssh.host}, user: root, identityFiles: [${ssh.identityFiles[0]}], knownHostsFiles: [${ssh.knownHostsFiles[0]}] }
    spec: { kubernetes: { role: ${role} }, cni: { networks: [{ name: n, subnets: [10.88.${index}.0/24] }] } }`;
  });
  writeFileSync(
    path,
    `hosts:\n${entries.join('\n')}\nspec: { kubernetes: { init: { controlPlaneEndpoint: "api.example:6443" } } }\n`,
  );
  return path;
};

test('a cluster grows from its first control plane over the others to the workers, and is then left alone', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-cluster-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  // The worker stands first: the order is by role.
  const [worker, first, second] = [await embeddedHost(t), await embeddedHost(t), await embeddedHost(t)];
  const hosts = { 'w-1': worker, 'cp-1': first, 'cp-2': second };
  const profile = profileOf(hosts, folder);
  const asked = (host: EmbeddedHost) => host.output('cat /root/asked 2>/dev/null; rm -f /root/asked');
  const logs: string[] = [];
  const up = async (...more: string[]) => {
    const log = join(folder, `log-${logs.length}`);
    const ended = await berth('kubernetes', 'up', profile, '--log-file', log, '--verbose', ...more);
    logs.push(log);
    return ended;
  };

  await t.test('hosts that berth has not prepared are refused', async () => {
    const { exitCode, output } = await up('--yes');
    assert.equal(exitCode, 17, output);
    assert.match(output, /kubeadm is not there[\s\S]*berth apply/);
  });
  for (const host of Object.values(hosts)) await prepare(host);

  await t.test('--check shows who would become what, and changes nothing', async () => {
    const { exitCode, output } = await up('--check');
    assert.equal(exitCode, 2, output);
    assert.match(output, /cp-1[\s\S]*kubeadm init/);
    assert.match(output, /\+controlPlaneEndpoint: api\.example:6443/);
    for (const host of Object.values(hosts)) assert.equal(await asked(host), '');
  });

  await t.test('a worker that cannot join fails alone', async () => {
    await worker.output('touch /root/refuse');
    const { exitCode, output } = await up('--yes');
    assert.equal(exitCode, 16, output);
    assert.match(
      output,
      /berth: w-1: join the cluster .*: exit code 1: \[ERROR Swap\]: swap is on; \[ERROR Port-10250\]: Port 10250 is in use \[CommandFailed\]/,
    );
    assert.match(output, /ignorePreflightErrors/);
    assert.doesNotMatch(output, new RegExp(token.replace('.', '\\.')));
    await worker.output('rm /root/refuse');
    assert.match(
      await asked(first),
      /^init --config .*\ninit phase upload-certs .*\ntoken create .*\ntoken delete abcdef\n$/,
    );
    assert.match(await asked(second), /^join --config \S+\n$/);
  });

  await t.test('the next run does what is left, and the one after it nothing', async () => {
    await asked(worker);
    const { exitCode, output } = await up('--yes');
    assert.equal(exitCode, 0, output);
    assert.match(await asked(worker), /^join --config \S+\n$/);
    assert.equal(await asked(first), 'token create --ttl 2h\ntoken delete abcdef\n');
    assert.equal(await asked(second), '');
    const again = await up('--yes');
    assert.equal(again.exitCode, 0, again.output);
    assert.match(again.output, /Nothing to do/);
    assert.equal(await asked(first), '');
  });

  await t.test('each was told what its role needs, in a file of root that is gone', async () => {
    const [initial, cluster] = parseAllDocuments(await first.output('cat /root/config')).map((each) =>
      each.toJS(),
    );
    assert.equal(initial.nodeRegistration.criSocket, 'unix:///var/run/crio/crio.sock');
    assert.equal(cluster.controlPlaneEndpoint, 'api.example:6443');
    const digest = (
      await first.output(
        'openssl x509 -pubkey -noout -in /etc/kubernetes/pki/ca.crt | openssl pkey -pubin -outform der | sha256sum | cut -d" " -f1',
      )
    ).trim();
    const discovery = {
      bootstrapToken: {
        apiServerEndpoint: '192.0.2.99:6443',
        token,
        caCertHashes: [`sha256:${digest}`],
      },
    };
    const [plane, node] = [
      parse(await second.output('cat /root/config')),
      parse(await worker.output('cat /root/config')),
    ];
    assert.deepEqual(plane.discovery, discovery);
    assert.deepEqual(plane.controlPlane, { certificateKey: key });
    assert.deepEqual(node.discovery, discovery);
    assert.ok(!('controlPlane' in node));
    for (const host of Object.values(hosts)) {
      assert.equal((await host.output('cat /root/mode')).trim(), '600:root');
      assert.equal(await host.output('ls -A /var/lib/berth-install/staging 2>/dev/null; true'), '');
    }
  });

  await t.test(
    'no token and no key was on a command line, in a log, or stays in what berth remembers',
    async () => {
      for (const host of Object.values(hosts))
        assert.equal(
          await host.output(
            `grep -rlE '0123456789abcdef|${key}' /root/seen /var/lib/berth-install 2>/dev/null; true`,
          ),
          '',
        );
      const { readFileSync } = await import('node:fs');
      for (const log of logs)
        assert.doesNotMatch(readFileSync(log, 'utf8'), new RegExp(`0123456789abcdef|${key}`));
    },
  );

  await t.test('reset takes the membership of a host back, and its cluster forgets it', async () => {
    const node = (await worker.output('uname -n')).trim();
    const shown = await berth('reset', profile, '--check', '--hosts', 'w-1');
    assert.equal(shown.exitCode, 2, shown.output);
    assert.match(shown.output, /it is drained first, and the cluster of cp-1, cp-2 forgets it afterwards/);
    assert.equal(await asked(first), '');
    const { exitCode, output } = await berth('reset', profile, '--yes', '--hosts', 'w-1');
    assert.equal(exitCode, 0, output);
    assert.match(await asked(worker), /reset --force/);
    assert.equal(await worker.output('ls /etc/kubernetes/kubelet.conf 2>/dev/null; true'), '');
    assert.equal(
      await asked(first),
      `drain ${node} --ignore-daemonsets --delete-emptydir-data --timeout=300s\ndelete node ${node} --ignore-not-found\n`,
    );
  });

  await t.test('a reset that failed after the host had left is ended by the next one', async () => {
    const node = (await worker.output('uname -n')).trim();
    const joined = await up('--yes');
    assert.equal(joined.exitCode, 0, joined.output);
    await asked(first);
    await worker.output('touch /root/refuse');
    const failed = await berth('reset', profile, '--yes', '--hosts', 'w-1');
    assert.notEqual(failed.exitCode, 0, failed.output);
    await worker.output('rm /root/refuse');
    assert.match(await asked(first), new RegExp(`^drain ${node} .*\\nuncordon ${node}\\n$`));
    const { exitCode, output } = await berth('reset', profile, '--yes', '--hosts', 'w-1');
    assert.equal(exitCode, 0, output);
    assert.match(output, /the cluster of cp-1, cp-2 forgets it afterwards/);
    assert.doesNotMatch(output, /drained first/);
    assert.equal(await asked(first), `delete node ${node} --ignore-not-found\n`);
  });

  await t.test('a host whose control planes went before it leaves without them', async () => {
    const joined = await up('--yes');
    assert.equal(joined.exitCode, 0, joined.output);
    const planes = await berth('reset', profile, '--yes', '--hosts', 'cp-1,cp-2');
    assert.equal(planes.exitCode, 0, planes.output);
    const { exitCode, output } = await berth('reset', profile, '--yes', '--hosts', 'w-1');
    assert.equal(exitCode, 0, output);
    assert.match(
      output,
      /no control plane of the profile is in a cluster \(cp-1, cp-2\): it leaves undrained/,
    );
    const grown = await up('--yes');
    assert.equal(grown.exitCode, 0, grown.output);
    await asked(first);
  });

  await t.test('a cluster that goes as a whole drains nothing', async () => {
    const { exitCode, output } = await berth('reset', profile, '--yes');
    assert.equal(exitCode, 0, output);
    assert.match(await asked(first), /^reset --force [^\n]+\n$/);
  });
});
