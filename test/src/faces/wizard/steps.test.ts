import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { stringify } from 'yaml';
import { KUBERNETES_VERSION } from '../../../../src/artifacts/kubernetes-pins.ts';
import { profileIn, tryEdits } from '../../../../src/faces/wizard/document.ts';
import type { Reply } from '../../../../src/faces/wizard/errands.ts';
import { stepNames } from '../../../../src/faces/wizard/state.ts';
import type { Spec } from '../../../../src/profile/profile.ts';
import {
  allMet,
  at,
  editing,
  fresh,
  metAs,
  notes,
  onTo,
  pressed,
  refused,
  rowAt,
  rows,
  text,
  told,
  typed,
  unknownKey,
  withHosts,
} from './sitting.ts';

const one = () => withHosts(fresh(), 'ops@192.0.2.10');
const met = (state = one()) => allMet(onTo(state, 'connections'));
const specOf = (state: ReturnType<typeof fresh>): Spec => {
  const spec = profileIn(state.sources)?.hosts[0]?.spec;
  if (spec === undefined) throw new Error(`the profile is not valid:\n${text(state)}`);
  return spec;
};

test('back and forth loses nothing, not even what cannot stand', () => {
  let state = typed(at(onTo(met(), 'network'), 'Pod ranges'), 'x');
  const problem = rowAt(state).problem;
  assert.match(problem ?? '', /no range of addresses/);
  const before = text(state);
  state = pressed(state, ...stepNames.map(() => 'back' as const));
  assert.equal(state.step, 'hosts');
  state = pressed(state, 'next', 'next', 'next');
  assert.equal(state.step, 'network');
  const row = rowAt(at(state, 'Pod ranges'));
  assert.ok(row.kind === 'text');
  assert.deepEqual([row.text, row.problem], ['10.88.0.0/16x', problem]);
  assert.equal(text(state), before);
});

test('a step with an answer that cannot stand is not left forwards, and the answer is in focus', () => {
  const state = pressed(at(typed(at(onTo(met(), 'network'), 'Pod ranges'), 'x'), 'Network'), 'next');
  assert.equal(state.step, 'network');
  assert.equal(rowAt(state).label, 'Pod ranges');
  assert.match(state.notice?.text ?? '', /Pod ranges: .*no range/);
});

test('hosts are met when the step is entered, once, and again when they were changed', () => {
  const asked = onTo(one(), 'connections');
  assert.equal(asked.wishes.length, 1);
  const back = pressed(allMet(asked), 'back', 'next');
  assert.deepEqual(back.wishes, []);
  let changed = typed(at(pressed(at(pressed(back, 'back'), 'node-1'), 'enter'), 'Port'), '2222');
  changed = pressed(changed, 'back');
  const again = pressed(changed, 'next');
  assert.equal(again.wishes.length, 1);
  // What was wanted for the host as it was before tells nothing about this one.
  assert.match(notes(allMet(asked, metAs())).join(), /1 of 1 answered/);
  const late = asked.wishes.flatMap((wish) => (wish.kind === 'meet' ? wish.hosts : []));
  const told1 = late.reduce(
    (state, { key }) => told(state, { kind: 'missed', key, trouble: refused }),
    again,
  );
  assert.match(notes(told1).join(), /being asked/);
});

test('a host that does not answer says why and what to do, and can be changed from there', () => {
  let state = onTo(one(), 'connections');
  const [wish] = state.wishes;
  assert.ok(wish?.kind === 'meet');
  state = told(state, { kind: 'missed', key: wish.hosts[0]?.key ?? '', trouble: refused });
  assert.deepEqual(notes(state).slice(1), [`✗ ${refused.message}`, `  → ${refused.remedy}`]);
  assert.equal(rowAt(state).label, 'Continue', 'rows that come do not push themselves under the hand');
  state = pressed(at(state, 'Change node-1'), 'enter');
  assert.equal(rows(state)[0]?.label, 'Name');
  assert.deepEqual(pressed(state, 'back').wishes, [], 'what is as it was is not asked again');
  const changed = typed(at(state, 'Port'), '2222');
  for (const closed of [pressed(changed, 'back'), pressed(at(changed, 'Done'), 'enter')])
    assert.equal(closed.wishes[0]?.kind, 'meet', 'a host that was changed is tried again');
});

