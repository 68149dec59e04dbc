import assert from 'node:assert/strict';
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { makeWorld } from './world.ts';

const body = (labels: Record<string, string> = {}) => ({ labels, scheduling: {} });
const dead = {
  address: '127.0.0.9',
  hostKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF9jJx0xLQ6Yb0o7vPxY2xkW0l9C1y0r3b1hZ6n8v2aB'],
  remove: async () => {},
};

test('apply makes the instance that a profile names, makes it a node, and hosts delete takes it away', async (t) => {
  const { api, profile, berth, folder } = await makeWorld(t);
  const file = profile('spot: true, labels: { team: infra }');

  const planned = await berth('plan', file);
  assert.equal(planned.exitCode, 2, planned.output);
  assert.match(
    planned.output,
    /\+ make the instance node-1 \(e2-standard-2, debian-12, Spot\) in europe-west1-b of test-project/,
  );
  assert.deepEqual([...api.instances.keys()], []);
  const early = await berth('verify', file);
  assert.equal(early.exitCode, 11, early.output);
  assert.match(
    early.output,
    /there is no instance node-1 in europe-west1-b of test-project.*\n.*berth apply makes it/,
  );
  assert.equal((await berth('apply', file, '--check')).exitCode, 2);

  const applied = await berth('apply', file, '--yes');
  assert.equal(applied.exitCode, 0, applied.output);
  assert.match(applied.output, /making the instance node-1 from family debian-12[\s\S]*crictl has proven it/);
  const made = api.instances.get('node-1');
  assert.deepEqual(made?.body['labels'], { team: 'infra', 'created-by': 'berth', 'berth-host': 'node-1' });
  assert.equal((await berth('plan', file)).exitCode, 0);
  const listed = await berth('hosts', file);
  assert.match(listed.output, new RegExp(`node-1 +${made?.behind?.address} +berth`));

  await t.test('the host keys of Google decide, and not those that the connection shows', async () => {
    const state = join(folder, 'state/berth/gce/test-project/europe-west1-b/node-1');
    assert.deepEqual(readdirSync(state).sort(), ['id_ed25519', 'id_ed25519.pub', `known-hosts-${made?.id}`]);
    const real = made?.behind;
    assert.ok(made !== undefined && real !== undefined);
    const other = api.put('node-1', made.body, { ...real, hostKeys: dead.hostKeys });
    const refused = await berth('plan', file);
    assert.equal(refused.exitCode, 12, refused.output);
    assert.match(refused.output, new RegExp(`the host key of compute\\.${other.id} changed`));
    other.keysIn = 'serial console';
    other.behind = real;
    const again = await berth('plan', file);
    assert.equal(again.exitCode, 12, 'what was read once is expected to stay');
    api.instances.set('node-1', { ...other, id: '77', keysIn: 'serial console' });
    const console = await berth('plan', file);
    assert.equal(console.exitCode, 0, console.output);
    api.instances.set('node-1', made);
  });

  await t.test('on a machine that lacks the key of the instance it is said where that is', async () => {
    const key = join(folder, 'state/berth/gce/test-project/europe-west1-b/node-1/id_ed25519');
    renameSync(key, `${key}.away`);
    const refused = await berth('plan', file);
    assert.equal(refused.exitCode, 12, refused.output);
    assert.match(
      refused.output,
      /the instance node-1 is there, and no key on this machine lets in berth[\s\S]*gce\.identityFile[\s\S]*node-1\/id_ed25519/,
    );
    renameSync(`${key}.away`, key);
  });

  await t.test('a Spot instance that Google stopped is started again', async () => {
    assert.ok(made !== undefined);
    made.status = 'TERMINATED';
    const plan = await berth('plan', file);
    assert.equal(plan.exitCode, 2, plan.output);
    assert.match(plan.output, /~ start the instance node-1/);
    const stopped = await berth('verify', file);
    assert.match(
      stopped.output,
      /is TERMINATED: it is a Spot instance, which Google stops when it needs the room/,
    );
    const created = await berth('hosts', 'create', file, '--yes');
    assert.equal(created.exitCode, 0, created.output);
    assert.equal(made.status, 'RUNNING');
  });

  const refused = await berth('hosts', 'delete', file);
  assert.equal(refused.exitCode, 10, 'nobody was asked');
  const deleted = await berth('hosts', 'delete', file, '--yes');
  assert.equal(deleted.exitCode, 0, deleted.output);
  assert.match(deleted.output, /- delete the instance node-1.*with its disk[\s\S]*Deleted: node-1\./);
  assert.deepEqual([...api.instances.keys()], []);
  const nothing = await berth('hosts', 'delete', file, '--yes');
  assert.equal(nothing.exitCode, 0, nothing.output);
  assert.match(nothing.output, /Nothing to do/);
  assert.equal(api.withoutRequestId, 0);
  assert.deepEqual(api.refusals, []);
});

