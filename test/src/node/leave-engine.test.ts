import assert from 'node:assert/strict';
import test from 'node:test';
import type { Supplies } from '../../../src/node/concern.ts';
import { planNode, probeRequest } from '../../../src/node/node.ts';
import { loadTemplates } from '../../../src/node/templates.ts';
import { parseProfile } from '../../../src/profile/parse-profile.ts';
import type { Spec } from '../../../src/profile/profile.ts';
import { factsOf, type ShortFacts } from '../resources/facts.ts';

const render = await loadTemplates();

const file = (name: string) => ({ name, path: `/made/${name}`, mode: 0o755, sha256: name, bytes: 1 });
const supplies: Supplies = {
  release: { version: '2', files: [file('node')] },
  crictl: file('crictl'),
  artifacts: new Map([
    ['cri-o', { files: ['crio', 'pinns', 'conmon'].map(file), links: [] }],
    ['crictl', { files: [file('crictl')], links: [] }],
  ]),
};

const specOf = (engine: string): Spec => {
  const [host] = parseProfile(
    `hosts: [{ name: a, local: {} }]\nspec: { engine: ${engine} }\n`,
    'p.yaml',
  ).hosts;
  assert.ok(host);
  return host.spec;
};
const berth = specOf('{ name: berth }');
const crio = specOf('{ name: cri-o, source: static, version: 1.36.0 }');

/** What every node has. */
const ground: ShortFacts = {
  modules: { overlay: 'active', br_netfilter: 'active' },
  sysctls: {
    'net.ipv4.ip_forward': { value: '1' },
    'net.bridge.bridge-nf-call-iptables': { value: '1' },
    'net.bridge.bridge-nf-call-ip6tables': { value: '1' },
  },
};

const planned = (spec: Spec, facts: ShortFacts, tags?: readonly string[]) => {
  const given = { spec, facts: factsOf({ ...ground, ...facts }), supplies, render };
  return planNode(tags === undefined ? given : { ...given, tags }).changes;
};
const ids = (...asked: Parameters<typeof planned>): string[] => planned(...asked).map(({ id }) => id);

const active = { loaded: true, fileState: 'enabled', activeState: 'active' } as const;
const ofBerth = { ...active, mainProcess: { pid: 7, executable: '/usr/lib/berth/1/node' } };
/** A node with berth: systemd tells of berthd also when it is asked for crio. */
const berthNode: ShortFacts = {
  units: { 'berth-shim.service': ofBerth, 'berthd.service': ofBerth, 'crio.service': ofBerth },
  current: '1',
};
const crioNode: ShortFacts = {
  units: { 'crio.service': { ...active, mainProcess: { pid: 8, executable: '/usr/bin/crio' } } },
};

test('from berth to CRI-O: crictl, pods, services, then everything else, and CRI-O starts', () => {
  const order = ids(crio, berthNode);
  assert.deepEqual(order.slice(0, 4), [
    'file:/usr/local/bin/crictl',
    'pods',
    'unit:berthd.service',
    'unit:berth-shim.service',
  ]);
  assert.ok(order.indexOf('packages') > 3, order.join());
  assert.ok(order.includes('start:crio.service'), order.join());
});

test('a CRI-O that somebody else installed is left the same way', () => {
  const order = ids(berth, crioNode);
  assert.deepEqual(order.slice(0, 3), ['file:/usr/local/bin/crictl', 'pods', 'unit:crio.service']);
  assert.ok(order.includes('start:berthd.service'), order.join());
  const left = planned(berth, crioNode).find(({ id }) => id === 'unit:crio.service');
  assert.deepEqual(left?.origins, [
    { kind: 'unit', name: 'crio.service', fileState: 'enabled', activeState: 'active' },
  ]);
});

test('a kubelet waits while the engine below it changes', () => {
  const order = ids(crio, { ...berthNode, units: { ...berthNode.units, 'kubelet.service': active } });
  assert.equal(order[1], 'pause:kubelet.service');
  assert.equal(order.at(-1), 'resume:kubelet.service');
});

test('where the engine is the right one nothing is stopped', () => {
  for (const [spec, facts] of [
    [berth, berthNode],
    [crio, crioNode],
  ] as const)
    assert.ok(!ids(spec, facts).some((id) => id === 'pods' || id.startsWith('unit:')));
});

test('the alias of berthd is no CRI-O: it is started', () => {
  assert.ok(
    ids(crio, { files: { '/etc/systemd/system/crio.service': { link: 'berthd.service' } } }).includes(
      'start:crio.service',
    ),
  );
});

test('with the tags of something else the engine stays', () => {
  assert.ok(!ids(crio, berthNode, ['kernel']).some((id) => id === 'pods' || id.startsWith('unit:')));
});

test('the probe asks for the services of both engines', () => {
  for (const spec of [berth, crio]) {
    const { units } = probeRequest(spec);
    for (const unit of ['berthd.service', 'berth-shim.service', 'crio.service'])
      assert.ok(units.includes(unit));
  }
});

test('the alias comes with berthd, and no plan of berth takes it away or puts anything there', () => {
  const path = '/etc/systemd/system/crio.service';
  const facts: ShortFacts = {
    ...berthNode,
    files: { [path]: { link: '/etc/systemd/system/berthd.service' } },
    origins: [{ kind: 'file', path, before: { kind: 'absent' } }],
  };
  assert.ok(!ids(berth, facts).includes(`file:${path}`));
});