test('an unknown host key is accepted by a person alone, and the host is tried again', () => {
  let state = onTo(one(), 'connections');
  const [wish] = state.wishes;
  assert.ok(wish?.kind === 'meet');
  state = told(state, { kind: 'missed', key: wish.hosts[0]?.key ?? '', trouble: unknownKey });
  assert.match(notes(state).join('\n'), /→ Compare the fingerprint with the one that the host prints/);
  state = pressed(at(state, 'Accept the key SHA256:l0ng'), 'enter');
  const { line, file } = unknownKey.hostKey ?? {};
  assert.deepEqual(state.wishes, [{ kind: 'accept-key', host: 'node-1', line, file }]);
  state = told(state, { kind: 'key-accepted', host: 'node-1' });
  assert.equal(state.wishes[0]?.kind, 'meet');
});

test('a secret that is asked for on the way is answered, and is in no text of the page', () => {
  let state = told(onTo(one(), 'connections'), { kind: 'asked', label: 'sudo password of node-1' });
  state = typed(state, 's3cret');
  state = pressed(state, 'erase');
  state = pressed(typed(state, 't'), 'enter');
  assert.deepEqual(state.wishes, [{ kind: 'answer', text: 's3cret' }]);
  assert.equal(state.question, undefined);
  const refusedOne = pressed(told(state, { kind: 'asked', label: 'x' }), 'back');
  assert.deepEqual(refusedOne.wishes, [{ kind: 'answer', text: undefined }]);
});

test('a pod range that a route of a host overlaps is told as it is typed, with one that is free', () => {
  const routes = [
    { interface: 'eth0', destination: '0.0.0.0/0' },
    { interface: 'vpn0', destination: '10.88.0.0/14' },
  ];
  const state = onTo(allMet(onTo(one(), 'connections'), metAs({ health: { routes } })), 'network');
  assert.match(
    notes(state).join('\n'),
    /✗ node-1: the pod range 10\.88\.0\.0\/16 overlaps the route to 10\.88\.0\.0\/14 by vpn0/,
  );
  // 10.89.0.0/16 lies in that route as well.
  const taken = pressed(at(state, 'Take 10.120.0.0/16'), 'enter');
  assert.deepEqual(specOf(taken).cni.networks[0]?.subnets, ['10.120.0.0/16']);
  assert.equal(rowAt(taken).label, 'Pod ranges', 'where the answer is');
  assert.match(notes(taken).join('\n'), /✓ No route/);
  let own = pressed(at(state, 'Pod ranges'), 'clear');
  own = typed(own, '10.89.1.0/24');
  assert.match(notes(own).join('\n'), /10\.89\.1\.0\/24 overlaps the route to/);
});

test('versions are measured by the Kubernetes that they must fit', () => {
  const plain = onTo(met(), 'runtime');
  assert.match(notes(plain).join('\n'), /newest that berth knows: \d+\.\d+\.\d+/);
  const old = typed(at(plain, 'For Kubernetes'), '1.30');
  assert.match(notes(old).join('\n'), /1\.37\.0 does not fit Kubernetes 1\.30\.0/);
  const fitting = pressed(at(old, 'Take crictl 1.30.0'), 'enter');
  assert.equal(specOf(fitting).crictl.version, '1.30.0');
  assert.equal(rowAt(fitting).label, 'crictl');
  assert.match(notes(fitting).join('\n'), /1\.30\.0 fits Kubernetes 1\.30\.0/);
  const wrong = typed(at(plain, 'For Kubernetes'), 'latest');
  assert.match(rowAt(wrong).problem ?? '', /no version of Kubernetes such as/);
});

test('a kubelet that is on a host decides what fits, until somebody says otherwise', () => {
  const state = onTo(allMet(onTo(one(), 'connections'), metAs({}, '1.33.4')), 'runtime');
  assert.match(notes(state).join('\n'), /does not fit Kubernetes 1\.33\.4/);
  assert.match(
    notes(typed(at(state, 'For Kubernetes'), '1.36')).join('\n'),
    /1\.37\.0 fits Kubernetes 1\.36\.0/,
  );
});

