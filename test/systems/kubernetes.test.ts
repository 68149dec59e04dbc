import assert from 'node:assert/strict';
import test from 'node:test';
import { berth, smokeProfileFor } from '../e2e/berth.ts';
import { embeddedHost } from '../harness/embedded.ts';
import { serveImages } from './cluster-images.ts';
import { asAdmin, eventually, folderFor, likeAMachine, otherKubelet, succeeds } from './kubernetes-hosts.ts';

/*
 * A real kubelet, built from Kubernetes' module by berth itself, on berthd: alone, and as the node of a cluster that a real
 * kubeadm makes of a control plane in static pods.
 */

test('a kubelet without a cluster runs static pods on berthd, replaces a container that ended, and goes with reset', async (t) => {
  const folder = folderFor(t);
  const host = await embeddedHost(t);
  await likeAMachine(host);
  const images = await serveImages(`${host.address.network}.1`, 'busybox');
  t.after(() => images.stop());
  const profile = smokeProfileFor(
    host,
    folder,
    `  registries: { insecure: ['${images.registry}'] }
  kubernetes: { role: standalone }
`,
  );
  const applied = await succeeds('apply', profile, '--yes');
  assert.match(applied, /✓ kubelet\.health[\s\S]*✓ kubelet\.agrees/);
  assert.match(await succeeds('apply', profile, '--yes'), /Nothing to do/);
  await host.output(`mkdir -p /etc/kubernetes/manifests; cat > /etc/kubernetes/manifests/pod.yaml <<'X'
apiVersion: v1
kind: Pod
metadata: { name: still }
spec:
  containers:
  - name: still
    image: ${images.busybox}
    command: [sh, -c, 'echo begun; sleep 1000000']
    resources: { limits: { memory: 32Mi } }
X`);
  const running = 'crictl ps --state Running --name still -q | grep .';
  const first = (await eventually(host, running)).trim();
  await eventually(host, `crictl logs ${first} | grep begun`);
  assert.match(
    await host.output(`crictl inspect ${first}`),
    /"memory_limit_in_bytes|"memoryLimitInBytes": "33554432"/,
  );
  await host.output(`crictl stop --timeout 0 ${first}`);
  await eventually(host, `${running} | grep -v ${first}`);
  await host.output('rm /etc/kubernetes/manifests/pod.yaml');
  await eventually(host, '[ -z "$(crictl pods -q)" ]');
  await succeeds('verify', profile);
  await succeeds('reset', profile, '--yes');
  assert.equal(
    await host.output('ls -d /var/lib/kubelet /etc/systemd/system/kubelet* 2>/dev/null; true'),
    '',
  );
});

