import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import { Fail } from '../../../src/core/fail.ts';
import { Secret, scrub } from '../../../src/core/secret.ts';
import { whyDrain } from '../../../src/node/disturbance.ts';
import { initChange, joinChange } from '../../../src/node/kubeadm-changes.ts';
import { planNode, probeRequest } from '../../../src/node/node.ts';
import { planNodeRemoval } from '../../../src/node/removal.ts';
import { loadTemplates } from '../../../src/node/templates.ts';
import { loadProfile } from '../../../src/profile/load-profile.ts';
import { parseProfile } from '../../../src/profile/parse-profile.ts';
import type { KubernetesSpec, Spec } from '../../../src/profile/profile.ts';
import type { Change } from '../../../src/resources/change.ts';
import { textOfStep } from '../../harness/step-text.ts';
import { factsOf, type ShortFacts, type ShortFile } from '../resources/facts.ts';

const writes = process.env['BERTH_TEST_WRITE_GOLDEN'] === '1';

const specOf = (kubernetes: string, rest = ''): Spec => {
  const text = `apiVersion: berth.dev/v1
kind: NodeProfile
hosts: [{ name: node-1, local: {} }]
spec:
  kubernetes: ${kubernetes}
${rest}`;
  const [host] = parseProfile(text, 'test.yaml').hosts;
  assert.ok(host);
  return host.spec;
};

const kubernetesOf = (spec: Spec): KubernetesSpec => {
  assert.ok(spec.kubernetes);
  return spec.kubernetes;
};

const render = await loadTemplates();
const file = (name: string) => ({ name, path: `/cache/${name}`, sha256: name, bytes: 1024, mode: 0o755 });
const artifacts = new Map(
  (['kubelet', 'kubeadm', 'kubectl'] as const).map((name) => [name, { files: [file(name)], links: [] }]),
);
const supplies = {
  release: { version: '0.1.0-abc', files: [{ ...file('node') }] },
  crictl: file('crictl'),
  artifacts,
};

const planned = (spec: Spec, facts: ShortFacts) =>
  planNode({ spec, facts: factsOf(facts), supplies, render });

/** The part of a plan that is of Kubernetes, as a person reads it. */
const told = (changes: readonly Change[], notes: readonly string[]): string => {
  const ours = changes.filter(({ tag }) => tag === 'kubernetes');
  const blocks = ours.map(({ id, action, summary, diff, steps }) => {
    const commands = steps.flatMap((step) => (step.kind === 'run' ? [`  $ ${step.argv.join(' ')}`] : []));
    return [`${action} ${id}: ${summary}`, ...commands, ...(diff === undefined ? [] : [diff.trimEnd()])].join(
      '\n',
    );
  });
  return `${[...blocks, ...notes.map((note) => `note: ${note}`)].join('\n\n')}\n`;
};

const requireGolden = (name: string, text: string): void => {
  const path = new URL(`kubernetes/${name}.txt`, import.meta.url);
  if (writes) writeFileSync(path, text);
  assert.equal(text, readFileSync(path, 'utf8'));
};

const debian: ShortFacts = {
  units: { 'chrony.service': { activeState: 'active' } },
  modules: { overlay: 'active', br_netfilter: 'active' },
  sysctls: Object.fromEntries(
    ['net.ipv4.ip_forward', 'net.bridge.bridge-nf-call-iptables', 'net.bridge.bridge-nf-call-ip6tables'].map(
      (key) => [key, { value: '1' }],
    ),
  ),
};
const fedora: ShortFacts = {
  ...debian,
  manager: 'dnf',
  system: {
    os: { id: 'fedora', idLike: [], versionId: '43', prettyName: 'Fedora Linux 43' },
  },
  files: { '/run/systemd/resolve/resolv.conf': { text: 'nameserver 192.0.2.53\n' } },
};

