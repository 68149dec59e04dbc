import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { parse } from 'smol-toml';
import { Fail } from '../../../src/core/fail.ts';
import type { ProbeRequest } from '../../../src/host/facts/probe.ts';
import type { Supplies } from '../../../src/node/concern.ts';
import { planNode, probeRequest, requireSupported } from '../../../src/node/node.ts';
import { packagesFor } from '../../../src/node/packages.ts';
import { parseUnitFile } from '../../../src/node/parsers.ts';
import { planNodeRemoval, removalRequest } from '../../../src/node/removal.ts';
import { loadTemplates } from '../../../src/node/templates.ts';
import type { Spec } from '../../../src/profile/profile.ts';
import { factsOf, type ShortFacts, sha256Of } from '../resources/facts.ts';

const supplies: Supplies = {
  release: {
    version: '0.1.0-abc',
    files: [{ name: 'node', path: '/build/node', sha256: 'n', bytes: 1, mode: 0o755 }],
  },
  crictl: { path: '/build/crictl', sha256: 'c', bytes: 1 },
  artifacts: new Map(),
};

const spec: Spec = {
  engine: { name: 'berth' },
  ociRuntimes: [
    { name: 'runc', source: 'package', args: [] },
    { name: 'crun', source: 'package', args: [] },
  ],
  crictl: { version: '1.37.0', source: 'pinned' },
  cni: {
    provider: 'berth',
    plugins: { source: 'package' },
    networks: [
      {
        name: 'mynet',
        type: 'bridge',
        bridge: 'cni0',
        subnets: ['10.88.0.0/16', 'fd00:88::/64'],
        masquerade: 'node',
      },
    ],
    pluginDirs: ['/opt/cni/bin', '/usr/lib/cni'],
  },
  registries: {
    unqualifiedSearch: ['docker.io'],
    insecure: ['localhost:5000', 'mirror.example:80'],
    blocked: ['bad.example'],
    mirrors: [{ registry: 'docker.io', mirrors: ['mirror.example:80', 'other.example/"odd"'] }],
    auth: [],
  },
  policy: { default: 'accept', rules: [] },
  kernel: {
    modules: ['overlay', 'br_netfilter'],
    sysctls: {
      'net.ipv4.ip_forward': '1',
      'net.bridge.bridge-nf-call-iptables': '1',
      'vm.panic_on_oom': '0',
    },
  },
  swap: 'keep',
  timeSync: 'keep',
  proxy: { no: [] },
  packages: { extra: ['jq', 'runc'], ostree: 'refuse' },
  artifacts: { source: 'auto', mirror: undefined, folder: undefined },
  generations: { keep: 10 },
  verify: { level: 'node', image: 'x', imageSource: 'registry', hostPort: 18_736, critestImages: {} },
};

const bare: ShortFacts = {
  units: { 'chrony.service': { activeState: 'active' } },
  modules: { overlay: 'active', br_netfilter: 'available' },
  sysctls: {
    'net.ipv4.ip_forward': { value: '0' },
    'net.bridge.bridge-nf-call-iptables': {},
    'vm.panic_on_oom': { value: '0' },
    'net.ipv6.conf.all.forwarding': { value: '1' },
  },
};

/** Plain objects: the parser's own have no prototype. */
const parseToml = (text: string): unknown => JSON.parse(JSON.stringify(parse(text)));

const render = await loadTemplates();
const plan = (facts: ShortFacts, changed: Partial<Spec> = {}) =>
  planNode({ spec: { ...spec, ...changed }, facts: factsOf(facts), supplies, render });

/** The text that the plan writes to a path. */
function textOf(path: string, facts: ShortFacts = bare, changed: Partial<Spec> = {}): string {
  for (const { steps } of plan(facts, changed).changes) {
    for (const step of steps) {
      if (step.kind === 'write' && step.path === path && step.content.kind === 'text')
        return step.content.text;
    }
  }
  throw new Error(`nothing is written to ${path}`);
}

