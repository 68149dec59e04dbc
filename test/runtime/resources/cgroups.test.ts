import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { parseMountTable } from '../../../runtime/linux/mount-table.ts';
import { createCgroup, removeCgroup } from '../../../runtime/resources/cgroup-folders.ts';
import { cgroupMounts, detectCgroups, hierarchies } from '../../../runtime/resources/cgroup-host.ts';
import { containerCgroup, parentFolder, podCgroupParent } from '../../../runtime/resources/cgroup-paths.ts';

const V1 = `
30 25 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro
31 30 0:27 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
33 30 0:29 / /mnt/cg\\040memory rw - cgroup cgroup rw,memory
34 30 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
`;
const UNIFIED = '40 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n';

test('mounts tell v1 hierarchies by controller, and hybrid hosts by a cgroup2 mount beside them', () => {
  const { v1, v2 } = cgroupMounts(parseMountTable(V1 + UNIFIED));
  assert.deepEqual(Object.fromEntries(v1), {
    'name=systemd': '/sys/fs/cgroup/systemd',
    cpu: '/sys/fs/cgroup/cpu,cpuacct',
    cpuacct: '/sys/fs/cgroup/cpu,cpuacct',
    memory: '/sys/fs/cgroup/memory',
  });
  assert.equal(v2, '/sys/fs/cgroup/unified');
  assert.equal(cgroupMounts(parseMountTable(V1)).v2, undefined);
});

test('a v2 host has cgroup2 alone, even with a named v1 hierarchy without controllers', () => {
  const named = '31 30 0:27 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n';
  const { v1, v2 } = cgroupMounts(
    parseMountTable(`${named}40 30 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n`),
  );
  assert.equal(v1.size, 0);
  assert.equal(v2, '/sys/fs/cgroup');
});

test('this machine’s cgroups are found where the kernel says the process is', async () => {
  const host = await detectCgroups();
  for (const line of readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n')) {
    const [, names = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const root = names === '' ? host.unified : host.controllers.get(names.split(',')[0] ?? '');
    if (root === undefined) continue;
    assert.ok(existsSync(join(root, path, 'cgroup.procs')), `${root}${path}`);
  }
});

const PARENTS: readonly (readonly ['systemd' | 'cgroupfs', string, string, string])[] = [
  ['systemd', '', 'system.slice', '/system.slice'],
  ['systemd', '-.slice', '-.slice', '/'],
  ['systemd', 'kubepods.slice', 'kubepods.slice', '/kubepods.slice'],
  [
    'systemd',
    '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice',
    'kubepods-burstable-pod1_2.slice',
    '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice',
  ],
  ['cgroupfs', '', '/berth', '/berth'],
  ['cgroupfs', '/kubepods/burstable/pod1-2/', '/kubepods/burstable/pod1-2', '/kubepods/burstable/pod1-2'],
  ['cgroupfs', 'kubepods', '/kubepods', '/kubepods'],
];
for (const [driver, requested, parent, folder] of PARENTS) {
  test(`cgroup parent ${JSON.stringify(requested)} under ${driver} is ${parent}`, () => {
    assert.equal(podCgroupParent(driver, requested), parent);
    assert.equal(parentFolder(driver, parent), folder);
  });
}

const MISFITS: readonly (readonly ['systemd' | 'cgroupfs', string])[] = [
  ['systemd', '/kubepods/burstable'],
  ['systemd', 'a--b.slice'],
  ['systemd', '-a.slice'],
  ['systemd', '.slice'],
  ['systemd', 'a:b c.slice'],
  ['systemd', 'a\n.slice'],
  ['cgroupfs', 'kubepods.slice'],
  ['cgroupfs', '/a/../../b'],
  ['cgroupfs', '/a b'],
  ['cgroupfs', '/a\0'],
];
for (const [driver, requested] of MISFITS) {
  test(`cgroup parent ${JSON.stringify(requested)} does not fit ${driver}`, () => {
    assert.throws(() => podCgroupParent(driver, requested), {
      code: 'InvalidArgument',
      hint: new RegExp(`cgroup_manager is ${driver}`),
    });
  });
}

test('a container’s cgroup is named for both drivers', () => {
  assert.deepEqual(containerCgroup('systemd', 'a-b.slice', 'id'), {
    ociPath: 'a-b.slice:berth:id',
    path: '/a.slice/a-b.slice/berth-id.scope',
  });
  assert.deepEqual(containerCgroup('cgroupfs', '/a', 'id'), { ociPath: '/a/berth-id', path: '/a/berth-id' });
});

test('a made cgroup takes processes in every hierarchy; one in use stays, an empty one goes', async (context) => {
  const host = await detectCgroups();
  const top = `/berth-test-${randomBytes(6).toString('hex')}`;
  const path = `${top}/pod/inner`;
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.on('close', resolve));
  context.after(async () => {
    child.kill('SIGKILL');
    await ended;
    await removeCgroup(host, top);
  });

  await createCgroup(host, path);
  await createCgroup(host, path);
  for (const root of hierarchies(host)) {
    if (root === host.unified && host.mode === 'v2') continue;
    writeFileSync(join(root, path, 'cgroup.procs'), String(child.pid));
  }
  assert.match(readFileSync(`/proc/${child.pid}/cgroup`, 'utf8'), new RegExp(`:${path}$`, 'm'));
  assert.equal(await removeCgroup(host, top), false);
  assert.ok(hierarchies(host).every((root) => existsSync(join(root, path))));

  child.kill('SIGKILL');
  await ended;
  assert.equal(await removeCgroup(host, top), true);
  assert.ok(hierarchies(host).every((root) => !existsSync(join(root, top))));
  assert.equal(await removeCgroup(host, top), true);
  await assert.rejects(removeCgroup(host, '/'), { code: 'Internal' });
});