const goldens: readonly (readonly [name: string, spec: Spec, facts: ShortFacts])[] = [
  ['debian-control-plane', specOf('{ version: 1.37.2, role: control-plane }'), debian],
  [
    'fedora-worker',
    specOf(
      '{ version: 1.37.2, role: worker, join: { endpoint: "api.example:6443", token: { env: T }, caCertHashes: ["sha256:' +
        'a'.repeat(64) +
        '"] } }',
      '  swap: off\n',
    ),
    fedora,
  ],
  [
    'debian-cgroup-v1-standalone',
    specOf('{ version: 1.37.2, role: standalone, kubelet: { maxPods: 30 } }'),
    { ...debian, system: { cgroup: 'hybrid' } },
  ],
];

for (const [name, spec, facts] of goldens)
  test(`${name}: the plan is as it was read and found right`, () => {
    const { changes, notes } = planned(spec, facts);
    requireGolden(name, told(changes, notes));
  });

test('the profile of a kubeadm cluster is planned for hosts of both families', async () => {
  const { hosts } = await loadProfile(
    fileURLToPath(new URL('../../../profiles/kubeadm.yaml', import.meta.url)),
  );
  assert.deepEqual(
    hosts.map(({ name, spec: { kubernetes } }) => `${name} ${kubernetes?.role}`),
    ['cp-1 control-plane', 'worker-1 worker', 'worker-2 worker'],
  );
  for (const { spec } of hosts)
    for (const facts of [debian, fedora]) {
      const ids = planned(spec, facts).changes.map(({ id }) => id);
      for (const id of ['file:/usr/local/bin/kubelet', 'enable:kubelet.service', 'start:berthd.service'])
        assert.ok(ids.includes(id), id);
    }
});

const packaged = specOf('{ version: 1.37.2, role: none, source: packages }');
const key = '-----BEGIN PGP PUBLIC KEY BLOCK-----';

test('packages come from the repository of the minor, signed by its key, in exactly the version of the profile', () => {
  const wanted = { apt: 'kubelet=1.37.2-*', dnf: 'kubelet-1.37.2' };
  const address = { apt: 'v1.37/deb/', dnf: 'v1.37/rpm/' };
  const sources = {
    apt: '/etc/apt/sources.list.d/berth-kubernetes.sources',
    dnf: '/etc/yum.repos.d/berth-kubernetes.repo',
  };
  for (const [facts, manager] of [
    [debian, 'apt'],
    [fedora, 'dnf'],
  ] as const) {
    const { changes } = planNode({
      spec: packaged,
      facts: factsOf(facts),
      supplies: { ...supplies, repositoryKeys: new Map([['kubernetes', key]]) },
      render,
    });
    const texts = new Map(
      changes.flatMap(({ steps }) =>
        steps.flatMap((step) =>
          step.kind === 'write' && step.content.kind === 'text'
            ? [[step.path, step.content.text] as const]
            : [],
        ),
      ),
    );
    assert.ok(texts.get(sources[manager])?.includes(`https://pkgs.k8s.io/core:/stable:/${address[manager]}`));
    assert.ok([...texts.values()].includes(key));
    const ids = changes.map(({ id }) => id);
    assert.ok(
      ids.indexOf(`file:${sources[manager]}`) < ids.indexOf('packages'),
      'the repository comes first',
    );
    const installs = changes
      .find(({ id }) => id === 'packages')
      ?.steps.flatMap((step) => (step.kind === 'run' ? step.argv : []));
    assert.ok(installs?.includes(wanted[manager]), installs?.join(' '));
    assert.ok(!ids.includes('file:/etc/systemd/system/kubelet.service'), 'the package brings the unit');
    assert.match(
      texts.get('/etc/systemd/system/kubelet.service.d/20-berth.conf') ?? '',
      /ExecStart=\/usr\/bin\/kubelet /,
    );
  }
});

