import assert from 'node:assert/strict';
import test from 'node:test';
import { parseRuntimeVersion, quirksOf, runtimeCommand } from '../../../runtime/oci/runtime-command.ts';
import { capture } from './container-fixture.ts';

test('the command line names the program, its state and the cgroup driver', () => {
  const handler = {
    name: 'runc',
    path: '/usr/sbin/runc',
    root: '/run/berth/runc',
    args: [],
    allowedAnnotations: [],
    privilegedWithoutHostDevices: false,
  };
  assert.deepEqual(runtimeCommand(handler, 'cgroupfs'), ['/usr/sbin/runc', '--root', '/run/berth/runc']);
  assert.deepEqual(runtimeCommand(handler, 'systemd').at(-1), '--systemd-cgroup');
  const further = { ...handler, args: ['--platform=ptrace'] };
  assert.deepEqual(runtimeCommand(further, 'systemd').slice(-2), ['--systemd-cgroup', '--platform=ptrace']);
});

test('versions of runc, crun and runsc are read', () => {
  assert.deepEqual(parseRuntimeVersion('runc version 1.4.2\ncommit: x\nspec: 1.3.0\ngo: go1.26\n'), {
    name: 'runc',
    version: '1.4.2',
    spec: '1.3.0',
  });
  assert.deepEqual(parseRuntimeVersion('crun version 1.26\ncommit: y\nspec: 1.0.0\n+SYSTEMD +SELINUX\n'), {
    name: 'crun',
    version: '1.26',
    spec: '1.0.0',
  });
  assert.deepEqual(
    parseRuntimeVersion('runsc version release-20260101.0\nspec: 1.1.0-rc.1\n')?.name,
    'runsc',
  );
  assert.equal(parseRuntimeVersion('command not found'), undefined);
});

test('the runc of this machine says its version', async () => {
  const version = parseRuntimeVersion((await capture(['/usr/sbin/runc', '--version'], 10_000)).stdout);
  assert.equal(version?.name, 'runc');
  assert.match(version?.version ?? '', /^\d+\.\d+/);
});

test('recursive read-only mounts: runc from 1.1, crun from 1.4, nobody else', () => {
  const can = (name: string, version: string) =>
    quirksOf({ name, version, spec: undefined }).recursiveReadOnlyMounts;
  assert.deepEqual(
    [
      can('runc', '1.1.5+ds1'),
      can('runc', '1.0.3'),
      can('runc', '2.0'),
      can('crun', '1.4'),
      can('crun', '1.3.9'),
      can('runsc', '9.9'),
    ],
    [true, false, true, true, false, false],
  );
  assert.equal(quirksOf(undefined).recursiveReadOnlyMounts, false);
});

test('the FIFO of created containers is relied on for the versions of runc that were tried, and nobody else', () => {
  const has = (name: string, version: string) => quirksOf({ name, version, spec: undefined }).execFifo;
  assert.deepEqual(
    [
      has('runc', '1.0.3'),
      has('runc', '1.1.5+ds1'),
      has('runc', '1.5.2'),
      has('runc', '1.6.0'),
      has('runc', '2.0.0'),
      has('crun', '1.4'),
    ],
    [false, true, true, false, false, false],
  );
  assert.equal(quirksOf(undefined).execFifo, false);
});
