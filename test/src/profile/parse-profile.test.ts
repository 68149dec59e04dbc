import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import test from 'node:test';
import { Fail } from '../../../src/core/fail.ts';
import { parseProfile } from '../../../src/profile/parse-profile.ts';
import { problemsOf } from '../../../src/profile/problem.ts';
import type { Spec } from '../../../src/profile/profile.ts';

const file = '/etc/berth/fleet.yaml';
const parse = (text: string) => parseProfile(text, file);
const specOf = (text: string): Spec => {
  const [host] = parse(text).hosts;
  assert.ok(host);
  return host.spec;
};

/** Messages with their places, without the frames. */
const problems = (text: string): string[] => {
  try {
    parse(text);
  } catch (error) {
    assert.ok(error instanceof Fail);
    return problemsOf(error).map(({ line, column, message }) => `${line}:${column} ${message}`);
  }
  return [];
};

test('hosts alone make a profile whose defaults are a correct node', () => {
  const [host] = parse('hosts: [{ name: a, ssh: { host: 192.0.2.1 } }]').hosts;
  assert.ok(host);
  const { spec, ...access } = host;
  assert.deepEqual(
    [access],
    [
      {
        name: 'a',
        groups: [],
        address: {
          kind: 'ssh',
          ssh: {
            host: '192.0.2.1',
            port: undefined,
            user: undefined,
            identityFiles: [],
            password: undefined,
            knownHostsFiles: [],
          },
        },
        sudo: true,
        sudoPassword: undefined,
      },
    ],
  );
  assert.deepEqual(spec, {
    engine: { name: 'berth' },
    ociRuntimes: [{ name: 'runc', source: 'package', args: [] }],
    crictl: { version: '1.37.0', source: 'pinned' },
    cni: {
      provider: 'berth',
      plugins: { source: 'package' },
      networks: [
        { name: 'mynet', type: 'bridge', bridge: 'cni0', subnets: ['10.88.0.0/16'], masquerade: 'node' },
      ],
      pluginDirs: ['/opt/cni/bin', '/usr/lib/cni', '/usr/libexec/cni'],
    },
    registries: {
      unqualifiedSearch: ['docker.io', 'quay.io'],
      insecure: [],
      blocked: [],
      mirrors: [],
      auth: [],
    },
    policy: { default: 'accept', rules: [] },
    kernel: {
      modules: ['overlay', 'br_netfilter'],
      sysctls: {
        'net.ipv4.ip_forward': '1',
        'net.bridge.bridge-nf-call-iptables': '1',
        'net.bridge.bridge-nf-call-ip6tables': '1',
      },
    },
    swap: 'keep',
    timeSync: 'keep',
    proxy: { no: [] },
    packages: { extra: [], ostree: 'refuse' },
    artifacts: { source: 'auto', mirror: undefined, folder: undefined },
    generations: { keep: 10 },
    verify: {
      level: 'node',
      image: 'quay.io/crio/redis:alpine',
      imageSource: 'registry',
      hostPort: 18_736,
      critestImages: {},
    },
  });
});

test('an empty spec and empty sections are the same as none', () => {
  const short = specOf('hosts: [{ name: a, local: {} }]');
  assert.deepEqual(
    specOf('hosts: [{ name: a, local: {} }]\nspec: { kernel: {}, cni: {}, verify: {} }'),
    short,
  );
});

test('defaults hold for hosts that do not say otherwise', () => {
  const { hosts } = parse(`
defaults: { sudo: false, ssh: { user: ops, port: 2222, identityFiles: [key] } }
hosts:
  - { name: a, ssh: { host: a.example } }
  - { name: b, ssh: { host: b.example, user: root, identityFiles: [] }, sudo: true }
  - { name: c, local: {} }
`);
  const ssh = hosts.map(({ address }) => (address.kind === 'ssh' ? address.ssh : undefined));
  assert.deepEqual(
    ssh.map((address) => address && [address.user, address.port, address.identityFiles]),
    [['ops', 2222, ['/etc/berth/key']], ['root', 2222, []], undefined],
  );
  assert.deepEqual(
    hosts.map(({ sudo }) => sudo),
    [false, true, false],
  );
});