test('a bare host becomes a node in an order in which each thing finds what it needs', () => {
  const ids = plan(bare).changes.map(({ id }) => id);
  const before = (first: string, second: string) =>
    assert.ok(ids.indexOf(first) < ids.indexOf(second), `${first} < ${second}`);
  for (const id of ids) assert.notEqual(ids.indexOf(id), -1);
  before('packages', 'start:berthd.service');
  before('module:br_netfilter', 'sysctl:net.bridge.bridge-nf-call-iptables');
  before('release:0.1.0-abc', 'link:/usr/lib/berth/current');
  before('link:/usr/lib/berth/current', 'start:berth-shim.service');
  before('file:/etc/systemd/system/berthd.service', 'enable:berthd.service');
  before('enable:berthd.service', 'units:reload');
  before('units:reload', 'start:berth-masquerade.service');
  before('start:berth-masquerade.service', 'start:berthd.service');
  before('start:berth-shim.service', 'start:berthd.service');
});

test('everything that a plan writes or asks of systemd is asked of the host before', () => {
  const request: ProbeRequest = probeRequest(spec);
  const { changes } = plan(bare);
  for (const { steps } of changes) {
    for (const step of steps) {
      if (step.kind !== 'write' || step.path.startsWith('/usr/lib/berth/')) continue;
      assert.ok(request.files.includes(step.path), step.path);
    }
  }
  const started = changes.flatMap(({ id }) => (id.startsWith('start:') ? [id.slice('start:'.length)] : []));
  assert.ok(started.length > 2);
  for (const unit of started) assert.ok(request.units.includes(unit), unit);
});

test('packages are named as the distribution names them, once each', () => {
  assert.deepEqual(probeRequest(spec).packages, {
    apt: ['runc', 'crun', 'containernetworking-plugins', 'socat', 'iproute2', 'iptables', 'conntrack', 'jq'],
    dnf: [
      'runc',
      'crun',
      'containernetworking-plugins',
      'socat',
      'iproute',
      'iptables-nft',
      'conntrack-tools',
      'jq',
      'container-selinux',
    ],
    dnfElse: { 'containernetworking-plugins': 'kubernetes-cni', 'iptables-nft': 'iptables' },
  });
});

const [plugins, other] = ['containernetworking-plugins', 'kubernetes-cni'];
const known = (...names: string[]) => Object.fromEntries(names.map((name) => [name, { candidate: '1' }]));
const there = (...names: string[]) =>
  Object.fromEntries(names.map((name) => [name, { state: 'installed', version: '1' } as const]));

const named: readonly [id: string, versionId: string, packages: ShortFacts['packages'], names: string[]][] = [
  ['fedora', '41', {}, ['iptables-nft', plugins]],
  ['rhel', '9.5', {}, ['iptables-nft', plugins]],
  ['rocky', '8.10', {}, ['iptables', plugins]],
  ['centos', '10', {}, ['iptables-nft', other]],
  ['centos', '10', known(plugins), ['iptables-nft', plugins]],
  ['rhel', '9.5', known(other), ['iptables-nft', other]],
  ['rhel', '10.0', { ...there(plugins), ...known(other) }, ['iptables-nft', plugins]],
  ['fedora', '41', { ...there(other), ...known(plugins) }, ['iptables-nft', other]],
];

for (const [id, versionId, packages, names] of named) {
  test(`${id} ${versionId} with ${JSON.stringify(packages)} is asked for ${names.join(' and ')}`, () => {
    const facts = factsOf({
      manager: 'dnf',
      system: { os: { id, versionId, idLike: [], prettyName: id } },
      ...(packages === undefined ? {} : { packages }),
    });
    const wanted = packagesFor(spec, facts).filter(
      (name) => [plugins, other].includes(name) || name.startsWith('iptables'),
    );
    assert.deepEqual(wanted.toSorted(), names.toSorted());
  });
}

