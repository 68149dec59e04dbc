import assert from 'node:assert/strict';
import test from 'node:test';
import { Fail } from '../../../src/core/fail.ts';
import { Secret } from '../../../src/core/secret.ts';
import type { HealthFacts } from '../../../src/host/facts/health.ts';
import type { Supplies } from '../../../src/node/concern.ts';
import { planNode, probeRequest } from '../../../src/node/node.ts';
import { loadTemplates } from '../../../src/node/templates.ts';
import { parseProfile } from '../../../src/profile/parse-profile.ts';
import type { Spec } from '../../../src/profile/profile.ts';
import type { Change } from '../../../src/resources/change.ts';
import { factsOf, type ShortFacts } from '../resources/facts.ts';

const supplies: Supplies = {
  release: {
    version: '2',
    files: [{ name: 'node', path: '/build/node', sha256: 'n', bytes: 1, mode: 0o755 }],
  },
  crictl: { path: '/build/crictl', sha256: 'c', bytes: 1 },
  artifacts: new Map(),
};

const render = await loadTemplates();
const specOf = (yaml: string): Spec => {
  const [host] = parseProfile(`hosts: [{ name: a, local: {} }]\nspec:\n${yaml}`, 'p.yaml').hosts;
  assert.ok(host);
  return host.spec;
};

const sound: ShortFacts = {
  modules: { overlay: 'active', br_netfilter: 'active' },
  sysctls: {
    'net.ipv4.ip_forward': { value: '1' },
    'net.bridge.bridge-nf-call-iptables': { value: '1' },
    'net.bridge.bridge-nf-call-ip6tables': { value: '1' },
  },
  units: { 'chrony.service': { activeState: 'active' } },
};

const plan = (yaml: string, facts: ShortFacts = {}) =>
  planNode({ spec: specOf(yaml), facts: factsOf({ ...sound, ...facts }), supplies, render });

/** The changes of one concern. */
const changesOf = (tag: string, yaml: string, facts: ShortFacts = {}): Change[] =>
  plan(yaml, facts).changes.filter((change) => change.tag === tag);
const summaries = (changes: readonly Change[]): string[] => changes.map(({ summary }) => summary);

const textOf = (changes: readonly Change[], path: string): string => {
  const step = changes.flatMap(({ steps }) => steps).find((one) => one.kind === 'write' && one.path === path);
  assert.ok(step?.kind === 'write' && step.content.kind === 'text', path);
  return step.content.text;
};

const health = (some: Partial<HealthFacts>): ShortFacts => ({ health: some });
const zram = { path: '/dev/zram0', type: 'partition', bytes: 4096, usedBytes: 0, priority: 100 };

test('swap stays as it is unless the profile says otherwise', () => {
  assert.deepEqual(changesOf('swap', '  {}', health({ swaps: [zram] })), []);
});

