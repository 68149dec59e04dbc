import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { Fail } from '../../../src/core/fail.ts';
import { loadProfile, type ProfileAdditions } from '../../../src/profile/load-profile.ts';
import { problemsOf } from '../../../src/profile/problem.ts';
import type { HostEntry, Profile } from '../../../src/profile/profile.ts';

type Files = Readonly<Record<string, string>>;

const folderWith = (t: TestContext, files: Files): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-fleet-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
};

/** Loads fleet.yaml of the files; overlays are named among them. */
const load = async (t: TestContext, files: Files, more: Partial<ProfileAdditions> = {}): Promise<Profile> => {
  const folder = folderWith(t, files);
  const overlays = (more.overlays ?? []).map((name) => join(folder, name));
  return await loadProfile(join(folder, 'fleet.yaml'), { overlays, set: more.set ?? [] });
};

const hostOf = ({ hosts }: Profile, name: string): HostEntry => {
  const host = hosts.find((one) => one.name === name);
  assert.ok(host, name);
  return host;
};

const sshOf = (profile: Profile, name: string) => {
  const { address } = hostOf(profile, name);
  assert.ok(address.kind === 'ssh');
  return address.ssh;
};

const problems = async (loading: Promise<Profile>): Promise<string[]> => {
  try {
    await loading;
  } catch (error) {
    assert.ok(error instanceof Fail, String(error));
    return problemsOf(error).map(
      ({ file, line, column, message }) => `${file.split('/').at(-1)}:${line}:${column} ${message}`,
    );
  }
  return [];
};

test('included files are the ground, later ones win, the file itself wins over them, and an overlay over all', async (t) => {
  const files = {
    'fleet.yaml': `
include: [base.yaml, site/site.yaml]
hosts: [{ name: a, local: {} }]
spec: { kernel: { sysctls: { vm.swappiness: 3 } } }
`,
    'base.yaml': `
spec:
  kernel: { modules: [ip_vs, dummy], sysctls: { vm.swappiness: 1, kernel.panic: 1, vm.max_map_count: 1, fs.nr_open: 1 } }
`,
    'site/site.yaml': `
include: [deeper.yaml]
spec: { kernel: { modules: [nf_tables], sysctls: { vm.swappiness: 2, kernel.panic: 2 } } }
`,
    'site/deeper.yaml': 'spec: { kernel: { sysctls: { kernel.panic: 9, vm.max_map_count: 2 } } }',
    'prod.yaml': 'spec: { kernel: { sysctls: { vm.swappiness: 4 } }, policy: { default: reject } }',
    'last.yaml': 'spec: { policy: { default: accept } }',
  };
  const { kernel, policy } = hostOf(await load(t, files, { overlays: ['prod.yaml', 'last.yaml'] }), 'a').spec;
  assert.deepEqual(
    ['vm.swappiness', 'kernel.panic', 'vm.max_map_count', 'fs.nr_open'].map((name) => kernel.sysctls[name]),
    ['4', '2', '2', '1'],
  );
  // Lists replace; what every node needs comes on top.
  assert.deepEqual(kernel.modules, ['overlay', 'br_netfilter', 'nf_tables']);
  assert.equal(policy.default, 'accept');
});

test('a host has the base, its groups in its own order, then its own words; hosts alike share one spec', async (t) => {
  const profile = await load(t, {
    'fleet.yaml': `
spec: { kernel: { sysctls: { vm.swappiness: 1, kernel.panic: 1, fs.nr_open: 1 } }, registries: { insecure: [a.example] } }
defaults: { ssh: { user: ops, port: 22 }, sudoPassword: { env: BASE } }
groups:
  edge: { ssh: { user: edge }, spec: { kernel: { sysctls: { vm.swappiness: 2, kernel.panic: 2 } } } }
  big: { sudo: false, spec: { kernel: { sysctls: { vm.swappiness: 3 } }, registries: { insecure: [] } } }
hosts:
  - { name: plain, ssh: { host: p } }
  - { name: one, ssh: { host: o }, groups: [edge, big] }
  - { name: two, ssh: { host: t, port: 2222 }, groups: [big, edge], sudoPassword: { file: pw } }
  - { name: like-one, ssh: { host: l }, groups: [edge, big] }
  - { name: own, local: {}, groups: [edge], spec: { kernel: { sysctls: { kernel.panic: 9 } } } }
`,
  });
  const sysctls = (name: string) => {
    const { sysctls: all } = hostOf(profile, name).spec.kernel;
    return [all['vm.swappiness'], all['kernel.panic'], all['fs.nr_open']];
  };
  assert.deepEqual(sysctls('plain'), ['1', '1', '1']);
  assert.deepEqual(sysctls('one'), ['3', '2', '1']);
  assert.deepEqual(sysctls('two'), ['2', '2', '1']);
  assert.deepEqual(sysctls('own'), ['2', '9', '1']);
  assert.deepEqual(hostOf(profile, 'one').spec.registries.insecure, []);
  assert.equal(hostOf(profile, 'one').spec, hostOf(profile, 'like-one').spec);
  assert.deepEqual(hostOf(profile, 'two').groups, ['big', 'edge']);
  assert.deepEqual([sshOf(profile, 'plain').user, sshOf(profile, 'one').user], ['ops', 'edge']);
  assert.deepEqual([sshOf(profile, 'one').port, sshOf(profile, 'two').port], [22, 2222]);
  assert.deepEqual([hostOf(profile, 'plain').sudo, hostOf(profile, 'one').sudo], [true, false]);
  // A source of a secret is one value: a file does not join with the variable below it.
  assert.equal(hostOf(profile, 'two').sudoPassword?.kind, 'file');
  assert.equal(hostOf(profile, 'one').sudoPassword, hostOf(profile, 'plain').sudoPassword);
});