test('kubeadm makes a cluster on berthd, in which pods run, and which upgrades and a reset leave in order', async (t) => {
  const folder = folderFor(t);
  const host = await embeddedHost(t);
  await likeAMachine(host);
  const images = await serveImages(`${host.address.network}.1`, 'control plane');
  t.after(() => images.stop());
  const profile = smokeProfileFor(
    host,
    folder,
    `  registries: { insecure: ['${images.registry}'] }
  kubernetes:
    role: control-plane
    kubelet: { labels: { berth.dev/test: single }, ignorePreflightErrors: [SystemVerification, ImagePull, Swap] }
    init:
      schedulable: true
      imageRepository: ${images.repository}
      skipPhases: [addon/coredns, addon/kube-proxy]
    drain: { timeoutSeconds: 120 }
`,
  );
  const on = (script: string) => asAdmin(host, script);

  await t.test('apply prepares the host, and the kubelet waits for its cluster', async () => {
    await succeeds('apply', profile, '--yes');
    assert.match(await host.output('systemctl is-active kubelet || true'), /inactive/);
    assert.match(await succeeds('apply', profile, '--yes'), /Nothing to do/);
  });

  await t.test('kubernetes up --check says who would make the cluster', async () => {
    const { exitCode, output } = await berth('kubernetes', 'up', profile, '--check');
    assert.equal(exitCode, 2, output);
    assert.match(output, /kubeadm init/);
  });

  await t.test('kubernetes up makes the cluster, its node is ready, and it is made once', async () => {
    const output = await succeeds('kubernetes', 'up', profile, '--yes');
    assert.match(output, /ready in the cluster/);
    assert.match(await succeeds('kubernetes', 'up', profile, '--yes'), /Nothing to do/);
    assert.match(await on('kubectl get nodes -o wide'), / Ready .*berth/);
    assert.match(await on('kubectl get nodes --show-labels'), /berth\.dev\/test=single/);
    assert.match(await succeeds('apply', profile, '--yes'), /Nothing to do/);
  });

  await t.test('nothing that was printed or kept has a token in it', async () => {
    const token = await on('kubeadm token create --ttl 5m 2>/dev/null');
    const secret = token.trim().split('.')[1] ?? '';
    assert.equal(secret.length, 16);
    assert.equal(
      await host.output("grep -rlE '[a-z0-9]{6}\\.[a-z0-9]{16}' /var/lib/berth-install 2>/dev/null || true"),
      '',
    );
    assert.equal(await host.output('find / -xdev -name kubeadm.yaml 2>/dev/null'), '');
  });

  await t.test('a Deployment becomes ready; logs, exec and port-forward reach it', async () => {
    await on(
      `kubectl create deployment web --image=${images.busybox} -- sh -c 'mkdir -p /tmp/w; echo hello > /tmp/w/index.html; echo serving; httpd -f -p 8080 -h /tmp/w'`,
    );
    await eventually(host, 'kubectl rollout status deployment/web --timeout=5s');
    await eventually(host, 'kubectl logs deployment/web | grep serving', 30);
    assert.equal((await on('kubectl exec deployment/web -- cat /tmp/w/index.html')).trim(), 'hello');
    const forwarded = await on(`
      kubectl port-forward deployment/web 18080:8080 > /tmp/forward.log 2>&1 & forward=$!
      for try in $(seq 50); do grep -q Forwarding /tmp/forward.log && break; sleep 0.2; done
      printf 'GET /index.html HTTP/1.0\\r\\n\\r\\n' | socat -T 10 - TCP:127.0.0.1:18080; kill $forward`);
    assert.match(forwarded, /hello/);
  });

  await t.test('verify looks at the kubelet, its agreement with the runtime, and the node', async () => {
    const output = await succeeds('verify', profile);
    for (const id of ['units\\.kubelet', 'kubelet\\.health', 'kubelet\\.agrees', 'kubelet\\.node'])
      assert.match(output, new RegExp(`✓ ${id}`));
  });

  const cordoned = "kubectl get nodes -o jsonpath='{.items[0].spec.unschedulable}'";

  await t.test('a kubelet is replaced on a drained node, which takes pods again afterwards', async () => {
    await host.output(otherKubelet);
    const before = await on('kubectl get pods -l app=web -o name');
    const output = await succeeds('apply', profile, '--yes');
    assert.match(output, /draining .*kubelet is upgraded/);
    assert.equal(await on(cordoned), '');
    await eventually(host, 'kubectl rollout status deployment/web --timeout=5s');
    assert.notEqual(await on('kubectl get pods -l app=web -o name'), before);
  });

  await t.test('a node that somebody cordoned stays so', async () => {
    await host.output(otherKubelet);
    await on('kubectl cordon $(uname -n)');
    assert.match(await succeeds('apply', profile, '--yes'), /was cordoned before/);
    assert.equal(await on(cordoned), 'true');
    await on('kubectl uncordon $(uname -n)');
  });

  await t.test('a node takes pods again also when its upgrade failed', async () => {
    await host.output(
      `${otherKubelet}; printf '[Service]\\nExecStartPre=/bin/false\\n' > /etc/systemd/system/kubelet.service.d/99-bad.conf`,
    );
    const { exitCode, output } = await berth('apply', profile, '--yes', '--no-rollback');
    assert.notEqual(exitCode, 0, output);
    assert.match(output, /draining/);
    assert.equal(await on(cordoned), '');
    await host.output('rm /etc/systemd/system/kubelet.service.d/99-bad.conf; systemctl daemon-reload');
    await succeeds('apply', profile, '--yes');
    await eventually(host, 'kubectl rollout status deployment/web --timeout=5s');
  });

  await t.test('reset takes the cluster away with the rest', async () => {
    await succeeds('reset', profile, '--yes');
    assert.equal(
      await host.output(
        'ls -d /etc/kubernetes/*.conf /etc/kubernetes/pki /var/lib/etcd /var/lib/kubelet /run/berth 2>/dev/null; iptables-save | grep KUBE-; pgrep -l "kube|etcd"; true',
      ),
      '',
    );
  });
});