test('the drop-in of crio.conf names the network, the runtimes and the policy', () => {
  const config = parseToml(textOf('/etc/crio/crio.conf.d/20-berth.conf'));
  assert.deepEqual(config, {
    crio: {
      api: { listen: '/var/run/crio/crio.sock' },
      runtime: {
        cgroup_manager: 'systemd',
        default_runtime: 'runc',
        runtimes: {
          runc: { runtime_path: '', runtime_type: 'oci' },
          crun: { runtime_path: '', runtime_type: 'oci' },
        },
      },
      image: { signature_policy: '/etc/berth/policy.json' },
      network: {
        cni_default_network: 'mynet',
        network_dir: '/etc/cni/net.d/',
        plugin_dirs: ['/opt/cni/bin', '/usr/lib/cni'],
      },
    },
  });
});

test('registries are a drop-in in which odd names stay what they are', () => {
  const config = parseToml(textOf('/etc/containers/registries.conf.d/zz-berth.conf'));
  assert.deepEqual(config, {
    'unqualified-search-registries': ['docker.io'],
    registry: [
      {
        prefix: 'docker.io',
        location: 'docker.io',
        mirror: [{ location: 'mirror.example:80', insecure: true }, { location: 'other.example/"odd"' }],
      },
      { prefix: 'localhost:5000', location: 'localhost:5000', insecure: true },
      { prefix: 'mirror.example:80', location: 'mirror.example:80', insecure: true },
      { prefix: 'bad.example', location: 'bad.example', blocked: true },
    ],
  });
});

test('the network has its ranges and a default route for each family', () => {
  const [plugin] = JSON.parse(textOf('/etc/cni/net.d/10-mynet.conflist')).plugins;
  assert.deepEqual(plugin, {
    type: 'bridge',
    bridge: 'cni0',
    isGateway: true,
    ipMasq: false,
    hairpinMode: true,
    ipam: {
      type: 'host-local',
      ranges: [[{ subnet: '10.88.0.0/16' }], [{ subnet: 'fd00:88::/64' }]],
      routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
    },
  });
});

test('masquerading by the plugin leaves our chain of it out, and pods their way through the filter', () => {
  const [network] = spec.cni.networks;
  assert.ok(network);
  const cni = { ...spec.cni, networks: [{ ...network, masquerade: 'plugin' as const }] };
  const [plugin] = JSON.parse(textOf('/etc/cni/net.d/10-mynet.conflist', bare, { cni })).plugins;
  assert.equal(plugin.ipMasq, true);
  const script = textOf('/usr/libexec/berth-masquerade', bare, { cni });
  assert.doesNotMatch(script, /^start /m);
  assert.match(script, /^forward iptables '?10\.88\.0\.0\/16'?$/m);
});