test('OCI runtimes are added, taken away, and one of them is the default', () => {
  let state = pressed(at(onTo(met(), 'runtime'), 'crun'), 'enter');
  assert.deepEqual(
    specOf(state).ociRuntimes.map(({ name }) => name),
    ['runc', 'crun'],
  );
  state = pressed(at(state, 'Default runtime'), 'right');
  assert.deepEqual(
    specOf(state).ociRuntimes.map(({ name }) => name),
    ['crun', 'runc'],
  );
  state = pressed(at(state, 'runc'), 'enter');
  assert.deepEqual(
    specOf(state).ociRuntimes.map(({ name }) => name),
    ['crun'],
  );
  const none = pressed(at(state, 'crun'), 'enter');
  assert.deepEqual(
    specOf(none).ociRuntimes.map(({ name }) => name),
    ['crun'],
    'the last one stays',
  );
  assert.match(rowAt(none).problem ?? '', /at least one/);
});

test('every engine that the schema knows is offered, with its own keys', () => {
  const state = onTo(met(), 'runtime');
  const row = rowAt(at(state, 'Engine'));
  assert.ok(row.kind === 'choice');
  assert.deepEqual(row.options, ['berth', 'cri-o']);
  const crio = pressed(at(state, 'Engine'), 'right');
  assert.equal(rowAt(crio).problem, undefined);
  assert.equal(specOf(crio).engine.name, 'cri-o');
  // It is of the minor version of Kubernetes; of the newest one where nothing is said about it.
  assert.match(specOf(crio).engine.version ?? '', /^1\.\d+$/);
  const older = pressed(at(typed(at(state, 'For Kubernetes'), '1.35.2'), 'Engine'), 'right');
  assert.equal(specOf(older).engine.version, '1.35');
  const wrong = typed(pressed(at(older, 'Engine version'), 'erase'), '1');
  assert.match(notes(wrong).join('\n'), /CRI-O 1\.31 is not of the minor version of Kubernetes 1\.35\.2/);
  const back = pressed(at(wrong, 'Engine'), 'left');
  assert.equal(specOf(back).engine.name, 'berth');
  assert.doesNotMatch(text(back), /1\.31/);
  assert.equal(specOf(pressed(back, 'right')).engine.version, '1.31', 'what was chosen is taken again');
});

