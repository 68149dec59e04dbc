import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { artifactSpecs } from '../../../src/artifacts/pins.ts';
import { wantedArtifacts } from '../../../src/node/artifacts.ts';
import { bareHost, bareSystem } from '../../../src/node/bare-host.ts';
import type { Supplies } from '../../../src/node/concern.ts';
import { planNode, probeRequest } from '../../../src/node/node.ts';
import { loadTemplates } from '../../../src/node/templates.ts';
import { loadProfile } from '../../../src/profile/load-profile.ts';
import type { Spec } from '../../../src/profile/profile.ts';
import type { Change } from '../../../src/resources/change.ts';

const folder = join(import.meta.dirname, '../../../profiles');
const render = await loadTemplates();

/** Something of each artifact, as if it had been fetched. */
function suppliesOf(spec: Spec): Supplies {
  const artifacts = new Map(
    wantedArtifacts(spec).map(({ name }) => {
      const { program, programs } = artifactSpecs[name];
      const names = programs === undefined || programs === '*' ? [program] : programs;
      const files = names.map((each) => ({
        name: each,
        path: `/made/${each}`,
        mode: 0o755,
        sha256: each,
        bytes: 1,
      }));
      return [name, { files, links: [] }] as const;
    }),
  );
  const crictl = artifacts.get('crictl')?.files[0];
  return {
    release: {
      version: '1',
      files: [{ name: 'node', path: '/made/node', sha256: 'n', bytes: 1, mode: 0o755 }],
    },
    artifacts,
    repositoryKeys: new Map([['cri-o', 'a key']]),
    ...(crictl === undefined ? {} : { crictl }),
  };
}

async function planned(name: string, system: string): Promise<readonly Change[]> {
  const profile = await loadProfile(join(folder, name));
  const [host] = profile.hosts;
  assert.ok(host);
  const { spec } = host;
  const facts = bareHost(bareSystem(system), 'x64', probeRequest(spec, render));
  return planNode({ host: host.name, spec, facts, supplies: suppliesOf(spec), render }).changes;
}

const written = (changes: readonly Change[]): string[] =>
  changes.flatMap(({ steps }) => steps.flatMap((step) => (step.kind === 'write' ? [step.path] : [])));
const textOf = (changes: readonly Change[], path: string): string => {
  for (const { steps } of changes)
    for (const step of steps)
      if (step.kind === 'write' && step.path === path && step.content.kind === 'text')
        return step.content.text;
  return assert.fail(`${path} is not written`);
};
const packagesOf = (changes: readonly Change[]): string[] =>
  changes.flatMap(({ packages = [] }) => packages.map(({ name }) => name));
const ids = (changes: readonly Change[]): string[] => changes.map(({ id }) => id);

for (const system of ['debian:12', 'ubuntu:24.04'])
  test(`upstream CRI-O on ${system} comes from the repository of its minor, signed by its key`, async () => {
    const changes = await planned('crio-packages.yaml', system);
    const source = textOf(changes, '/etc/apt/sources.list.d/berth-cri-o.sources');
    assert.match(source, /^URIs: https:\/\/download\.opensuse\.org\/.*:\/v1\.36\/deb\/$/m);
    assert.match(source, /^Signed-By: \/etc\/apt\/keyrings\/berth-cri-o\.asc$/m);
    const order = ids(changes);
    assert.ok(order.indexOf('file:/etc/apt/sources.list.d/berth-cri-o.sources') < order.indexOf('packages'));
    assert.ok(packagesOf(changes).includes('cri-o'));
    assert.ok(order.includes('start:crio.service'), order.join());
    assert.ok(!order.some((id) => id.includes('berthd')), order.join());
  });

test('upstream CRI-O on Fedora comes from a repository of dnf', async () => {
  const changes = await planned('crio-packages.yaml', 'fedora:43');
  const source = textOf(changes, '/etc/yum.repos.d/berth-cri-o.repo');
  assert.match(source, /^baseurl=https:.*\/v1\.36\/rpm\/$/m);
  assert.match(source, /^gpgcheck=1$/m);
});

