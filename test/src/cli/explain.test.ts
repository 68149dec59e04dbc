import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { runBerth } from './run-berth.ts';

const fleetIn = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-explain-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(
    join(folder, 'base.yaml'),
    'vars: { subnet: 10.42.0.0/16 }\nspec: { kernel: { sysctls: { vm.swappiness: 1 } } }\n',
  );
  writeFileSync(
    join(folder, 'fleet.yaml'),
    `include: [base.yaml]
groups:
  edge: { spec: { kernel: { sysctls: { vm.swappiness: 2 } } } }
hosts:
  - { name: a, ssh: { host: 192.0.2.1 }, groups: [edge], spec: { kernel: { sysctls: { vm.swappiness: 3 } } } }
  - { name: b, ssh: { host: 192.0.2.2 } }
spec:
  cni: { networks: [{ name: pods, subnets: ["\${subnet}"] }] }
`,
  );
  return folder;
};

const explain = async (folder: string, path: string, ...more: string[]) => {
  const ran = await runBerth(['explain', 'fleet.yaml', path, '--offline', '--json', ...more], {
    cwd: folder,
  });
  const told = ran.stdout.split('\n').find((line) => line.includes('"explained"'));
  return { ...ran, told: told === undefined ? undefined : JSON.parse(told) };
};

test('the line that decides comes first, then what it won over, down to the default', async (t) => {
  const folder = fleetIn(t);
  const { told } = await explain(folder, 'spec.kernel.sysctls.vm.swappiness', '--host', 'a');
  assert.deepEqual(
    told.sayings.map((say: Record<string, unknown>) => [
      say['file'],
      say['line'],
      say['layer'],
      say['part'],
      say['value'],
    ]),
    [
      ['fleet.yaml', 5, 'the host itself', 'decides', 3],
      ['fleet.yaml', 3, 'the group edge', 'won over', 2],
      ['base.yaml', 2, 'the included file base.yaml', 'won over', 1],
    ],
  );
  assert.equal(told.value, '3');
  assert.deepEqual(
    told.files.map((one: { path: string; lines: { text: string }[] }) => [
      one.path,
      one.lines.map(({ text }) => text),
    ]),
    [['/etc/sysctl.d/90-berth.conf', ['vm.swappiness = 3']]],
  );
});

test('a value through a variable shows both places, and every file that it decides about', async (t) => {
  const folder = fleetIn(t);
  const { told } = await explain(folder, 'spec.cni.networks[0].subnets[0]', '--host', 'b');
  assert.deepEqual(
    told.sayings.map((say: Record<string, unknown>) => [say['file'], say['part'], say['written']]),
    [
      ['fleet.yaml', 'decides', '${subnet}'],
      ['base.yaml', 'variable', undefined],
    ],
  );
  const paths = told.files.map(({ path }: { path: string }) => path);
  assert.ok(paths.includes('/etc/cni/net.d/10-pods.conflist'), paths.join());
  assert.ok(paths.includes('/usr/libexec/berth-masquerade'), paths.join());
});

test('a default is told as one, with the setting that it becomes', async (t) => {
  const folder = fleetIn(t);
  const { told } = await explain(folder, 'spec.ociRuntimes[0].name', '--host', 'b');
  assert.deepEqual(told.sayings, []);
  assert.equal(told.fallback, 'runc');
  const settings = told.files.flatMap(({ settings: all }: { settings: string[] }) => all);
  assert.ok(settings.includes('crio.runtime.default_runtime'), settings.join());
});

test('a program that a value decides about is named, whatever file says nothing of it', async (t) => {
  const folder = fleetIn(t);
  const { told } = await explain(folder, 'spec.crictl.version', '--host', 'b');
  assert.deepEqual(told.deeds, [`bring crictl ${told.value}`]);
});

test('an unknown key has its nearest neighbour, and several hosts want a choice', async (t) => {
  const folder = fleetIn(t);
  const unknown = await explain(folder, 'spec.kernel.sysctl.vm.swappiness', '--host', 'a');
  assert.equal(unknown.exitCode, 10);
  assert.match(unknown.stdout, /spec\.kernel has no sysctl.*did you mean sysctls\?/);
  const several = await explain(folder, 'spec.policy.default');
  assert.equal(several.exitCode, 10);
  assert.match(several.stdout, /--host a/);
});