test('swap of Fedora, made by a zram generator, stays away at later boots too', () => {
  const changes = changesOf('swap', '  swap: off', {
    ...health({ swaps: [zram] }),
    files: { '/usr/lib/systemd/zram-generator.conf': { text: '[zram0]\n' } },
  });
  assert.deepEqual(summaries(changes), [
    'link /etc/systemd/system/swap.target to /dev/null',
    'write /etc/systemd/zram-generator.conf',
    'stop swapping to /dev/zram0 (4.0 KiB)',
  ]);
  assert.doesNotMatch(textOf(changes, '/etc/systemd/zram-generator.conf'), /^[^#\n]/m);
});

test('limits are floors: in a file that sorts first, and only where they are needed', () => {
  const low = {
    ...sound.sysctls,
    'fs.inotify.max_user_instances': { value: '128' },
    'fs.inotify.max_user_watches': { value: '1048576' },
  };
  const changes = changesOf('limits', '  {}', { sysctls: low });
  assert.deepEqual(summaries(changes), [
    'write /etc/sysctl.d/10-berth-limits.conf',
    'set fs.inotify.max_user_instances to 8192 (was 128)',
  ]);
  assert.match(
    textOf(changes, '/etc/sysctl.d/10-berth-limits.conf'),
    /^fs\.inotify\.max_user_instances = 8192\n$/m,
  );
  const named = '  kernel: { sysctls: { fs.inotify.max_user_instances: 256 } }';
  assert.deepEqual(changesOf('limits', named, { sysctls: low }), []);
});

test('a time service is installed, enabled and started by the names of each family', () => {
  const idle: ShortFacts = { units: { 'chrony.service': { loaded: false, activeState: 'inactive' } } };
  const apt = plan('  timeSync: chrony', idle).changes;
  assert.match(summaries(apt).join('\n'), /install .*chrony/);
  assert.deepEqual(summaries(apt.filter(({ tag }) => tag === 'time-sync')), [
    'enable chrony.service',
    'start chrony.service',
  ]);
  const dnf = changesOf('time-sync', '  timeSync: chrony', { ...idle, manager: 'dnf' });
  assert.deepEqual(summaries(dnf), ['enable chronyd.service', 'start chronyd.service']);
});

test('another time service is never replaced', () => {
  assert.throws(
    () => plan('  timeSync: timesyncd'),
    (error) =>
      error instanceof Fail &&
      error.code === 'Unsupported' &&
      /chrony\.service keeps the clock/.test(error.message),
  );
});

test('a container leaves its clock to the machine around it', () => {
  const { changes, notes } = plan('  timeSync: chrony', {
    system: { container: 'systemd-nspawn' },
    units: {},
  });
  assert.doesNotMatch(summaries(changes).join('\n'), /chrony/);
  assert.ok(notes.includes('the clock belongs to the machine around this host, which must keep it right'));
});

test('NetworkManager leaves the bridges of pods alone, where there is one', () => {
  const there = { units: { ...sound.units, 'NetworkManager.service': { activeState: 'active' } } };
  const changes = changesOf(
    'network-manager',
    '  cni: { networks: [{ name: a, bridge: br-a, subnets: [10.1.0.0/16] }, { name: b, subnets: [10.2.0.0/16] }] }',
    there,
  );
  assert.match(
    textOf(changes, '/etc/NetworkManager/conf.d/90-berth.conf'),
    /^\[keyfile\]\nunmanaged-devices\+=interface-name:br-a;interface-name:cni0\n$/m,
  );
  assert.ok(plan('  {}', there).changes.some(({ id }) => id === 'reload:NetworkManager.service'));
  assert.deepEqual(
    changesOf('network-manager', '  {}', {
      units: { ...sound.units, 'NetworkManager.service': { loaded: false } },
    }),
    [],
  );
});

test('each firewall gets the ranges of pods by its own means, and none when none is in charge', () => {
  const firewalld = { units: { ...sound.units, 'firewalld.service': { activeState: 'active' } } };
  assert.deepEqual(summaries(changesOf('firewall', '  {}', firewalld)), [
    "add 10.88.0.0/16 in firewalld's zone trusted",
  ]);
  const ufw = { files: { '/etc/ufw/ufw.conf': { text: '# x\nENABLED=yes\n' } } };
  assert.deepEqual(summaries(changesOf('firewall', '  {}', ufw)), [
    "add ufw's rule route allow from 10.88.0.0/16",
    "add ufw's rule route allow to 10.88.0.0/16",
  ]);
  assert.ok(changesOf('firewall', '  {}', ufw).every(({ guarded }) => guarded));
  assert.deepEqual(
    changesOf('firewall', '  {}', { files: { '/etc/ufw/ufw.conf': { text: 'ENABLED=no\n' } } }),
    [],
  );
});

test('a proxy is for the services that pull and for the package manager, and never for pods', () => {
  const yaml = '  proxy: { http: "http://proxy.example:3128", no: [.corp.example] }';
  const changes = plan(yaml).changes;
  const text = textOf(changes, '/etc/berth/proxy.env');
  assert.match(text, /^HTTPS_PROXY="http:\/\/proxy\.example:3128"$/m);
  assert.match(text, /^no_proxy="localhost,127\.0\.0\.0\/8,::1,10\.88\.0\.0\/16,\.corp\.example"$/m);
  const file = changes.find(({ id }) => id === 'file:/etc/berth/proxy.env');
  assert.deepEqual(file?.makesStale, ['berth-shim.service', 'berthd.service']);
  assert.ok(file?.steps.every((step) => step.kind === 'write' && step.mode === 0o600));
  const installs = changes.find(({ id }) => id === 'packages')?.steps ?? [];
  assert.ok(installs.length > 0);
  for (const step of installs)
    assert.ok(step.kind === 'run' && step.env?.['https_proxy'] === 'http://proxy.example:3128');
});

test('an address of a proxy that a shell would read differently is refused', () => {
  for (const address of ['http://proxy.example/$(id)', 'proxy.example:3128'])
    assert.throws(() => specOf(`  proxy: { http: '${address}' }`), Fail, address);
});

const enforcing = (semanage: boolean, types: Record<string, string> = {}): ShortFacts => ({
  manager: 'dnf',
  ...health({ selinux: { enforcing: true, semanage, types: new Map(Object.entries(types)) } }),
});

test('SELinux: the policy of containers, lasting contexts, and labels as they say', () => {
  const facts = enforcing(true, { '/var/lib/berth': 'var_lib_t' });
  assert.match(summaries(plan('  {}', facts).changes).join('\n'), /install .*container-selinux/);
  assert.deepEqual(
    changesOf('selinux', '  {}', facts).map(({ summary, steps }) =>
      [summary, ...steps.map((step) => (step.kind === 'run' ? step.argv[0] : step.kind))].join(' | '),
    ),
    [
      'add SELinux file context of /usr/lib/berth/[^/]+/node | sh',
      'add SELinux file context of /var/lib/berth(/.*)? | sh',
      'label /usr/lib/berth/2/node as container_runtime_exec_t | restorecon',
      'label /var/lib/berth as container_var_lib_t | restorecon',
    ],
  );
});

test('SELinux without the tools of its policy: labels now, and a note that they do not last', () => {
  const { notes } = plan('  {}', enforcing(false));
  assert.ok(notes.some((note) => note.startsWith('semanage is missing')));
  const [change, ...others] = changesOf('selinux', '  {}', enforcing(false));
  assert.equal(others.length, 0);
  assert.deepEqual(
    change?.steps.map((step) => (step.kind === 'run' ? step.argv : [])),
    [['chcon', '-R', '-t', 'container_runtime_exec_t', '/usr/lib/berth/2/node']],
  );
});

test('SELinux with everything labelled is no change, and without SELinux nothing is asked for', () => {
  const labelled = enforcing(true, {
    '/usr/lib/berth/2/node': 'container_runtime_exec_t',
    '/var/lib/berth': 'container_var_lib_t',
  });
  const contexts =
    '/usr/lib/berth/[^/]+/node system_u:object_r:container_runtime_exec_t:s0\n/var/lib/berth(/.*)? system_u:object_r:container_var_lib_t:s0\n';
  const files = { '/etc/selinux/targeted/contexts/files/file_contexts.local': { text: contexts } };
  assert.deepEqual(changesOf('selinux', '  {}', { ...labelled, files }), []);
  assert.deepEqual(changesOf('selinux', '  {}', { manager: 'dnf' }), []);
  const { notes } = plan('  {}', { ...enforcing(true), manager: 'apt' });
  assert.ok(notes.some((note) => note.startsWith('SELinux is on, and this distribution has no policy')));
});

test('the lines of an fstab that only root may read are set aside and brought back without being shown', () => {
  const text = '//nas/x /srv cifs password=tOp-SeCrEt 0 0\n/swap none swap sw 0 0\n';
  const files = { '/etc/fstab': { text, mode: '600' } };
  const [change] = changesOf('swap', '  swap: off', { files });
  const [write] = change?.steps ?? [];
  assert.ok(write?.kind === 'write' && write.content.kind === 'secret');
  assert.equal(write.mode, 0o600);
  assert.equal(write.content.text.reveal(), text.replace('/swap', '#berth# /swap'));
  assert.equal(change?.diff, undefined);
  assert.doesNotMatch(JSON.stringify(change), /tOp-SeCrEt/);
  const set: ShortFacts = {
    files: { '/etc/fstab': { text: write.content.text.reveal(), mode: '600' } },
    origins: [
      { kind: 'file', path: '/etc/fstab', before: { kind: 'file', sha256: 'x', mode: 0o600, owner: '0:0' } },
      { kind: 'lines', name: '/etc/fstab' },
    ],
  };
  assert.deepEqual(summaries(changesOf('swap', '  swap: off', set)), [
    'link /etc/systemd/system/swap.target to /dev/null',
  ]);
  const back = plan('  swap: keep', set).changes.find(({ id }) => id === 'file:/etc/fstab');
  const [step] = back?.steps ?? [];
  assert.ok(step?.kind === 'write' && step.content.kind === 'secret');
  assert.equal(step.content.text.reveal(), text);
  assert.doesNotMatch(JSON.stringify(back), /tOp-SeCrEt/);
});

test('the address of a proxy is a secret when it has a login, and only then', () => {
  const files = (yaml: string) => changesOf('proxy', yaml).map(({ summary }) => summary);
  assert.deepEqual(files('  proxy: { http: "http://proxy.example:3128" }'), ['write /etc/berth/proxy.env']);
  assert.throws(() => files('  proxy: { http: "http://a:b@proxy.example:3128" }'), /was not read/);
  const spec = specOf('  proxy: { http: "http://a:b%20c@proxy.example:3128", https: { env: PROXY } }');
  assert.doesNotMatch(JSON.stringify(spec), /b%20c|b c/);
  const { http, https } = spec.proxy;
  assert.ok(typeof http === 'object' && http.kind === 'profile' && typeof https === 'object');
  const secrets = new Map([
    [http, http.value],
    [https, new Secret('http://x y')],
  ]);
  const given = { spec, facts: factsOf(sound), supplies, render };
  assert.throws(
    () => planNode({ ...given, secrets }),
    (error) => error instanceof Fail && error.code === 'BadUsage' && !error.message.includes('x y'),
  );
});

test('what the concerns look at is asked of the host in the one probe', () => {
  const { files, units } = probeRequest(specOf('  swap: off'));
  for (const path of [
    '/etc/fstab',
    '/etc/firewalld/zones/trusted.xml',
    '/etc/ufw/ufw.conf',
    '/etc/berth/proxy.env',
  ])
    assert.ok(files.includes(path), path);
  for (const unit of [
    'firewalld.service',
    'NetworkManager.service',
    'systemd-timesyncd.service',
    'kubelet.service',
  ])
    assert.ok(units.includes(unit), unit);
});