test('the masquerade script arrives at the same rules however often it runs, and takes them all away', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-masquerade-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const script = join(folder, 'masquerade');
  writeFileSync(script, textOf('/usr/libexec/berth-masquerade'), { mode: 0o755 });
  const steps = [
    'iptables -P FORWARD DROP && iptables -A FORWARD -s 192.0.2.7 -j DROP',
    'iptables -A FORWARD -j REJECT --reject-with icmp-host-prohibited',
    'iptables -t nat -A POSTROUTING -s 192.0.2.0/24 -j MASQUERADE',
    `sh ${script} start && sh ${script} start`,
    'iptables -t nat -S && ip6tables -t nat -S && iptables -S && ip6tables -S; echo ---',
    `sh ${script} stop && sh ${script} stop && iptables -t nat -S && iptables -S && ip6tables -t nat -S && ip6tables -S`,
  ].join(' && ');
  // A network namespace of its own: the machine's rules are not touched.
  const output = execFileSync('unshare', ['-n', 'sh', '-c', steps], { encoding: 'utf8' });
  const rules = (text = '') => text.split('\n').filter((line) => /^-[AN]/.test(line));
  const [started, stopped] = output.split('---\n');
  assert.deepEqual(rules(started), [
    '-N BERTH-MASQUERADE',
    '-A POSTROUTING -s 192.0.2.0/24 -j MASQUERADE',
    '-A POSTROUTING -j BERTH-MASQUERADE',
    '-A BERTH-MASQUERADE -s 10.88.0.0/16 -d 10.88.0.0/16 -j RETURN',
    '-A BERTH-MASQUERADE -s 10.88.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE',
    '-N BERTH-MASQUERADE',
    '-A POSTROUTING -j BERTH-MASQUERADE',
    '-A BERTH-MASQUERADE -s fd00:88::/64 -d fd00:88::/64 -j RETURN',
    '-A BERTH-MASQUERADE -s fd00:88::/64 ! -d ff00::/8 -j MASQUERADE',
    // After what others refuse by name, before what refuses all the rest.
    '-N BERTH-FORWARD',
    '-A FORWARD -s 192.0.2.7/32 -j DROP',
    '-A FORWARD -j BERTH-FORWARD',
    '-A FORWARD -j REJECT --reject-with icmp-host-prohibited',
    '-A BERTH-FORWARD -s 10.88.0.0/16 -j ACCEPT',
    '-A BERTH-FORWARD -d 10.88.0.0/16 -j ACCEPT',
    '-N BERTH-FORWARD',
    '-A FORWARD -j BERTH-FORWARD',
    '-A BERTH-FORWARD -s fd00:88::/64 -j ACCEPT',
    '-A BERTH-FORWARD -d fd00:88::/64 -j ACCEPT',
  ]);
  assert.deepEqual(rules(stopped), [
    '-A POSTROUTING -s 192.0.2.0/24 -j MASQUERADE',
    '-A FORWARD -s 192.0.2.7/32 -j DROP',
    '-A FORWARD -j REJECT --reject-with icmp-host-prohibited',
  ]);
});

test('the units keep containers alive through restarts, and systemd-analyze has nothing to say', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-units-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['berthd', 'berth-shim', 'berth-masquerade']) {
    const text = textOf(`/etc/systemd/system/${name}.service`);
    const service = new Map(parseUnitFile(text).get('Service'));
    if (name !== 'berth-masquerade') {
      assert.equal(service.get('KillMode'), 'process');
      assert.equal(service.get('Delegate'), 'yes');
      assert.equal(service.get('Type'), 'notify');
      assert.equal(service.get('WatchdogSec'), '60');
      assert.equal(service.get('OOMScoreAdjust'), '-999');
      assert.equal(service.get('SyslogIdentifier'), name);
      // Containers inherit it from the shim; and in a sandbox nobody would see their mounts.
      for (const key of service.keys()) assert.doesNotMatch(key, /^(LimitNOFILE|Protect|Private|ReadOnly)/);
    }
    // The programs are not on this machine; everything else is checked by systemd itself.
    writeFileSync(
      join(folder, `${name}.service`),
      text.replace(/^(ExecStart|ExecStop|ExecReload)=\/usr\/lib.*$/gm, '$1=/bin/true'),
    );
  }
  execFileSync(
    'systemd-analyze',
    [
      'verify',
      '--man=no',
      join(folder, 'berthd.service'),
      join(folder, 'berth-shim.service'),
      join(folder, 'berth-masquerade.service'),
    ],
    { stdio: 'pipe' },
  );
});

test('modules are named for the next boot only where the kernel has modules', () => {
  assert.ok(plan(bare).changes.some(({ id }) => id === 'file:/etc/modules-load.d/berth.conf'));
  const container = plan({ ...bare, hasModuleTree: false });
  assert.ok(!container.changes.some(({ id }) => id === 'file:/etc/modules-load.d/berth.conf'));
  assert.deepEqual(container.notes, [
    'the kernel belongs to the machine around this host, which must load overlay, br_netfilter at its boot',
  ]);
});

