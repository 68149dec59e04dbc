import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { berth } from '../e2e/berth.ts';
import { type EmbeddedHost, embeddedHost } from '../harness/embedded.ts';
import { wireBetween } from '../harness/wire.ts';
import { serveImages } from './cluster-images.ts';
import { asAdmin, eventually, folderFor, likeAMachine, otherKubelet, succeeds } from './kubernetes-hosts.ts';

/*
 * A cluster of two hosts as people make one: a profile, an apply, an up. Everything in it is real: kubeadm, kubelets, the
 * control plane, kube-proxy and CoreDNS of Kubernetes' release, on berthd.
 */

const podsOf = { cp: '10.88.0.0/24', worker: '10.88.1.0/24' } as const;

interface Images {
  readonly registry: string;
  readonly repository: string;
}

const profileOf = (
  hosts: Readonly<Record<keyof typeof podsOf, EmbeddedHost>>,
  { registry, repository }: Images,
  folder: string,
): string => {
  const entry = (name: keyof typeof podsOf, kubernetes: string): string => {
    const { host, identityFiles, knownHostsFiles } = hosts[name].ssh;
    return `  - name: ${name}
    ssh: { host: ${host}, user: root, identityFiles: [${identityFiles[0]}], knownHostsFiles: [${knownHostsFiles[0]}] }
    spec:
      kubernetes: ${kubernetes}
      cni: { networks: [{ name: mynet, subnets: [${podsOf[name]}] }] }
`;
  };
  const path = join(folder, 'fleet.yaml');
  // kube-proxy is added below: it would set a limit of the machine around these hosts.
  const init = `{ imageRepository: '${repository}', skipPhases: [addon/kube-proxy] }`;
  writeFileSync(
    path,
    `hosts:
${entry('cp', `{ role: control-plane, init: ${init} }`)}${entry('worker', '{ role: worker, kubelet: { labels: { berth.dev/pool: general } } }')}spec:
  artifacts: { source: go }
  registries: { insecure: ['${registry}'] }
  kubernetes:
    kubelet: { ignorePreflightErrors: [SystemVerification, Swap] }
    drain: { timeoutSeconds: 120 }
  verify: { level: smoke }
`,
  );
  return path;
};

const proxyConfig = (repository: string): string => `apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.37.2
imageRepository: ${repository}
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
conntrack: { maxPerCore: 0 }
`;