test('a package in another version than the profile says is exchanged, and the right one is left alone', () => {
  const installed = (version: string) =>
    Object.fromEntries(
      [
        'kubelet',
        'kubeadm',
        'kubectl',
        'runc',
        'containernetworking-plugins',
        'socat',
        'iproute2',
        'iptables',
        'conntrack',
      ].map((name) => [
        name,
        { state: 'installed' as const, version: name.startsWith('kube') ? version : '1' },
      ]),
    );
  const asked = (version: string) =>
    planned(packaged, { ...debian, packages: installed(version) }).changes.find(
      ({ id }) => id === 'packages',
    );
  assert.equal(asked('1.37.2-1.1'), undefined);
  assert.match(JSON.stringify(asked('1.37.3-1.1')?.steps), /--allow-downgrades.*kubelet=1\.37\.2-\*/);
});

test('everything that is planned for a kubelet is asked of the host before', () => {
  const spec = specOf('{ version: 1.37.2, role: standalone }');
  const { files, units } = probeRequest(spec);
  for (const { steps } of planned(spec, debian).changes)
    for (const step of steps)
      if (step.kind === 'write' && !step.path.startsWith('/usr/lib/berth/'))
        assert.ok(files.includes(step.path), step.path);
  assert.ok(units.includes('kubelet.service'));
});

test('a kubelet that belongs to no cluster yet is enabled and not started; that of a member is', () => {
  const spec = specOf('{ version: 1.37.2, role: control-plane }');
  const ids = (facts: ShortFacts) => planned(spec, facts).changes.map(({ id }) => id);
  assert.ok(ids(debian).includes('enable:kubelet.service'));
  assert.ok(!ids(debian).includes('start:kubelet.service'));
  const member = { ...debian, files: { '/etc/kubernetes/kubelet.conf': { text: 'x', mode: '600' } } };
  assert.ok(ids(member).includes('start:kubelet.service'));
});

test('a second plan of a prepared host has nothing of Kubernetes to do', () => {
  const spec = specOf(
    '{ version: 1.37.2, role: worker, join: { endpoint: "a:6443", token: { env: T }, caCertHashes: ["sha256:' +
      'a'.repeat(64) +
      '"] } }',
  );
  const { changes } = planned(spec, debian);
  const files: Record<string, ShortFile> = {};
  for (const step of changes.flatMap(({ steps }) => steps)) {
    if (step.kind !== 'write') continue;
    const mode = step.mode.toString(8);
    files[step.path] =
      step.content.kind === 'local-file'
        ? { sha256: step.content.sha256, mode }
        : { text: textOfStep(step), mode };
  }
  const facts: ShortFacts = {
    ...debian,
    files,
    units: {
      ...debian.units,
      'kubelet.service': { loaded: true, fileState: 'enabled', activeState: 'inactive' },
    },
  };
  const left = planned(spec, facts).changes.filter(({ tag }) => tag === 'kubernetes');
  assert.deepEqual(left, []);
});

test('the kubelet is told the socket, the cgroup driver and the swap of the host, last of all', () => {
  const text = (spec: Spec, facts: ShortFacts, path: string): string => {
    for (const { steps } of planned(spec, facts).changes)
      for (const step of steps) if (step.kind === 'write' && step.path === path) return textOfStep(step);
    throw new Error(`nothing is written to ${path}`);
  };
  const spec = specOf('{ version: 1.37.2, role: control-plane }');
  const config = parse(text(spec, debian, '/etc/kubernetes/kubelet.conf.d/50-berth.conf'));
  assert.equal(config.containerRuntimeEndpoint, 'unix:///var/run/crio/crio.sock');
  assert.equal(config.cgroupDriver, 'systemd');
  assert.equal(config.failSwapOn, false);
  assert.deepEqual(config.memorySwap, { swapBehavior: 'NoSwap' });
  assert.ok(!('failCgroupV1' in config));
  const dropIn = text(spec, debian, '/etc/systemd/system/kubelet.service.d/20-berth.conf');
  assert.match(
    dropIn,
    /^ExecStart=\/usr\/local\/bin\/kubelet .* --config-dir=\/etc\/kubernetes\/kubelet\.conf\.d$/m,
  );
});