test('a choice that nobody has made is the default, and a made one can be taken back', () => {
  const before =
    'hosts: [{ name: a, local: {} }]\nspec:\n  engine: { name: cri-o, version: "1.35", source: upstream } # ours\n';
  const state = at(onTo(met(editing(before)), 'runtime'), 'Engine source');
  const row = rowAt(state);
  assert.ok(row.kind === 'choice' && row.chosen === 'upstream');
  const away = row.options.slice(0, row.options.indexOf('upstream')).map(() => 'left' as const);
  const none = pressed(state, ...away);
  assert.match(text(none), /engine: \{ name: cri-o, version: "1\.35" \} # ours/);
  const unsaid = rowAt(none);
  assert.ok(unsaid.kind === 'choice' && unsaid.chosen === 'the default');
});

test('an answer that needs another one stands as soon as that is there', () => {
  const state = onTo(met(), 'runtime');
  const early = pressed(at(state, 'runc source'), 'right');
  assert.match(rowAt(early).problem ?? '', /version/);
  assert.equal(specOf(early).ociRuntimes[0]?.source, 'package');
  const complete = pressed(typed(at(early, 'runc version'), '1.4.2'), 'down');
  assert.deepEqual(
    specOf(complete).ociRuntimes.map(({ source, version }) => [source, version]),
    [['release', '1.4.2']],
  );
  assert.ok(rows(complete).every(({ problem }) => problem === undefined));
});

test('mirrors are added with the registry that they stand for, changed, and taken away', () => {
  let state = typed(at(onTo(met(), 'registries'), 'Mirror'), 'docker.io');
  assert.match(rowAt(state).problem ?? '', /REGISTRY=MIRROR/);
  state = pressed(typed(state, '=mirror.example/hub,'), 'enter');
  state = pressed(typed(at(state, 'Mirror  '.trim()), ''), 'up');
  state = typed(at(state, 'Mirrors: docker.io'), ', two.example');
  assert.deepEqual(specOf(state).registries.mirrors, [
    { registry: 'docker.io', mirrors: ['mirror.example/hub', 'two.example'] },
  ]);
  state = pressed(at(state, 'No mirrors of docker.io'), 'down');
  state = pressed(typed(state, 'docker.io=two.example,three.example'), 'enter');
  assert.deepEqual(
    specOf(state).registries.mirrors,
    [{ registry: 'docker.io', mirrors: ['mirror.example/hub', 'two.example', 'three.example'] }],
    'a registry has one entry',
  );
  state = pressed(at(state, 'No mirrors of docker.io'), 'enter');
  assert.deepEqual(specOf(state).registries.mirrors, []);
});

test('who goes on with a typed mirror has it, as by Enter', () => {
  const waiting = typed(at(onTo(met(), 'registries'), 'Mirror'), 'docker.io=mirror.example');
  const state = pressed(waiting, 'next');
  assert.equal(state.step, 'kubernetes');
  assert.deepEqual(specOf(state).registries.mirrors, [
    { registry: 'docker.io', mirrors: ['mirror.example'] },
  ]);
  const wrong = pressed(typed(at(onTo(met(), 'registries'), 'Mirror'), 'docker.io='), 'next');
  assert.deepEqual([wrong.step, rowAt(wrong).label], ['registries', 'Mirror']);
});

test('registries are asked from the hosts, and one that does not answer has a remedy', () => {
  const asked = pressed(at(onTo(met(), 'registries'), 'Ask docker.io, quay.io'), 'enter');
  assert.ok(asked.wishes[0]?.kind === 'reach');
  assert.deepEqual(asked.wishes[0].registries, ['docker.io', 'quay.io']);
  assert.deepEqual(asked.wishes[0].hosts, ['node-1'], 'those that were met');
  const state = told(
    told(asked, {
      kind: 'reached',
      reach: { host: 'node-1', registry: 'docker.io', ok: true, detail: 'answers' },
    }),
    {
      kind: 'reached',
      reach: { host: 'node-1', registry: 'quay.io', ok: false, detail: 'Could not resolve host' },
    },
  );
  const seen = notes(state).join('\n');
  assert.match(
    seen,
    /✓ node-1: docker\.io answers\n✗ node-1: quay\.io: Could not resolve host\n.*→ .*mirror/,
  );
  assert.equal(told(state, { kind: 'reached-all' }).busy, undefined);
});

test('a registry that speaks plain HTTP is sent to the row that lets it', () => {
  const state = pressed(typed(at(onTo(met(), 'registries'), 'Mirror'), 'docker.io=localhost:5000'), 'enter');
  const detail = 'speaks plain HTTP, without TLS';
  const reach = { host: 'node-1', registry: 'localhost:5000', ok: false, isPlain: true, detail };
  const plain = told(state, { kind: 'reached', reach });
  assert.deepEqual(notes(plain).slice(-2), [
    `✗ node-1: localhost:5000: ${detail}`,
    '  → Add localhost:5000 to No TLS above, if nobody else sits on the way to it; or give it a certificate.',
  ]);
  const both = told(plain, {
    kind: 'reached',
    reach: { host: 'node-1', registry: 'quay.io', ok: false, detail: 'Could not resolve host' },
  });
  assert.match(notes(both).at(-1) ?? '', /→ .*mirror/);
  const named = typed(at(plain, 'No TLS'), 'localhost:5000');
  assert.doesNotMatch(notes(named).join(' '), /plain HTTP/, 'what was seen belongs to another answer');
});

test('a mirror on the loopback is asked as well, which is that of each host; what berth serves there is not', () => {
  const own = pressed(at(onTo(met(), 'registries'), 'Proof image'), 'right');
  const state = pressed(typed(at(own, 'Mirror'), 'docker.io=127.0.0.1:9/hub,localhost:5001'), 'enter');
  const asked = pressed(at(state, 'Ask docker.io, quay.io, 127.0.0.1:9, localhost:5001'), 'enter');
  assert.ok(asked.wishes[0]?.kind === 'reach');
  assert.deepEqual(asked.wishes[0].registries, ['docker.io', 'quay.io', '127.0.0.1:9', 'localhost:5001']);
});

test('what many hosts have in common is told once', () => {
  const many = withHosts(fresh(), ...['a', 'b', 'c', 'd', 'e'].map((name) => `${name}.example`));
  const routes = [{ interface: 'vpn0', destination: '10.88.0.0/14' }];
  const network = onTo(allMet(onTo(many, 'connections'), metAs({ health: { routes } })), 'network');
  assert.match(notes(network)[0] ?? '', /^✗ a, b and 3 others: the pod range/);
  const registries = ['a', 'b', 'c', 'd', 'e'].reduce(
    (before, host) =>
      told(before, { kind: 'reached', reach: { host, registry: 'quay.io', ok: true, detail: 'answers' } }),
    onTo(network, 'registries'),
  );
  assert.ok(notes(registries).includes('✓ a, b and 3 others: quay.io answers'));
});

test('the image of the proof is one answer to three keys, and taken back leaves none of them', () => {
  const before = onTo(met(), 'registries');
  const own = pressed(at(before, 'Proof image'), 'right');
  assert.equal(specOf(own).verify.imageSource, 'embedded');
  assert.deepEqual(specOf(own).registries.insecure, ['localhost:5000']);
  const back = pressed(own, 'right');
  assert.equal(text(back), text(before));
});

test('Kubernetes is asked for with everything that the schema has of it', () => {
  const state = onTo(met(), 'kubernetes');
  const wanted = pressed(at(state, 'Kubernetes'), 'right');
  assert.equal(specOf(wanted).kubernetes?.version, KUBERNETES_VERSION);
  assert.match(text(wanted), /\n {2}# kubelet, kubeadm and kubectl of one version.*\n {2}kubernetes:\n/);
  const control = pressed(at(wanted, 'Role'), 'right');
  const role = rowAt(control);
  assert.ok(role.kind === 'choice' && role.options.includes('control-plane'));
  assert.equal(text(pressed(at(wanted, 'Kubernetes'), 'left')), text(state));
});

test('what must go with a version of Kubernetes goes with it', () => {
  let state = pressed(at(onTo(met(), 'runtime'), 'Engine'), 'right');
  state = pressed(at(onTo(state, 'kubernetes'), 'Kubernetes'), 'right');
  state = typed(pressed(at(state, 'Version'), 'clear'), '1.34.2');
  assert.equal(rowAt(state).problem, undefined);
  const { crictl, engine, kubernetes } = specOf(state);
  assert.deepEqual([kubernetes?.version, crictl.version, engine.version], ['1.34.2', '1.34.0', '1.34']);
});

const specsOf = (state: ReturnType<typeof fresh>) => {
  const hosts = profileIn(state.sources)?.hosts;
  if (hosts === undefined) throw new Error(`the profile is not valid:\n${text(state)}`);
  return hosts.map(({ name, spec }) => [
    name,
    spec.kubernetes?.role,
    ...spec.cni.networks.flatMap(({ subnets }) => subnets),
  ]);
};

test('several hosts become a cluster by one answer: a control plane, workers, and a pod range for each', () => {
  const three = withHosts(fresh(), 'cp.example', 'w-1.example', 'w-2.example');
  const alone = pressed(at(onTo(met(three), 'kubernetes'), 'Kubernetes'), 'right');
  const cluster = pressed(at(alone, 'Control plane'), 'right');
  assert.equal(rowAt(cluster).problem, undefined);
  assert.deepEqual(specsOf(cluster), [
    ['cp', 'control-plane', '10.88.0.0/24'],
    ['w-1', 'worker', '10.88.1.0/24'],
    ['w-2', 'worker', '10.88.2.0/24'],
  ]);
  const other = pressed(cluster, 'right');
  assert.deepEqual(
    specsOf(other).map(([, role]) => role),
    ['worker', 'control-plane', 'worker'],
  );
  const none = pressed(other, 'left', 'left');
  assert.deepEqual(
    specsOf(none).map(([, role]) => role),
    ['none', 'none', 'none'],
  );
  const without = pressed(at(other, 'Kubernetes'), 'left');
  assert.deepEqual(
    specsOf(without).map(([, role]) => role),
    [undefined, undefined, undefined],
  );
});

test('a range of services that is one of pods is told where it is typed', () => {
  const two = withHosts(fresh(), 'cp.example', 'w-1.example');
  let state = pressed(at(onTo(met(two), 'kubernetes'), 'Kubernetes'), 'right');
  state = pressed(at(state, 'Control plane'), 'right');
  state = typed(pressed(at(state, 'Service subnet'), 'clear'), '10.88.0.0/16');
  assert.match(
    rowAt(state).problem ?? '',
    /services get addresses of 10\.88\.0\.0\/16 and pods of cp of 10\.88\.0\.0\/24: the two overlap/,
  );
});

test('a host that comes to a cluster is a worker with a range that no other has', () => {
  const two = withHosts(fresh(), 'cp.example', 'w-1.example');
  let state = pressed(at(onTo(met(two), 'kubernetes'), 'Kubernetes'), 'right');
  state = pressed(at(state, 'Control plane'), 'right');
  while (state.step !== 'hosts') state = pressed(state, 'back');
  state = withHosts(state, 'w-2.example', 'w-3.example');
  assert.deepEqual(specsOf(state), [
    ['cp', 'control-plane', '10.88.0.0/24'],
    ['w-1', 'worker', '10.88.1.0/24'],
    ['w-2', 'worker', '10.88.2.0/24'],
    ['w-3', 'worker', '10.88.3.0/24'],
  ]);
});

test('where a CNI of the cluster gives addresses, hosts of a cluster get no ranges', () => {
  const two = withHosts(fresh(), 'cp.example', 'w-1.example');
  let state = pressed(at(onTo(met(two), 'network'), 'CNI'), 'right');
  state = pressed(at(onTo(state, 'kubernetes'), 'Kubernetes'), 'right');
  state = pressed(at(state, 'Control plane'), 'right');
  assert.deepEqual(
    specsOf(state).map(([, role]) => role),
    ['control-plane', 'worker'],
  );
  assert.doesNotMatch(text(state), /10\.88\.1\.0/);
});

test('a cluster that a profile makes by its groups is left to the file', () => {
  const before = readFileSync(new URL('../../../../profiles/kubeadm.yaml', import.meta.url), 'utf8');
  const state = onTo(allMet(onTo(editing(before), 'connections')), 'kubernetes');
  const row = rowAt(at(state, 'Control plane'));
  assert.ok(row.kind === 'choice');
  assert.equal(row.chosen, 'cp-1');
  assert.equal(text(state), before);
});

test('a page says which hosts and groups have values of their own, which a change there does not reach', () => {
  const before = readFileSync(new URL('../../../../profiles/kubeadm.yaml', import.meta.url), 'utf8');
  const state = allMet(onTo(editing(before), 'connections'));
  const network = onTo(state, 'network');
  assert.equal(
    notes(network)[0],
    '! Values of their own, which count before those here: cp-1, worker-1, worker-2 (Network, Pod ranges, Bridge, Masquerade)',
  );
  assert.match(
    notes(onTo(state, 'kubernetes'))[0] ?? '',
    /; group control-planes \(Control plane endpoint\)/,
  );
  assert.doesNotMatch(notes(onTo(state, 'registries')).join('\n'), /Values of their own/);
});

const published: Reply = {
  kind: 'published',
  published: {
    versions: new Map([
      ['crictl', ['1.38.0', '1.37.1', '1.37.0', '1.36.0']],
      ['runc', ['1.5.0', '1.4.2']],
      ['cri-o', ['1.37.0', '1.35.4', '1.35.3']],
      ['kubelet', ['1.37.2', '1.36.5', '1.36.2']],
    ]),
  },
};

test('which releases are out is asked once, and told beside the versions', () => {
  const asked = onTo(met(), 'runtime');
  assert.deepEqual(asked.wishes, [{ kind: 'list-releases' }]);
  assert.deepEqual(pressed(asked, 'back', 'next').wishes, []);
  const state = told(asked, published);
  assert.match(notes(state).join('\n'), /newest runc listed: 1\.5\.0\nnewest crictl listed: 1\.38\.0/);
  const old = typed(at(state, 'For Kubernetes'), '1.35');
  assert.match(
    notes(old).join('\n'),
    /newest crictl listed: 1\.38\.0; 1\.37\.0 does not fit Kubernetes 1\.35\.0/,
  );
  assert.ok(
    rows(old).some(({ label }) => label === 'Take crictl 1.36.0'),
    'it is out, and a neighbour',
  );
  const none = typed(at(state, 'For Kubernetes'), '1.99');
  assert.match(notes(none).join('\n'), /No crictl is known that fits Kubernetes 1\.99\.0/);
  assert.ok(rows(none).every(({ label }) => !label.startsWith('Take crictl')));
  const crio = pressed(at(old, 'Engine'), 'right');
  assert.match(notes(crio).join('\n'), /newest cri-o listed: 1\.37\.0, of 1\.35: 1\.35\.4/);
  const slip = typed(at(crio, 'runc version'), '1.4.9');
  assert.match(notes(slip).join('\n'), /The Go module proxy lists no runc 1\.4\.9/);
  let kubernetes = pressed(at(onTo(state, 'kubernetes'), 'Kubernetes'), 'right');
  kubernetes = typed(pressed(at(kubernetes, 'Version'), 'clear'), '1.36.2');
  assert.match(notes(kubernetes).join('\n'), /newest kubelet listed: 1\.37\.2, of 1\.36: 1\.36\.5/);
});

test('that nobody tells which releases are out is told, and hinders nothing', () => {
  const state = told(onTo(met(), 'runtime'), { kind: 'published', published: { why: 'GOPROXY is off' } });
  assert.match(notes(state).join('\n'), /Which releases are out is not known: GOPROXY is off/);
  for (const version of ['1.99', '1.2']) {
    const typedIn = typed(at(state, 'For Kubernetes'), version);
    assert.match(notes(typedIn).join('\n'), /No crictl is known that fits Kubernetes/);
    assert.ok(rows(typedIn).every(({ label }) => !label.startsWith('Take crictl')));
  }
  assert.equal(pressed(state, 'next').step, 'network');
});

test('who comes back to an option finds what belonged to it, comments too', () => {
  const before = `hosts: [{ name: a, local: {} }]
spec:
  engine:
    name: cri-o
    version: "1.35" # as the kubelet
  ociRuntimes:
    - name: runc
    # for the builders
    - name: crun # from the package
  cni:
    networks:
      - name: mynet # ours
        subnets: [10.99.0.0/16] # asked the network people
`;
  const runtime = onTo(met(editing(before)), 'runtime');
  for (const label of ['Engine', 'crun', 'Default runtime']) {
    const away = pressed(at(runtime, label), 'right');
    assert.notEqual(text(away), before, label);
    assert.equal(text(pressed(away, label === 'crun' ? 'right' : 'left')), before, label);
  }
  const network = pressed(at(onTo(runtime, 'network'), 'CNI'), 'right');
  assert.doesNotMatch(text(network), /mynet/);
  assert.equal(rowAt(network).problem, undefined);
  assert.equal(text(pressed(network, 'right')), before);
});

test('runtimes that change places take their comments along', () => {
  const before = readFileSync(new URL('../../../../profiles/gvisor-crun.yaml', import.meta.url), 'utf8');
  let state = at(onTo(met(editing(before)), 'runtime'), 'Default runtime');
  const [first] = specOf(state).ociRuntimes;
  do state = pressed(state, 'right');
  while (specOf(state).ociRuntimes[0]?.name !== 'runsc');
  assert.notEqual(first?.name, 'runsc');
  const comments = (yaml: string) => [...yaml.matchAll(/#.*/g)].map(([comment]) => comment).toSorted();
  assert.deepEqual(comments(text(state)), comments(before));
});

test('the review writes nothing while something is wrong, and says where', () => {
  const broken = editing('hosts:\n  - name: a\n    local: {}\nspec: { swap: maybe } # why\n');
  const state = onTo(broken, 'review');
  assert.match(notes(state).join('\n'), /✗ line 4: spec\.swap: must be one of keep, off/);
  assert.deepEqual(
    rows(state).map(({ label }) => label),
    ['Leave without writing'],
  );
});

test('the review tells what was typed and is not in the profile', () => {
  let state = typed(at(onTo(met(), 'network'), 'Pod ranges'), 'x');
  state = { ...state, step: 'review' };
  assert.match(notes(state).join('\n'), /"10\.88\.0\.0\/16x" is not in the profile: .*no range/);
});

test('the review ends with the profile, planned or not, or with nothing', () => {
  const state = onTo(met(), 'review');
  assert.equal(rowAt(state).label, 'Write berth.yaml, and plan');
  assert.match(notes(state).join('\n'), /^The profile has one host\. PageUp/m);
  assert.equal(pressed(state, 'enter').ending, 'plan');
  assert.equal(pressed(at(state, 'Write berth.yaml, and end'), 'enter').ending, 'write');
  assert.equal(pressed(at(state, 'Leave'), 'enter').ending, 'left');
  const unchanged = onTo(editing('hosts: [{ name: a, local: {} }]\n'), 'review');
  assert.equal(rows(unchanged)[0]?.label, 'Keep berth.yaml, and plan');
});

test('Ctrl-C leaves from every page, a question too', () => {
  let state = one();
  for (const step of stepNames) {
    state = onTo(state, step);
    assert.equal(pressed(state, 'leave').ending, 'left');
  }
  assert.equal(pressed(told(fresh(), { kind: 'asked', label: 'x' }), 'leave').ending, 'left');
});

test('every row has an explanation, on every page', () => {
  let state = one();
  for (const step of stepNames) {
    state = onTo(state, step);
    for (const row of rows(state))
      assert.ok(row.explain.length > 20, `${step}: ${row.label}: "${row.explain}"`);
  }
  assert.equal(typed(state, '?').explains, true);
  assert.equal(pressed(typed(state, '?'), 'back').explains, false);
});

test('what a name alone does not tell is explained with its consequence', () => {
  const explained = (state: ReturnType<typeof fresh>, label: string) => rowAt(at(state, label)).explain;
  const runtime = onTo(met(), 'runtime');
  assert.match(explained(runtime, 'crictl'), /one minor version/);
  assert.match(explained(runtime, 'runsc'), /kernel of its own/);
  assert.match(explained(runtime, 'kata'), /\/dev\/kvm/);
  const network = onTo(runtime, 'network');
  assert.match(explained(network, 'Network'), /10-NAME\.conflist/);
  assert.match(explained(network, 'Bridge'), /flannel/);
  const registries = onTo(network, 'registries');
  assert.match(explained(registries, 'Short names'), /in this order/);
  const kubernetes = pressed(at(onTo(registries, 'kubernetes'), 'Kubernetes'), 'right');
  const control = pressed(at(kubernetes, 'Role'), 'right');
  assert.match(explained(control, 'Service subnet'), /when the cluster is made/);
  const unchanged = onTo(editing('hosts: [{ name: a, local: {} }]\n'), 'review');
  for (const label of ['Keep berth.yaml, and plan', 'Keep berth.yaml, and end'])
    assert.doesNotMatch(explained(unchanged, label), /written/);
});

test('an edit of each step of a shipped profile changes its lines and no others', () => {
  const before = readFileSync(new URL('../../../../profiles/single-node.yaml', import.meta.url), 'utf8');
  let state = allMet(onTo(editing(before), 'connections'));
  state = pressed(at(onTo(state, 'runtime'), 'crun'), 'enter');
  state = pressed(at(onTo(state, 'network'), 'Masquerade'), 'right');
  state = typed(at(onTo(state, 'registries'), 'Short names'), ', registry.example');
  const lines = text(state).split('\n');
  const old = before.split('\n');
  assert.deepEqual(
    lines.filter((line) => !old.includes(line)),
    [
      '    - name: crun',
      '        masquerade: plugin',
      '    unqualifiedSearch: [docker.io, quay.io, registry.example]',
    ],
  );
  assert.deepEqual(
    old.filter((line) => !lines.includes(line)),
    ['        masquerade: node', '    unqualifiedSearch: [docker.io, quay.io]'],
  );
});

test('what includes say is edited where it stands, and the review names the file', () => {
  const include = {
    file: 'base.yaml',
    text: stringify({ spec: { crictl: { version: '1.36.0' } } }),
    role: 'include',
  } as const;
  const state = onTo(
    editing('include: [base.yaml]\nhosts: [{ name: a, local: {} }]\n', [include]),
    'runtime',
  );
  const changed = typed(pressed(at(state, 'crictl'), 'erase'), '1');
  assert.equal(
    changed.sources.files.find(({ file }) => file === 'base.yaml')?.text,
    'spec:\n  crictl:\n    version: 1.36.1\n',
  );
  assert.match(notes(onTo(changed, 'review')).join('\n'), /Also written: base\.yaml/);
});

test('a profile with wide indentation takes an answer that needs a new key', () => {
  const before = 'hosts:\n    - name: a\n      local: {}\nspec:\n    engine:\n        name: berth\n';
  const state = pressed(at(onTo(editing(before), 'registries'), 'Proof'), 'right');
  assert.equal(rowAt(state).problem, undefined);
  assert.equal(text(state), `${before}    verify:\n        level: full\n`);
});

test('an edit of a profile that cannot be read says where and why', () => {
  const tried = tryEdits(editing('hosts: [}\n').sources, [{ kind: 'remove', path: ['spec'] }]);
  assert.match('problem' in tried ? tried.problem : '', /^berth\.yaml:1:9: not valid YAML: /);
});

test('a profile without hosts is not written, and the review says what to do', () => {
  const told = notes(onTo(fresh(), 'review'));
  assert.match(
    told[0] ?? '',
    /^✗ line \d+: hosts: names no host; a profile has at least one, as in - \{ name:/,
  );
  assert.equal(told.at(-1), 'Go back to the first page (Esc) and add a host.');
});