test('foreign configuration stays, and is told', () => {
  const { changes, notes } = plan({
    ...bare,
    files: {
      '/etc/cni/net.d/00-foreign.conflist': { text: '{}' },
      '/etc/cni/net.d/README': { text: 'x' },
      '/etc/containers/policy.json': { text: '{"default":[{"type":"reject"}]}' },
    },
  });
  assert.deepEqual(notes, [
    "/etc/cni/net.d/00-foreign.conflist is not berth's and stays; pods use mynet",
    "/etc/containers/policy.json is not berth's and stays; pods are judged by /etc/berth/policy.json",
  ]);
  const touched = changes.flatMap(({ steps }) =>
    steps.flatMap((step) => ('path' in step ? [step.path] : [])),
  );
  assert.ok(!touched.includes('/etc/containers/policy.json'));
  assert.ok(!touched.includes('/etc/cni/net.d/00-foreign.conflist'));
});

test('a template that renders nonsense is refused before it goes anywhere', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-templates-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'a.json.hbs'), '{ "name": {{name}} }');
  writeFileSync(join(folder, 'b.service.hbs'), 'Setting=outside\n');
  const renderThese = await loadTemplates(undefined, folder);
  const fails = (path: string, values: Record<string, unknown>, text: RegExp) =>
    assert.throws(
      () => renderThese(path, values),
      (error) => error instanceof Error && text.test(error.message),
    );
  assert.equal(renderThese('/a.json', { name: '"x"' }), '{ "name": "x" }');
  fails('/a.json', { name: 'unquoted' }, /a\.json\.hbs: what it makes for \/a\.json is not valid/);
  fails('/a.json', {}, /a\.json\.hbs:1: "name" not defined/);
  fails('/b.service', {}, /line 1 is no setting in a section/);
  fails('/c', {}, /no template/);
});

/** Files of berth by the names that they had, and those that they have. */
const renamedFiles = [
  ['/etc/crio/policy.json', '/etc/berth/policy.json'],
  ['/etc/crio/crio.conf.d/10-berth.conf', '/etc/crio/crio.conf.d/20-berth.conf'],
  ['/etc/containers/registries.conf.d/50-berth.conf', '/etc/containers/registries.conf.d/zz-berth.conf'],
] as const;

for (const [before, now] of renamedFiles)
  test(`a template of the user in the former place ${before} is refused with the new one`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'berth-templates-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(join(folder, dirname(before)), { recursive: true });
    writeFileSync(join(folder, `${before}.hbs`), '{}');
    await assert.rejects(loadTemplates(folder), (error) => {
      assert.ok(error instanceof Fail);
      assert.equal(error.code, 'BadProfile');
      assert.equal(
        error.message,
        `${join(folder, before)}.hbs: the file of berth whose place this template takes is ${now} now`,
      );
      assert.equal(error.hint, `Move the template to ${now.slice(1)}.hbs in its folder.`);
      return true;
    });
  });

test('a node with files under their former names gets the new ones, loses the old, and is restarted', () => {
  for (const engine of ['berth', 'cri-o'] as const) {
    const { changes } = plan(
      {
        ...bare,
        files: Object.fromEntries(renamedFiles.map(([before]) => [before, { text: '{}' }])),
        origins: renamedFiles.map(([path]) => ({ kind: 'file', path, before: { kind: 'absent' } })),
        applied: Object.fromEntries(renamedFiles.map(([before]) => [before, sha256Of('{}')])),
      },
      { engine: engine === 'berth' ? { name: engine } : { name: engine, version: '1.33' } },
    );
    const actions = new Map(changes.map(({ id, action }) => [id, action]));
    for (const [before, now] of renamedFiles) {
      assert.equal(actions.get(`file:${before}`), 'delete', `${engine}: ${before}`);
      assert.equal(actions.get(`file:${now}`), 'create', `${engine}: ${now}`);
    }
    const unit = engine === 'berth' ? 'berthd.service' : 'crio.service';
    const stale = changes.filter(({ makesStale }) => makesStale?.includes(unit)).map(({ id }) => id);
    for (const [before] of renamedFiles) assert.ok(stale.includes(`file:${before}`), `${engine}: ${before}`);
  }
});

