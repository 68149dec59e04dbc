import assert from 'node:assert/strict';
import test from 'node:test';
import { adoptionOf } from '../../../src/node/adopt.ts';
import { parseProfile } from '../../../src/profile/parse-profile.ts';
import { factsOf } from '../resources/facts.ts';

const specOf = (spec: string) => {
  const { hosts } = parseProfile(`hosts: [{ name: a, local: {} }]\nspec:\n${spec}`, 'p.yaml');
  assert.ok(hosts[0]);
  return hosts[0].spec;
};

const adopt = (path: string, text: string, spec = '  policy: { default: accept }\n') => {
  const { adoptions, refused } = adoptionOf(
    `file:${path}`,
    factsOf({ files: { [path]: { text } } }),
    specOf(spec),
  );
  return { values: Object.fromEntries(adoptions.map(({ path, value }) => [path.join('.'), value])), refused };
};

test('kernel parameters are taken over one by one, as numbers where they are numbers', () => {
  const text = '# comment\nnet.ipv4.ip_forward = 1\nvm.x=  7\nnet.ipv4.tcp_rmem = 1  2\t3\n';
  const { values, refused } = adopt(
    '/etc/sysctl.d/90-berth.conf',
    text,
    '  kernel: { sysctls: { vm.x: 5, vm.gone: 1 } }\n',
  );
  assert.deepEqual(values, {
    'spec.kernel.sysctls.vm.x': 7,
    'spec.kernel.sysctls.net.ipv4.tcp_rmem': '1 2 3',
  });
  assert.equal(refused.length, 3);
  assert.match(refused.join(), /vm\.gone: the host's file has lost it/);
});

test('kernel modules are taken over without those that every node has, which cannot go', () => {
  const { values, refused } = adopt('/etc/modules-load.d/berth.conf', 'overlay\nip_vs\n');
  assert.deepEqual(values, { 'spec.kernel.modules': ['ip_vs'] });
  assert.deepEqual(refused, ['kernel module br_netfilter: every node needs it']);
});

test('registries are taken over with their mirrors; a location that the profile cannot say is told', () => {
  const text = `unqualified-search-registries = ["quay.io"]
[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "mirror.example:80"
insecure = true
[[registry]]
prefix = "bad.example"
location = "bad.example"
blocked = true
[[registry]]
prefix = "a.example"
location = "b.example"
`;
  const { values, refused } = adopt('/etc/containers/registries.conf.d/zz-berth.conf', text);
  assert.deepEqual(values, {
    'spec.registries.unqualifiedSearch': ['quay.io'],
    'spec.registries.insecure': ['mirror.example:80'],
    'spec.registries.blocked': ['bad.example'],
    'spec.registries.mirrors': [{ registry: 'docker.io', mirrors: ['mirror.example:80'] }],
  });
  assert.deepEqual(refused, ['registry a.example: the profile cannot say its location b.example']);
});

test('a network is taken over where it stands in the profile', () => {
  const conflist = (name: string) =>
    JSON.stringify({
      name,
      plugins: [
        {
          type: 'bridge',
          bridge: 'br7',
          ipMasq: true,
          ipam: { type: 'host-local', ranges: [[{ subnet: '10.99.0.0/16' }]] },
        },
      ],
    });
  assert.deepEqual(adopt('/etc/cni/net.d/10-mynet.conflist', conflist('mynet')).values, {
    'spec.cni.networks.0.bridge': 'br7',
    'spec.cni.networks.0.subnets': ['10.99.0.0/16'],
    'spec.cni.networks.0.masquerade': 'plugin',
  });
  assert.match(
    adopt('/etc/cni/net.d/10-mynet.conflist', conflist('other')).refused.join(),
    /no network other/,
  );
});

test('of crio.conf what the profile has is taken over, and the rest is told', () => {
  const text = `[crio.runtime]
default_runtime = "crun"
seccomp_profile = "/x"
[crio.runtime.runtimes.runc]
runtime_type = "oci"
[crio.runtime.runtimes.crun]
runtime_type = "oci"
[crio.network]
plugin_dirs = ["/opt/cni/bin"]
`;
  const { values, refused } = adopt('/etc/crio/crio.conf.d/20-berth.conf', text);
  assert.deepEqual(values, {
    'spec.ociRuntimes': [{ name: 'crun' }, { name: 'runc' }],
    'spec.cni.pluginDirs': ['/opt/cni/bin'],
  });
  assert.match(refused.join(), /^crio\.runtime\.seccomp_profile: .*50-local\.conf/);
});

test('what is not in its format, not there or in no key of the profile is refused in words', () => {
  assert.match(adopt('/etc/berth/policy.json', '{ "default": [').refused.join(), /not in its format/);
  assert.match(
    adopt('/etc/berth/policy.json', '{ "default": [{ "type": "signedBy" }] }').refused.join(),
    /not in its format/,
  );
  assert.match(adopt('/etc/crictl.yaml', 'timeout: 3\n').refused.join(), /no key of the profile/);
  const { refused } = adoptionOf(
    'file:/etc/berth/policy.json',
    factsOf({}),
    specOf('  policy: { default: accept }\n'),
  );
  assert.match(refused.join(), /no text on the host/);
});

test('a package that was removed goes out of the profile, unless every node needs it', () => {
  const spec = specOf('  packages: { extra: [jq, bc] }\n');
  const facts = factsOf({
    packages: { jq: { state: 'absent' }, bc: { state: 'installed' }, socat: { state: 'absent' } },
  });
  const { adoptions, refused } = adoptionOf('packages', facts, spec);
  assert.deepEqual(adoptions, [{ path: ['spec', 'packages', 'extra'], value: ['bc'] }]);
  assert.deepEqual(refused, ['package socat: a node needs it']);
});