test('a kubelet newer than the API server of its host is refused before anything is changed', () => {
  const manifest = 'spec:\n  containers:\n  - image: registry.k8s.io/kube-apiserver:v1.36.4\n';
  const facts: ShortFacts = {
    ...debian,
    files: { '/etc/kubernetes/manifests/kube-apiserver.yaml': { text: manifest, mode: '600' } },
  };
  assert.throws(
    () => planned(specOf('{ version: 1.37.2, role: control-plane }'), facts),
    (error) =>
      error instanceof Fail && error.code === 'Unsupported' && /1\.37\.2.*1\.36\.4/.test(error.message),
  );
});

const invitation = {
  endpoint: '192.0.2.10:6443',
  token: new Secret('abcdef.0123456789abcdef'),
  caCertHashes: [`sha256:${'b'.repeat(64)}`],
  certificateKey: new Secret('c'.repeat(64)),
};

test('the token of a join is in a file for root alone, in no argument, and masked wherever it is shown', () => {
  const change = joinChange(kubernetesOf(specOf('{ version: 1.37.2, role: control-plane }')), invitation);
  const shown = JSON.stringify(change);
  for (const secret of ['0123456789abcdef', 'c'.repeat(64)]) assert.ok(!shown.includes(secret), shown);
  const [stage, , run] = change.steps;
  assert.ok(stage?.kind === 'stage' && stage.content.kind === 'secret');
  assert.ok(run?.kind === 'run' && run.argv.includes(stage.path));
  const document = parse(stage.content.text.reveal());
  assert.deepEqual(document.discovery.bootstrapToken, {
    apiServerEndpoint: '192.0.2.10:6443',
    token: 'abcdef.0123456789abcdef',
    caCertHashes: [`sha256:${'b'.repeat(64)}`],
  });
  assert.equal(document.controlPlane.certificateKey, 'c'.repeat(64));
  assert.equal(document.nodeRegistration.criSocket, 'unix:///var/run/crio/crio.sock');
  assert.equal(scrub(`kubeadm: ${invitation.token.reveal()}`), 'kubeadm: •••');
});

test('a worker is given no certificate key', () => {
  const spec = kubernetesOf(specOf('{ version: 1.37.2, role: control-plane }'));
  const [stage] = joinChange({ ...spec, role: 'worker' }, invitation).steps;
  assert.ok(stage?.kind === 'stage' && stage.content.kind === 'secret');
  assert.ok(!('controlPlane' in parse(stage.content.text.reveal())));
});

test('what kubeadm init is told is what the profile says, and it prints no token', () => {
  const spec = specOf(
    '{ version: 1.37.2, role: control-plane, kubelet: { labels: { zone: a }, ignorePreflightErrors: [SystemVerification] }, init: { controlPlaneEndpoint: "api.example:6443", podSubnet: 10.244.0.0/16, schedulable: true, certSans: [api.example], skipPhases: [addon/kube-proxy] } }',
  );
  const change = initChange(kubernetesOf(spec));
  const [stage, , run] = change.steps;
  assert.ok(stage?.kind === 'stage' && stage.content.kind === 'text' && run?.kind === 'run');
  assert.ok(run.argv.includes('--skip-token-print') && run.argv.includes('--skip-certificate-key-print'));
  const [initial, cluster, kubelet] = parseAllDocuments(stage.content.text).map((each) => each.toJS());
  assert.deepEqual(initial.nodeRegistration, {
    criSocket: 'unix:///var/run/crio/crio.sock',
    imagePullPolicy: 'IfNotPresent',
    ignorePreflightErrors: ['SystemVerification'],
    kubeletExtraArgs: [{ name: 'node-labels', value: 'zone=a' }],
    taints: [],
  });
  assert.deepEqual(initial.skipPhases, ['addon/kube-proxy']);
  assert.equal(cluster.kubernetesVersion, 'v1.37.2');
  assert.equal(cluster.controlPlaneEndpoint, 'api.example:6443');
  assert.equal(cluster.networking.podSubnet, '10.244.0.0/16');
  assert.equal(kubelet.cgroupDriver, 'systemd');
});