test('paths are relative to the profile, and ~ is the home folder', () => {
  const { hosts } = parse(`
hosts:
  - name: a
    ssh: { host: a, identityFiles: [keys/a, ~/b, /c], knownHostsFiles: [../known_hosts], password: { file: secret } }
spec: { artifacts: { source: folder, folder: archive } }
`);
  const address = hosts[0]?.address;
  assert.ok(address?.kind === 'ssh');
  assert.deepEqual(address.ssh.identityFiles, ['/etc/berth/keys/a', `${homedir()}/b`, '/c']);
  assert.deepEqual(address.ssh.knownHostsFiles, ['/etc/known_hosts']);
  assert.deepEqual(address.ssh.password, { kind: 'file', path: '/etc/berth/secret' });
  assert.equal(hosts[0]?.spec.artifacts.folder, '/etc/berth/archive');
});

test('hosts that share a secret of the defaults share one source, so that it is asked for once', () => {
  const { hosts } = parse(`
defaults: { sudoPassword: { prompt: true } }
hosts:
  - { name: a, local: {} }
  - { name: b, local: {} }
  - { name: c, local: {}, sudoPassword: { prompt: true } }
`);
  const [a, b, c] = hosts.map((host) => host.sudoPassword);
  assert.deepEqual(a, { kind: 'prompt' });
  assert.equal(a, b);
  assert.notEqual(a, c);
});

test('modules and kernel parameters are added to those that every node needs', () => {
  const { kernel } = specOf(`
hosts: [{ name: a, local: {} }]
spec: { kernel: { modules: [br_netfilter, ip_vs], sysctls: { vm.swappiness: 10, net.ipv4.ip_forward: "2", kernel.panic: true } } }
`);
  assert.deepEqual(kernel.modules, ['overlay', 'br_netfilter', 'ip_vs']);
  assert.equal(kernel.sysctls['vm.swappiness'], '10');
  assert.equal(kernel.sysctls['net.ipv4.ip_forward'], '2');
  assert.equal(kernel.sysctls['kernel.panic'], '1');
  assert.equal(kernel.sysctls['net.bridge.bridge-nf-call-iptables'], '1');
});

test('a version may have its v', () => {
  assert.equal(
    specOf('hosts: [{ name: a, local: {} }]\nspec: { crictl: { version: v1.36.0 } }').crictl.version,
    '1.36.0',
  );
});

test('anchors may give several hosts the same values', () => {
  const { hosts } = parse(`
hosts:
  - { name: a, ssh: &via { host: proxy.example, user: ops } }
  - { name: b, ssh: *via }
`);
  assert.deepEqual(hosts[0]?.address, hosts[1]?.address);
});

test('problems of single values and of their combination come together, sorted by place', () => {
  assert.deepEqual(
    problems(
      'hosts:\n  - { name: a, local: {}, sudo: 1 }\n  - { name: a, local: {} }\nspec: { polcy: {} }\n',
    ),
    [
      '2:33 hosts[0].sudo: expected true or false, found the number 1',
      '3:13 hosts[1].name: the host name "a" is taken by hosts[0] already',
      '4:9 spec.polcy: unknown key; did you mean policy?',
    ],
  );
});

test('a line written on Windows is found at the same place', () => {
  assert.deepEqual(problems('hosts:\r\n  - name: 1\r\n    local: {}\r\n'), [
    '2:11 hosts[0].name: expected a text, found the number 1',
  ]);
});

test('a document that contains itself is refused', () => {
  assert.notDeepEqual(problems('hosts: &h [*h]'), []);
  assert.notDeepEqual(problems('hosts:\n  - &a { name: a, local: *a }'), []);
});

test('a deeply nested document is refused, not a crash', () => {
  assert.notDeepEqual(problems(`hosts: ${'['.repeat(5000)}`), []);
});

test('a password written into a profile is never repeated, wherever it stands', () => {
  for (const line of [
    'sudoPassword: hunter2',
    'pasword: hunter2',
    '"sudoPassword": hunter2',
    'ssh: { host: a, password: hunter2, prt: 1 }',
  ])
    try {
      parse(`hosts:\n  - name: a\n    ${line}\n`);
      assert.fail('the profile was accepted');
    } catch (error) {
      assert.ok(error instanceof Fail && error.code === 'BadProfile', String(error));
      assert.doesNotMatch(JSON.stringify(error.context) + error.message, /hunter2/, line);
    }
});

test('a whole number keeps all of its digits, also where a double has fewer', () => {
  const { hosts } = parseProfile(
    'hosts: [{ name: a, local: {} }]\nspec:\n  kernel:\n    sysctls:\n      fs.file-max: 9223372036854775807\n      vm.x: 9007199254740991\n',
    'p.yaml',
  );
  const sysctls: Readonly<Record<string, string>> = hosts[0]?.spec.kernel.sysctls ?? {};
  assert.deepEqual([sysctls['fs.file-max'], sysctls['vm.x']], ['9223372036854775807', '9007199254740991']);
});