test('CRI-O of a bundle has a unit of ours, and its monitor is the one of the bundle', async () => {
  const changes = await planned('crio-static.yaml', 'debian:12');
  for (const program of ['crio', 'pinns', 'conmon'])
    assert.ok(written(changes).includes(`/usr/local/bin/${program}`), program);
  assert.match(textOf(changes, '/etc/systemd/system/crio.service'), /^ExecStart=\/usr\/local\/bin\/crio$/m);
  const config = textOf(changes, '/etc/crio/crio.conf.d/20-berth.conf');
  assert.match(config, /^monitor_path = "\/usr\/local\/bin\/conmon"$/m);
  assert.match(config, /^pinns_path = "\/usr\/local\/bin\/pinns"$/m);
});

test('CRI-O from source takes conmon of the distribution, runc and the plugins from source too', async () => {
  const changes = await planned('crio-source.yaml', 'debian:12');
  assert.ok(packagesOf(changes).includes('conmon'));
  assert.ok(!packagesOf(changes).some((name) => name === 'runc' || name === 'containernetworking-plugins'));
  assert.ok(written(changes).includes('/usr/local/bin/runc'));
  assert.ok(written(changes).includes('/opt/cni/bin/bridge'));
});

test('gVisor and crun are handlers beside the default, each with its program and its words', async () => {
  const config = textOf(
    await planned('gvisor-crun.yaml', 'debian:12'),
    '/etc/crio/crio.conf.d/20-berth.conf',
  );
  assert.match(config, /default_runtime = "runc"/);
  assert.match(config, /\[crio\.runtime\.runtimes\.crun\]/);
  assert.match(config, /\[crio\.runtime\.runtimes\.runsc\]\nruntime_path = "\/usr\/local\/bin\/runsc"/);
  assert.match(config, /\[crio\.berth\.runtimes\.runsc\]\nargs = \[ ?"--platform=systrap" ?\]/);
});

test('Fedora CoreOS gets nothing below /usr but what leads to /var', async () => {
  const changes = await planned('fedora-coreos.yaml', 'fedora-coreos');
  const below = written(changes).filter(
    (path) => path.startsWith('/usr/') && !path.startsWith('/usr/local/'),
  );
  assert.deepEqual(below, []);
  assert.ok(written(changes).includes('/var/opt/cni/bin/bridge'));
});

for (const [name, system] of [
  ['fedora.yaml', 'fedora:43'],
  ['fedora.yaml', 'centos:10'],
  ['ubuntu.yaml', 'ubuntu:24.04'],
  ['single-node.yaml', 'debian:12'],
] as const)
  test(`${name} is planned on a bare ${system}`, async () => {
    const order = ids(await planned(name, system));
    assert.ok(order.includes('packages'), order.join());
    assert.ok(order.includes('start:berthd.service'), order.join());
  });

test('with SELinux the programs that start containers are labelled, whenever they are written', async () => {
  const profile = await loadProfile(join(folder, 'crio-static.yaml'));
  const [host] = profile.hosts;
  assert.ok(host);
  const { spec } = host;
  const bare = bareHost(bareSystem('fedora:43'), 'x64', probeRequest(spec, render));
  const selinux = { enforcing: true, semanage: true, types: new Map([['/usr/local/bin/crio', 'bin_t']]) };
  const facts = { ...bare, health: { ...bare.health, selinux } };
  const { changes } = planNode({ host: 'a', spec, facts, supplies: suppliesOf(spec), render });
  const labels = changes.filter(({ id }) => id.startsWith('context:')).map(({ id }) => id);
  assert.deepEqual(labels, ['context:/usr/local/bin/crio']);
  assert.ok(ids(changes).includes('entry:fcontext:/usr/local/bin/crio'));
  assert.ok(ids(changes).indexOf('context:/usr/local/bin/crio') < ids(changes).indexOf('start:crio.service'));
});

test('crictl may be a package: nothing is uploaded then', async () => {
  const profile = await loadProfile(join(folder, 'fedora.yaml'));
  const [host] = profile.hosts;
  assert.ok(host);
  const spec: Spec = { ...host.spec, crictl: { ...host.spec.crictl, source: 'package' } };
  const facts = bareHost(bareSystem('fedora:43'), 'x64', probeRequest(spec, render));
  const { changes } = planNode({ host: 'a', spec, facts, supplies: suppliesOf(spec), render });
  assert.ok(packagesOf(changes).includes('cri-tools'));
  assert.ok(!written(changes).includes('/usr/local/bin/crictl'));
});