test('an instance that berth did not make for this host is used, and never deleted', async (t) => {
  const { api, profile, berth } = await makeWorld(t);
  const file = profile('');
  for (const labels of [{}, { 'created-by': 'berth' }, { 'created-by': 'berth', 'berth-host': 'other' }]) {
    api.put('node-1', body(labels as Record<string, string>), dead);
    const refused = await berth('hosts', 'delete', file, '--yes');
    assert.equal(refused.exitCode, 10, refused.output);
    assert.match(refused.output, /node-1 was not made by berth for this host/);
    assert.ok(api.instances.has('node-1'));
  }
  assert.ok(
    api.calls.every((call) => call.startsWith('GET ')),
    'nothing but looking was done',
  );
  assert.equal((await berth('hosts', 'create', file, '--check')).exitCode, 0, 'it is there already');
});

test('what Google refuses is said in its words, with the way out', async (t) => {
  const { api, profile, berth, folder } = await makeWorld(t);
  const file = profile('');
  const create = async (code = 20): Promise<string> => {
    const run = await berth('hosts', 'create', file, '--yes');
    assert.equal(run.exitCode, code, run.output);
    return run.output;
  };
  api.nextOperationError = {
    code: 'QUOTA_EXCEEDED',
    message: "Quota 'CPUS' exceeded. Limit: 8.0 in region europe-west1.",
  };
  assert.match(
    await create(),
    /making the instance node-1: Quota 'CPUS' exceeded.*\(QUOTA_EXCEEDED\)[\s\S]*regions describe europe-west1/,
  );
  api.nextOperationError = {
    code: 'ZONE_RESOURCE_POOL_EXHAUSTED',
    message:
      "The zone 'projects/test-project/zones/europe-west1-b' does not have enough resources available to fulfill the request.",
  };
  assert.match(await create(), /does not have enough resources[\s\S]*take another zone or machineType/);
  api.refuse(
    'POST projects/test-project/zones/europe-west1-b/instances',
    403,
    'forbidden',
    "Required 'compute.instances.create' permission for 'projects/test-project/zones/europe-west1-b/instances/node-1'",
  );
  assert.match(
    await create(),
    /Required 'compute\.instances\.create' permission[\s\S]*roles\/compute\.instanceAdmin\.v1 in test-project/,
  );
  api.refuse(
    'GET projects/test-project',
    403,
    'accessNotConfigured',
    'Compute Engine API has not been used in project 123 before or it is disabled.',
  );
  assert.match(await create(), /gcloud services enable compute\.googleapis\.com --project test-project/);
  api.refuse(
    'GET projects/test-project',
    404,
    'notFound',
    "The resource 'projects/test-project' was not found",
  );
  assert.match(await create(), /Check project \(test-project\), zone \(europe-west1-b\)/);
  api.refuse(
    'POST projects/test-project/zones/europe-west1-b/instances',
    409,
    'alreadyExists',
    "The resource 'projects/test-project/zones/europe-west1-b/instances/node-1' already exists",
  );
  assert.match(
    await create(),
    /already exists[\s\S]*run the same command again to use it, or name another one/,
  );
  profile('imageFamily: debian-99');
  assert.match(await create(), /debian-cloud has no image family debian-99[\s\S]*gcloud compute images list/);
  profile(`identityFile: ${join(folder, 'nothing')}`);
  assert.match(await create(10), /nothing\.pub cannot be read/);

  profile('');
  const before = api.calls.length;
  api.refuse('GET projects/test-project', 503, 'backendError', 'Backend Error');
  api.nextOperationError = { code: 'QUOTA_EXCEEDED', message: 'Quota exceeded' };
  await create();
  assert.ok(api.calls.length - before >= 4, 'an error that passes is not the end');
  assert.deepEqual(api.refusals, []);
});

test('a profile that says too much or too little of an instance is told where', async (t) => {
  const { profile, berth } = await makeWorld(t);
  const wrong = async (gce: string, pattern: RegExp): Promise<void> => {
    const run = await berth('validate', profile(gce));
    assert.equal(run.exitCode, 10, run.output);
    assert.match(run.output, pattern);
  };
  await wrong(
    'image: debian-12-x, imageFamily: debian-12',
    /gce\.image: an instance is made of image or of imageFamily, not of both/,
  );
  await wrong('osLogin: true', /gce\.osLogin: OS Login knows people by keys of their own/);
  await wrong('labels: { created-by: me }', /created-by and berth-… are taken by berth/);
  await wrong('zone: europe-west1', /is no zone such as europe-west1-b/);
  await wrong('machinetype: e2', /did you mean machineType/);
});
