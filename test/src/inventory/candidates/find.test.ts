import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { Fail } from '../../../../src/core/fail.ts';
import { findHosts, type Origin } from '../../../../src/inventory/candidates/find.ts';
import { lookIntoConfigFiles } from '../../../../src/inventory/ssh/config-files.ts';

const never = new AbortController().signal;

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
    await findHosts(origin, never);
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
[ -e Vagrantfile ] || { echo 'A Vagrant environment or target machine is required' >&2; exit 1; }
printf 'Host control\\n  HostName 127.0.0.1\\n  User vagrant\\n  Port 2222\\n\\nHost worker_1\\n  HostName 127.0.0.1\\n'`;

test('Vagrant names the machines of a folder that are up', async (t) => {
  const folder = withProgram(t, 'vagrant', vagrant);
  writeFileSync(join(folder, 'Vagrantfile'), '');
  const found = await findHosts({ kind: 'vagrant', place: folder }, never);
  assert.deepEqual(
    found.map(({ name, way }) => [name, way]),
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
    /knows no machine of .*: A Vagrant environment or target machine is required/,
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
  assert.deepEqual(await findHosts({ kind: 'gce', place: 'lab-1' }, never), [
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