test('a worker joins the control plane of its profile, runs its pods, is upgraded, and leaves in order', async (t) => {
  const folder = folderFor(t);
  const [cp, worker] = [await embeddedHost(t), await embeddedHost(t)];
  await wireBetween({ host: cp, pods: podsOf.cp }, { host: worker, pods: podsOf.worker });
  for (const host of [cp, worker]) await likeAMachine(host);
  const images = await serveImages(`${cp.address.network}.1`, 'control plane and add-ons');
  t.after(() => images.stop());
  const profile = profileOf({ cp, worker }, images, folder);
  const node = { cp: cp.address.name, worker: worker.address.name };
  const on = (script: string): Promise<string> => asAdmin(cp, script);
  const ready = (deployment: string) =>
    eventually(cp, `kubectl rollout status deployment/${deployment} --timeout=5s`);
  // Each step stands on the one before it.
  let stands = true;
  const step = (name: string, work: () => Promise<void>): Promise<void> =>
    t.test(name, { skip: !stands && 'a step before it failed' }, async () => {
      stands = false;
      await work();
      stands = true;
    });
  const nodesOf = (app: string): Promise<string> =>
    on(`kubectl get pods -l app=${app} -o jsonpath='{.items[*].spec.nodeName}'`);

  await step('apply prepares both hosts, and up makes them one cluster', async () => {
    await succeeds('apply', profile, '--yes');
    const planned = await berth('kubernetes', 'up', profile, '--check');
    assert.equal(planned.exitCode, 2, planned.output);
    assert.match(planned.output, /kubeadm init[\s\S]*join the cluster as a worker/);
    const output = await succeeds('kubernetes', 'up', profile, '--yes');
    assert.match(output, /Done: cp, worker: ready in the cluster/);
    assert.match(await succeeds('kubernetes', 'up', profile, '--yes'), /Nothing to do/);
    assert.match(await succeeds('apply', profile, '--yes'), /Nothing to do/);
    const nodes = await on('kubectl get nodes -o wide --no-headers');
    assert.match(nodes, new RegExp(`^${node.cp} +Ready +control-plane .* ${cp.ssh.host} .*berth:`, 'm'));
    assert.match(nodes, new RegExp(`^${node.worker} +Ready .* ${worker.ssh.host} .*berth:`, 'm'));
    assert.match(await on('kubectl get nodes -l berth.dev/pool=general -o name'), new RegExp(node.worker));
  });

  await step('no token is left in the cluster or on a host', async () => {
    // The one that kubeadm init makes in any case lives for a minute.
    await eventually(cp, 'kubeadm token list; [ -z "$(kubeadm token list -o json)" ]', 90);
    for (const host of [cp, worker])
      assert.equal(
        await host.output(
          "grep -rlE '[a-z0-9]{6}\\.[a-z0-9]{16}' /var/lib/berth-install 2>/dev/null || true",
        ),
        '',
      );
  });

  await step('kube-proxy and CoreDNS run', async () => {
    await on(`cat > /root/proxy.yaml <<'X'
${proxyConfig(images.repository)}X
kubeadm init phase addon kube-proxy --config /root/proxy.yaml && rm /root/proxy.yaml`);
    await eventually(cp, 'kubectl -n kube-system rollout status daemonset/kube-proxy --timeout=5s');
    await eventually(cp, 'kubectl -n kube-system rollout status deployment/coredns --timeout=5s');
  });

  await step('pods of a Deployment run on the worker; logs, exec and port-forward reach them', async () => {
    await on(`kubectl create deployment web --replicas=2 --port=8080 --image=${images.busybox} -- \\
      sh -c 'mkdir -p /tmp/w; echo hello > /tmp/w/index.html; echo serving; httpd -f -p 8080 -h /tmp/w'`);
    await ready('web');
    assert.equal(await nodesOf('web'), `${node.worker} ${node.worker}`);
    assert.match(await worker.output('crictl ps --name busybox -o json'), /"state": "CONTAINER_RUNNING"/);
    await eventually(cp, 'kubectl logs deployment/web | grep serving', 30);
    assert.equal((await on('kubectl exec deployment/web -- cat /tmp/w/index.html')).trim(), 'hello');
    const forwarded = await on(`
      kubectl port-forward deployment/web 18080:8080 > /tmp/forward.log 2>&1 & forward=$!
      for try in $(seq 50); do grep -q Forwarding /tmp/forward.log && break; sleep 0.2; done
      printf 'GET /index.html HTTP/1.0\\r\\n\\r\\n' | socat -T 10 - TCP:127.0.0.1:18080; kill $forward`);
    assert.match(forwarded, /hello/);
  });

  await step('a Service is reached by its name from pods of both nodes', async () => {
    await on('kubectl expose deployment web --port=80 --target-port=8080');
    // The C library of a static busybox looks up no names: nslookup does it by itself.
    const ask = `while ! printf "GET /index.html HTTP/1.0\\r\\n\\r\\n" |
      nc -w 5 "$(nslookup web.default.svc.cluster.local | sed -n "s/^Address: //p" | tail -n 1)" 80; do sleep 1; done`;
    for (const name of Object.values(node)) {
      const pin = JSON.stringify({ spec: { nodeName: name } });
      await on(
        `kubectl run asks-${name} --image=${images.busybox} --restart=Never --overrides='${pin}' -- sh -c '${ask}'`,
      );
      await eventually(cp, `kubectl logs asks-${name} | grep hello`);
      await on(`kubectl delete pod asks-${name}`);
    }
  });

  await step('verify proves both', async () => {
    const output = await succeeds('verify', profile);
    assert.equal(output.match(/✓ kubelet\.node/g)?.length, 2, output);
  });

  const cordoned = (): Promise<string> =>
    on(`kubectl get node ${node.worker} -o jsonpath='{.spec.unschedulable}'`);

  await step(
    'the worker is drained for a new kubelet and takes pods again, asked for alone too',
    async () => {
      await worker.output(otherKubelet);
      const before = await on('kubectl get pods -l app=web -o name');
      const output = await succeeds('apply', profile, '--yes', '--hosts', 'worker');
      assert.match(output, /draining .*kubelet is upgraded/);
      assert.equal(await cordoned(), '');
      await ready('web');
      assert.notEqual(await on('kubectl get pods -l app=web -o name'), before);
    },
  );

  await step('the worker takes pods again also when its upgrade failed', async () => {
    await worker.output(
      `${otherKubelet}; printf '[Service]\\nExecStartPre=/bin/false\\n' > /etc/systemd/system/kubelet.service.d/99-bad.conf`,
    );
    const { exitCode, output } = await berth('apply', profile, '--yes', '--no-rollback');
    assert.notEqual(exitCode, 0, output);
    assert.match(output, /draining/);
    assert.equal(await cordoned(), '');
    await worker.output('rm /etc/systemd/system/kubelet.service.d/99-bad.conf; systemctl daemon-reload');
    await succeeds('apply', profile, '--yes');
    await ready('web');
  });

  await step('a reset of the worker leaves neither it nor the cluster with anything of it', async () => {
    const output = await succeeds('reset', profile, '--yes', '--hosts', 'worker');
    assert.match(output, /drained first, and the cluster of cp forgets it/);
    assert.equal(await on('kubectl get nodes -o name'), `node/${node.cp}\n`);
    assert.equal(await nodesOf('web'), '', 'the pods wait for a node');
    await eventually(cp, `! kubectl get pods -A -o wide | grep ${node.worker}`);
    assert.match(await on('kubectl get --raw /readyz'), /^ok/);
    assert.equal(
      await worker.output(
        'ls -d /etc/kubernetes/*.conf /var/lib/kubelet /run/berth /usr/local/bin/kubelet 2>/dev/null; iptables-save | grep KUBE-; pgrep -l kube; true',
      ),
      '',
    );
    await succeeds('verify', profile, '--hosts', 'cp');
  });

  await step('it may come back', async () => {
    await succeeds('apply', profile, '--yes');
    await succeeds('kubernetes', 'up', profile, '--yes');
    await ready('web');
    assert.equal(await nodesOf('web'), `${node.worker} ${node.worker}`);
  });

  await step('a reset of all hosts takes the cluster away', async () => {
    await succeeds('reset', profile, '--yes');
    for (const host of [cp, worker])
      assert.equal(
        await host.output(
          'ls -d /etc/kubernetes/*.conf /etc/kubernetes/pki /var/lib/etcd /var/lib/kubelet /run/berth 2>/dev/null; iptables-save | grep KUBE-; pgrep -l "kube|etcd"; true',
        ),
        '',
      );
  });
});