const upgrades: readonly (readonly [what: string, changes: Partial<Change>[], why: RegExp | undefined])[] = [
  ['a new kubelet', [{ id: 'file:/usr/local/bin/kubelet', action: 'update' }], /kubelet is upgraded/],
  ['a first kubelet', [{ id: 'file:/usr/local/bin/kubelet', action: 'create' }], undefined],
  [
    'a new runc',
    [{ id: 'packages', packages: [{ name: 'runc', from: '1.1', to: '1.2' }] }],
    /runc below its pods/,
  ],
  ['a first runc', [{ id: 'packages', packages: [{ name: 'runc', to: '1.2' }] }], undefined],
  ['a new berth', [{ id: 'release:2' }, { id: 'restart:berthd.service' }], /container runtime is upgraded/],
  ['a first berth', [{ id: 'release:2' }, { id: 'start:berthd.service' }], undefined],
  ['a mirror', [{ id: 'file:/etc/x' }, { id: 'restart:berthd.service' }], undefined],
  ['another engine', [{ id: 'unit:berthd.service' }, { id: 'start:crio.service' }], /engine is switched/],
];

for (const [what, changes, why] of upgrades)
  test(`pods go elsewhere for ${what}: ${why === undefined ? 'no' : 'yes'}`, () => {
    const all = changes.map(
      (change): Change => ({ action: 'update', summary: '', steps: [], id: '', ...change }),
    );
    if (why === undefined) assert.equal(whyDrain(all), undefined);
    else assert.match(whyDrain(all) ?? '', why);
  });

test('a reset leaves the cluster before the runtime goes that must end its pods', () => {
  const spec = specOf('{ version: 1.37.2, role: control-plane }');
  const facts = factsOf({
    ...debian,
    units: {
      'berthd.service': { activeState: 'active' },
      'kubelet.service': { loaded: true, activeState: 'active' },
    },
    files: { '/usr/local/bin/crictl': { sha256: 'c' } },
    origins: [
      { kind: 'unit', name: 'kubelet.service', fileState: '', activeState: 'inactive' },
      { kind: 'undo', name: 'kubernetes:member', script: 'x' },
    ],
  });
  const ids = planNodeRemoval(spec, facts).changes.map(({ id }) => id);
  assert.ok(ids.indexOf('cluster') >= 0 && ids.indexOf('cluster') < ids.indexOf('pods'), ids.join(' '));
});

test('a reset takes away what a kubelet kept where the host had none before', () => {
  const before = (fileState: string) =>
    factsOf({
      ...debian,
      units: {
        'berthd.service': { activeState: 'active' },
        'kubelet.service': { loaded: true, activeState: 'active' },
      },
      files: { '/usr/local/bin/crictl': { sha256: 'c' } },
      // As a host records a unit that it did not have: with a dash.
      origins: [{ kind: 'unit', name: 'kubelet.service', fileState, activeState: 'inactive' }],
    });
  const spec = specOf('{ version: 1.37.2, role: standalone }');
  const steps = (fileState: string) =>
    JSON.stringify(
      planNodeRemoval(spec, before(fileState)).changes.find(({ id }) => id.startsWith('cluster'))?.steps,
    );
  assert.match(steps('-'), /rm -rf [^"]*\/var\/lib\/kubelet/);
  assert.doesNotMatch(steps('disabled'), /rm -rf/);
});

test("a kubelet that was there before berth is not taken for one of berth's", () => {
  const spec = specOf('{ version: 1.37.2, role: none }');
  const facts = factsOf({
    ...debian,
    units: { 'kubelet.service': { loaded: true, activeState: 'active' } },
    origins: [{ kind: 'unit', name: 'berthd.service', fileState: '', activeState: 'inactive' }],
  });
  assert.ok(!planNodeRemoval(spec, facts).changes.some(({ id }) => id.startsWith('cluster')));
});