test('hosts that berth cannot make a node of are refused with the reason', () => {
  const facts = factsOf(bare);
  const refused = (changed: Partial<typeof facts>, text: RegExp) =>
    assert.throws(
      () => requireSupported({ ...facts, ...changed }),
      (error) => error instanceof Fail && error.code === 'Unsupported' && text.test(error.message),
    );
  assert.equal(requireSupported(facts), 'x64');
  refused({ system: { ...facts.system, arch: undefined, machine: 'riscv64' } }, /riscv64 is not supported/);
  refused({ system: { ...facts.system, systemd: undefined } }, /does not run systemd/);
  refused({ system: { ...facts.system, missingTools: ['flock'] } }, /lacks flock/);
  refused({ packages: { ...facts.packages, manager: undefined } }, /neither apt-get nor dnf/);
});

const podsStep = (short: ShortFacts) =>
  planNodeRemoval(
    spec,
    factsOf({ files: { '/run/berth': { folder: 'full' }, ...short.files }, ...units(short) }),
  )
    .changes.filter(({ id }) => id === 'pods')
    .flatMap(({ steps }) => steps.map((step) => (step.kind === 'run' ? step.argv.join(' ') : step.kind)));

const units = ({ units }: ShortFacts) => (units === undefined ? {} : { units });
const crictlFile = { '/usr/local/bin/crictl': { sha256: 'c' } };
const livePods = { '/run/berth/pods': { folder: 'full' } } as const;

test('a reset asks a running daemon to end its pods', () => {
  const running = { 'berthd.service': { activeState: 'active' } };
  const steps = podsStep({ files: crictlFile, units: running });
  assert.equal(steps.length, 2);
  assert.match(steps[0] ?? '', /crictl .*rmp --all --force$/);
  assert.match(steps[1] ?? '', /CNI-HOSTPORT/);
});

test('a reset starts a daemon that is down while pods live, and only then', () => {
  assert.ok(removalRequest(spec).files.includes('/run/berth/pods'));
  const steps = podsStep({ files: { ...crictlFile, ...livePods } });
  assert.match(steps[0] ?? '', /systemctl start .*berthd\.service$/s);
  assert.match(steps[1] ?? '', /crictl .*rmp --all --force$/);
  assert.equal(steps[2], 'systemctl stop berthd.service');
  assert.deepEqual(podsStep({ files: { ...crictlFile, '/run/berth/pods': { folder: 'empty' } } }), []);
});

test('a reset of a host with live pods and no crictl says what to do instead', () => {
  assert.throws(
    () => podsStep({ files: livePods }),
    (error) => error instanceof Fail && error.code === 'Unsupported' && /berth apply/.test(error.hint ?? ''),
  );
});

test('pods with IPv6 addresses on a host that does not forward them are worth a note', () => {
  const key = 'net.ipv6.conf.all.forwarding';
  const notesWith = (value: string, sysctls = spec.kernel.sysctls) =>
    plan(
      { ...bare, sysctls: { ...bare.sysctls, [key]: { value } } },
      { kernel: { ...spec.kernel, sysctls } },
    ).notes.filter((note) => note.includes('IPv6'));
  assert.ok(probeRequest(spec).sysctls.includes(key));
  assert.equal(notesWith('0').length, 1);
  assert.deepEqual(notesWith('1'), []);
  assert.deepEqual(notesWith('0', { ...spec.kernel.sysctls, [key]: '1' }), []);
});
