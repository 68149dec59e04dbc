import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { Fail } from '../../../../src/core/fail.ts';
import { findHosts, type Origin } from '../../../../src/inventory/candidates/find.ts';
import { lookIntoConfigFiles } from '../../../../src/inventory/ssh/config-files.ts';

/** The profile is where nothing typed in these tests is seen from. */
const means = { folder: '/srv/profiles', signal: new AbortController().signal };

const folderOf = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-candidates-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** A program of that name before all others; without a text there is none of that name at all. */
const withProgram = (t: TestContext, name: string, text: string | undefined): string => {
  const folder = folderOf(t);
  const path = process.env['PATH'];
  t.after(() => {
    process.env['PATH'] = path;
  });
  if (text === undefined) {
    for (const shell of ['sh', 'bash']) symlinkSync(`/bin/${shell}`, join(folder, shell));
    process.env['PATH'] = folder;
    return folder;
  }
  writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(folder, name), 0o755);
  process.env['PATH'] = `${folder}:${path}`;
  return folder;
};

const failure = async (origin: Origin): Promise<Fail> => {
  try {
    await findHosts(origin, means);
  } catch (error) {
    assert.ok(error instanceof Fail);
    return error;
  }
  throw new Error('it did not fail');
};

test('ssh_config names its hosts: no patterns, includes too', async (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, 'more'), 'Host inner\n  Port 2222\n');
  writeFileSync(
    join(folder, 'config'),
    `Host web-1 web-2 !old *.example\n  User ops\nHost *\n  ForwardAgent no\nInclude ${join(folder, 'mor?')}\nhost=db\n`,
  );
  const { aliases } = await lookIntoConfigFiles(join(folder, 'config'));
  assert.deepEqual(aliases, ['web-1', 'web-2', 'inner', 'db']);
});

/** Refuses whatever it was not told. */
const vagrant = `[ "$*" = ssh-config ] || { echo "unexpected: $*" >&2; exit 9; }
[ -e Vagrantfile ] || {
  echo 'A Vagrant environment or target machine is required to run this
command. Run vagrant init to create a new Vagrant environment. Or,
change to a directory with a Vagrantfile and to try again.' >&2
  exit 1
}
printf 'Host control\\n  HostName 127.0.0.1\\n  User vagrant\\n  Port 2222\\n\\nHost worker_1\\n  HostName 127.0.0.1\\n'`;

test('Vagrant names the machines of a folder that are up', async (t) => {
  const folder = withProgram(t, 'vagrant', vagrant);
  writeFileSync(join(folder, 'Vagrantfile'), '');
  const { candidates } = await findHosts({ kind: 'vagrant', place: folder }, means);
  assert.deepEqual(
    candidates.map(({ name, way }) => [name, way]),
    [
      ['control', { vagrant: { machine: 'control', directory: folder } }],
      ['worker-1', { vagrant: { machine: 'worker_1', directory: folder } }],
    ],
  );
});

test('Vagrant that knows no machine, has no folder, or is not there says what to do', async (t) => {
  const folder = withProgram(t, 'vagrant', vagrant);
  const unknown = await failure({ kind: 'vagrant', place: folder });
  assert.match(
    unknown.message,
    /knows no machine of .*: A Vagrant environment or target machine is required to run this command$/,
  );
  assert.match(unknown.hint ?? '', /vagrant up/);
  assert.match(
    (await failure({ kind: 'vagrant', place: join(folder, 'none') })).message,
    /there is no folder/,
  );
});

test('where there is no vagrant and no gcloud, that is said', async (t) => {
  withProgram(t, 'x', undefined);
  for (const kind of ['vagrant', 'gce'] as const) {
    const { code, hint } = await failure({ kind, place: kind === 'vagrant' ? tmpdir() : '' });
    assert.equal(code, 'Unsupported');
    assert.match(hint ?? '', /Install/);
  }
});

const instances = JSON.stringify([
  {
    name: 'node-1',
    selfLink: 'https://www.googleapis.com/compute/v1/projects/lab-1/zones/europe-west1-b/instances/node-1',
    status: 'RUNNING',
    zone: 'https://www.googleapis.com/compute/v1/projects/lab-1/zones/europe-west1-b',
  },
]);

test('GCE: gcloud lists the running instances of a project', async (t) => {
  withProgram(
    t,
    'gcloud',
    `[ "$*" = 'compute instances list --quiet --filter=status=RUNNING --format=json(name,selfLink,zone,status) --project=lab-1' ] ||
  { echo "ERROR: (gcloud.compute.instances.list) unexpected: $*" >&2; exit 1; }
printf '%s' '${instances}'`,
  );
  const { candidates } = await findHosts({ kind: 'gce', place: 'lab-1' }, means);
  assert.deepEqual(candidates, [
    {
      name: 'node-1',
      way: { gce: { project: 'lab-1', zone: 'europe-west1-b', instance: 'node-1' } },
      groups: [],
      about: 'lab-1, europe-west1-b',
    },
  ]);
  const refused = await failure({ kind: 'gce', place: 'other' });
  assert.match(refused.message, /gcloud does not list the instances: unexpected: compute instances list/);
  assert.match(refused.hint ?? '', /gcloud auth login/);
});