test('variables are replaced in texts anywhere, per host, and become what the key wants', async (t) => {
  const profile = await load(
    t,
    {
      'fleet.yaml': `
include: [vars.yaml]
defaults: { ssh: { user: "\${user}", port: "\${port}" } }
groups: { edge: { vars: { user: edge, domain: "edge.\${tld}" } } }
hosts:
  - { name: a, ssh: { host: "a.\${domain}" } }
  - { name: b, ssh: { host: "b.\${domain}" }, groups: [edge] }
  - { name: c, ssh: { host: "c.\${domain}" }, groups: [edge], vars: { user: root } }
spec:
  registries: { mirrors: [{ registry: docker.io, mirrors: ["\${mirror}/hub", "x.example/a\${release}b"] }] }
  kernel: { sysctls: { kernel.core_pattern: "$\${HOME}-\${panic}" } }
`,
      'vars.yaml':
        'vars: { user: ops, port: 2222, tld: example, domain: "${tld}", mirror: m.example, panic: 010, release: 1.30 }',
    },
    { set: ['mirror=set.example', 'port=2200'] },
  );
  assert.deepEqual(
    ['a', 'b', 'c'].map((name) => [sshOf(profile, name).host, sshOf(profile, name).user]),
    [
      ['a.example', 'ops'],
      ['b.edge.example', 'edge'],
      ['c.edge.example', 'root'],
    ],
  );
  assert.equal(sshOf(profile, 'a').port, 2200);
  const { registries, kernel } = hostOf(profile, 'a').spec;
  // A number is taken as it is written.
  assert.deepEqual(registries.mirrors[0]?.mirrors, ['set.example/hub', 'x.example/a1.30b']);
  assert.equal(kernel.sysctls['kernel.core_pattern'], '${HOME}-010');
});

test('variables from outside that are no secrets stand anywhere; a secret stands where a secret may', async (t) => {
  process.env['BERTH_TEST_REGION'] = 'eu';
  t.after(() => delete process.env['BERTH_TEST_REGION']);
  const profile = await load(t, {
    'fleet.yaml': `
vars:
  region: { env: BERTH_TEST_REGION, secret: false }
  zone: { file: parts/zone, secret: false }
  rack: { command: [sh, -c, "echo r7"], secret: false }
  token: { age: parts/token.age, identity: parts/key }
hosts: [{ name: a, ssh: { host: "\${rack}.\${zone}.\${region}", password: "\${token}" } }]
`,
    'parts/zone': 'b\n',
  });
  const { host, password } = sshOf(profile, 'a');
  assert.equal(host, 'r7.b.eu');
  assert.equal(password?.kind, 'age');
  const folder = dirname(profile.file);
  assert.deepEqual(password, {
    kind: 'age',
    path: join(folder, 'parts/token.age'),
    identity: join(folder, 'parts/key'),
  });
});

test('paths are relative to the file in which they stand', async (t) => {
  const profile = await load(t, {
    'fleet.yaml': 'include: [site/site.yaml]\nhosts: [{ name: a, ssh: { host: a } }]',
    'site/site.yaml':
      'defaults: { ssh: { identityFiles: [keys/a] }, sudoPassword: { command: [./password] } }',
  });
  const folder = dirname(profile.file);
  assert.deepEqual(sshOf(profile, 'a').identityFiles, [join(folder, 'site/keys/a')]);
  const { sudoPassword } = hostOf(profile, 'a');
  assert.ok(sudoPassword?.kind === 'command');
  assert.equal(sudoPassword.folder, join(folder, 'site'));
});

test('what is wrong on one host alone is told where the value stands that makes it wrong', async (t) => {
  const found = await problems(
    load(
      t,
      {
        'fleet.yaml': `
include: [groups.yaml]
hosts:
  - { name: a, local: {} }
  - { name: b, local: {}, groups: [served] }
  - { name: c, local: {}, groups: [served] }
`,
        'groups.yaml': `
groups:
  served:
    spec: { verify: { imageSource: embedded } }
`,
        'image.yaml': 'spec: { verify: { image: localhost:5000/redis } }',
      },
      { overlays: ['image.yaml'] },
    ),
  );
  assert.deepEqual(found, [
    'image.yaml:1:26 spec.verify.image: localhost:5000 speaks no TLS: add it to spec.registries.insecure',
  ]);
});

test('an overlay that is not there is named', async (t) => {
  const folder = folderWith(t, { 'fleet.yaml': 'hosts: [{ name: a, local: {} }]' });
  await assert.rejects(
    loadProfile(join(folder, 'fleet.yaml'), { overlays: [join(folder, 'prod.yaml')], set: [] }),
    (error) =>
      error instanceof Fail && /cannot read the overlay .*prod\.yaml: there is no/.test(error.message),
  );
});

test('files that include each other without end are refused at a depth of ten', async (t) => {
  const files = Object.fromEntries(
    Array.from({ length: 12 }, (_, index) => [`f${index}.yaml`, `include: [f${index + 1}.yaml]`]),
  );
  const found = await problems(
    load(t, {
      ...files,
      'fleet.yaml': 'include: [f0.yaml]\nhosts: [{ name: a, local: {} }]',
      'f12.yaml': '{}',
    }),
  );
  assert.equal(found.length, 1);
  assert.match(found[0] ?? '', /^f9\.yaml:1:11 include\[0\]: .*11 files deep, at most 10/);
});