test('an inventory that cannot be read is told, and a folder as one', async (t) => {
  const folder = folderOf(t);
  assert.match((await failure({ kind: 'ansible', place: join(folder, 'none') })).hint ?? '', /Name a file/);
  assert.match((await failure({ kind: 'ansible', place: folder })).hint ?? '', /It is a folder/);
});

/** Writes files of a folder, by their paths in it. */
const withFiles = (folder: string, files: Readonly<Record<string, string>>): void => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
};

test('what Ansible reads beside an inventory counts as it does there: files after the inventory, hosts after groups', async (t) => {
  const folder = folderOf(t);
  withFiles(folder, {
    hosts: `[web]
web-1 ansible_user=inline ansible_port=2201
web-2 ansible_port=2202
[site:children]
web
[web:vars]
ansible_user=of_the_section
ansible_host=192.0.2.9
`,
    'group_vars/all.yml': 'ansible_user: all\nansible_port: 2200\nansible_ssh_private_key_file: ~/.ssh/all\n',
    'group_vars/site/10-users': 'ansible_user: site\n',
    'group_vars/site/20-more.yaml': 'ansible_user: later\n',
    'group_vars/site/notes.txt': 'ansible_user: no',
    'group_vars/site/.hidden.yml': 'ansible_user: no\n',
    'group_vars/site/old~': 'ansible_user: no\n',
    'group_vars/other.yml': 'ansible_user: no\n',
    'host_vars/web-2.json': '{ "ansible_host": "192.0.2.2", "ansible_port": 2222 }',
  });
  const { candidates, remarks } = await findHosts({ kind: 'ansible', place: join(folder, 'hosts') }, means);
  const identityFiles = ['~/.ssh/all'];
  assert.deepEqual(
    candidates.map(({ way }) => way['ssh']),
    [
      { host: '192.0.2.9', user: 'inline', port: 2201, identityFiles },
      { host: '192.0.2.2', user: 'later', port: 2222, identityFiles },
    ],
  );
  assert.deepEqual(remarks, []);
});

test('the folder that Ansible is started in counts after that of the inventory, as for its own commands', async (t) => {
  const folder = folderOf(t);
  withFiles(folder, {
    'inventory/hosts': '[a]\na-1\n[b:children]\na\n',
    'inventory/group_vars/all.yml': 'ansible_user: inventory\n',
    'inventory/group_vars/a.yml': 'ansible_port: 2201\n',
    'group_vars/all.yml': 'ansible_user: playbook\nansible_port: 2200\n',
    'group_vars/b.yml': 'ansible_port: 2202\n',
  });
  const before = process.cwd();
  t.after(() => process.chdir(before));
  process.chdir(folder);
  const { candidates } = await findHosts({ kind: 'ansible', place: 'inventory/hosts' }, means);
  // Ansible 2.19 says the same: what a playbook's folder says of an outer group wins over the inventory's of an inner one.
  assert.deepEqual(candidates[0]?.way['ssh'], { host: 'a-1', user: 'playbook', port: 2202 });
});

test('a file that ansible-vault has encrypted is named, and one that is no YAML too', async (t) => {
  const folder = folderOf(t);
  const origin = { kind: 'ansible', place: join(folder, 'hosts') } as const;
  withFiles(folder, {
    hosts: '[web]\nweb-1\n',
    'group_vars/all/vars.yml':
      'ansible_user: "{{ vault_user }}"\nansible_become_password: "{{ vault_sudo }}"\n',
    'group_vars/all/vault.yml': '$ANSIBLE_VAULT;1.1;AES256\n6162\n',
  });
  const { candidates, remarks } = await findHosts(origin, means);
  assert.deepEqual(candidates[0]?.way, { ssh: { host: 'web-1' } });
  assert.deepEqual(remarks, [
    `${join(folder, 'group_vars/all/vault.yml')}: vaulted as a whole`,
    'ansible_user: a template that Ansible alone fills in (web-1)',
    'ansible_become_password: no password is taken over (web-1)',
  ]);
  withFiles(folder, { 'host_vars/web-1.yml': 'a: [\n' });
  assert.match((await failure(origin)).message, /host_vars\/web-1\.yml is no YAML/);
});

test('paths are typed as in a shell, and written as the profile sees them', async (t) => {
  const folder = folderOf(t);
  withFiles(folder, {
    hosts: 'a ansible_ssh_private_key_file=keys/id\nb ansible_ssh_private_key_file=/keys/id\n',
  });
  const home = process.env['HOME'];
  t.after(() => {
    process.env['HOME'] = home;
  });
  process.env['HOME'] = folder;
  const { candidates } = await findHosts(
    { kind: 'ansible', place: '~/hosts' },
    { ...means, folder: join(process.cwd(), 'fleets') },
  );
  assert.deepEqual(
    candidates.map(({ way }) => way['ssh']),
    [
      { host: 'a', identityFiles: ['../keys/id'] },
      { host: 'b', identityFiles: ['/keys/id'] },
    ],
  );
});

test('an inventory that nobody named is asked for', async () => {
  assert.equal((await failure({ kind: 'ansible', place: '' })).message, 'no inventory was named');
});
