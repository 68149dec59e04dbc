import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { status } from '@grpc/grpc-js';
import { bindMount, MountFlag, mount, unmount } from '../../../runtime/linux/mounts.ts';
import { MountPropagation, NamespaceMode } from '../../../runtime/spec/cri/api_pb.js';
import { nothing, remains, say, startBusyboxNode } from '../../harness/busybox-node.ts';
import { buildImage, buildLayer, pushImage } from '../../harness/oci-image.ts';

const { PROPAGATION_HOST_TO_CONTAINER, PROPAGATION_BIDIRECTIONAL } = MountPropagation;

test('volumes of containers', async (t) => {
  const { node, image, podOf, create, start, ended, statusOf, logged } = await startBusyboxNode(t);
  const { runtime, images } = node;
  const [host = ''] = image.split('/');

  const push = async (repository: string, layers: Parameters<typeof buildLayer>[0][]): Promise<string> => {
    const built = buildImage({ layers: layers.map((members) => buildLayer(members)), config: {} });
    await pushImage({ host, repository }, '1', built);
    const { imageRef } = await images.pullImage({ image: { image: `${host}/${repository}:1` } });
    return imageRef;
  };
  const model = await push('test/model', [
    [
      { path: 'weights', flag: '5', mode: 0o755 },
      { path: 'weights/a', body: 'first\n', mode: 0o644 },
      { path: 'weights/gone', body: 'gone\n', mode: 0o644 },
      { path: 'run.sh', body: '#!/bin/sh\necho ran\n', mode: 0o755 },
    ],
    [
      { path: 'weights/.wh.gone', body: '' },
      { path: 'weights/b', body: 'second\n', mode: 0o600, uid: 1200, gid: 1300 },
      { path: 'inside', flag: '2', target: '/weights' },
      { path: 'outside', flag: '2', target: '../../../../../../etc' },
    ],
  ]);
  const volume = (changes: object = {}) => ({
    containerPath: '/model',
    readonly: true,
    image: { image: model, userSpecifiedImage: `${host}/test/model:1` },
    ...changes,
  });
  const said = async (pod: string, name: string, lines: number) =>
    (await logged(pod, name, lines))
      .trim()
      .split('\n')
      .map((line) => line.split(' ').slice(3).join(' '));

  await t.test('an image is a read-only folder, whose programs run', async () => {
    const before = remains(node);
    const pod = await podOf('image');
    const id = await create(pod, 'one', {
      ...say(
        'ls /model /model/weights; cat /model/weights/a /model/weights/b; /model/run.sh; touch /model/x 2>&1; stat -c %u /model/weights/b',
      ),
      mounts: [volume()],
    });
    assert.deepEqual(readdirSync(join(node.runRoot, 'staged')), []);
    await runtime.startContainer({ containerId: id });
    await ended(id);
    assert.deepEqual(await said('image', 'one', 12), [
      '/model:',
      'inside',
      'outside',
      'run.sh',
      'weights',
      '',
      '/model/weights:',
      'a',
      'b',
      'first',
      'second',
      'ran',
      'touch: /model/x: Read-only file system',
      '1200',
    ]);
    const { mounts } = await statusOf(id);
    assert.deepEqual(
      mounts.map(({ containerPath, image: of }) => [containerPath, of?.imageRef]),
      [['/model', model]],
    );
    await runtime.removePodSandbox({ podSandboxId: pod });
    assert.deepEqual(remains(node), before);
  });

  await t.test('a part of an image is a folder or a file of it, and links stay inside', async () => {
    const pod = await podOf('part');
    const at = (imageSubPath: string) => volume({ containerPath: `/at/${imageSubPath}`, imageSubPath });
    const one = await start(pod, 'one', {
      ...say('cd /at; ls weights inside; cat weights/a; cat run.sh | tail -1'),
      mounts: ['weights', 'inside', 'run.sh'].map(at),
    });
    await ended(one);
    assert.deepEqual(await said('part', 'one', 9), [
      'inside:',
      'a',
      'b',
      '',
      'weights:',
      'a',
      'b',
      'first',
      'echo ran',
    ]);
    const before = remains(node);
    for (const subPath of ['none', 'weights/gone', 'outside', 'outside/passwd', 'run.sh/x', '../../etc'])
      await assert.rejects(create(pod, 'two', { mounts: [volume({ imageSubPath: subPath })] }), {
        code: status.NOT_FOUND,
        details: /^ImageVolumeMountFailed: mount .* is not in the image/,
      });
    assert.deepEqual(remains(node), before);
    assert.deepEqual(readdirSync(join(node.runRoot, 'staged')), []);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('an image without layers, and one of one layer, are volumes too', async () => {
    const empty = await push('test/empty', []);
    const single = await push('test/single', [[{ path: 'only', body: 'x', mode: 0o644 }]]);
    const pod = await podOf('few');
    const id = await start(pod, 'one', {
      ...say('ls /empty | wc -l; ls /single; touch /empty/x 2>&1; touch /single/x 2>&1'),
      mounts: [
        volume({ containerPath: '/empty', image: { image: empty } }),
        volume({ containerPath: '/single', image: { image: single } }),
      ],
    });
    await ended(id);
    assert.deepEqual(await said('few', 'one', 4), [
      '0',
      'only',
      'touch: /empty/x: Read-only file system',
      'touch: /single/x: Read-only file system',
    ]);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('an image is in use for as long as a container has it as a volume', async () => {
    const kept = await push('test/kept', [[{ path: 'kept', body: 'kept\n', mode: 0o644 }]]);
    const layers = () => readdirSync(join(node.root, 'layers')).length;
    const pod = await podOf('kept');
    const id = await start(pod, 'one', {
      ...say('echo ready; while [ ! -e /go ]; do sleep 0.05; done; cat /model/kept'),
      mounts: [volume({ image: { image: kept } })],
    });
    await logged('kept', 'one', 1);
    const before = layers();
    await images.removeImage({ image: { image: kept } });
    assert.equal((await images.imageStatus({ image: { image: kept } })).image, undefined);
    assert.equal(layers(), before);
    await runtime.execSync({ containerId: id, cmd: ['touch', '/go'], timeout: 20n });
    await ended(id);
    assert.deepEqual(await said('kept', 'one', 2), ['ready', 'kept']);
    await runtime.removePodSandbox({ podSandboxId: pod });
    await images.removeImage({ image: { image: 'none.example/x:1' } });
    assert.equal(layers(), before - 1);
  });

  await t.test('an image volume that nobody can have is refused with the field', async () => {
    const pod = await podOf('refused');
    const before = remains(node);
    const refused: readonly (readonly [object, RegExp, number?])[] = [
      [{ readonly: false }, /an image as volume is read-only: set readonly/],
      [{ hostPath: '/etc' }, /has no host_path/],
      [{ image: { image: '' } }, /needs image\.image/],
      [{ imageSubPath: 'a\0b' }, /image_sub_path without NUL/],
      [{ propagation: PROPAGATION_BIDIRECTIONAL }, /private propagation/],
      [{ image: { image: 'none.example/x:1' } }, /not on this node; pull it first/, status.NOT_FOUND],
    ];
    for (const [changes, details, code = status.INVALID_ARGUMENT] of refused)
      await assert.rejects(create(pod, 'one', { mounts: [volume(changes)] }), { code, details });
    assert.deepEqual(remains(node), before);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('in a user namespace an image belongs to the pod’s users', async () => {
    const ids = [{ hostId: 400_000, containerId: 0, length: 65_536 }];
    const usernsOptions = { mode: NamespaceMode.POD, uids: ids, gids: ids };
    const pod = await podOf('users', {
      linux: {
        cgroupParent: `/berth-test-${node.name}`,
        securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER, usernsOptions } },
      },
    });
    const id = await start(pod, 'one', {
      ...say('stat -c %u:%g /model/weights/a /part/b; cat /part/b; touch /part/x 2>&1'),
      mounts: [volume(), volume({ containerPath: '/part', imageSubPath: 'weights' })],
    });
    await ended(id);
    assert.deepEqual(await said('users', 'one', 4), [
      '0:0',
      '1200:1300',
      'second',
      'touch: /part/x: Read-only file system',
    ]);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('read-only is read-only at the top, and recursively all the way down', async () => {
    const { runtimeHandlers } = await runtime.status({});
    assert.deepEqual(
      runtimeHandlers.map(({ features }) => features?.recursiveReadOnlyMounts),
      [true, true],
    );
    const tree = join(node.folder, 'tree');
    mkdirSync(join(tree, 'below'), { recursive: true });
    mount({ source: 'tmpfs', target: join(tree, 'below'), type: 'tmpfs' });
    t.after(() => unmountIfThere(join(tree, 'below')));
    const pod = await podOf('read-only');
    const id = await start(pod, 'one', {
      ...say('for t in /ro /rro; do touch $t/x 2>&1; touch $t/below/x 2>&1 && echo wrote; done'),
      mounts: [
        { hostPath: tree, containerPath: '/ro', readonly: true },
        { hostPath: tree, containerPath: '/rro', readonly: true, recursiveReadOnly: true },
      ],
    });
    await ended(id);
    assert.deepEqual(await said('read-only', 'one', 4), [
      'touch: /ro/x: Read-only file system',
      'wrote',
      'touch: /rro/x: Read-only file system',
      'touch: /rro/below/x: Read-only file system',
    ]);
    const refused = [
      { recursiveReadOnly: true },
      { recursiveReadOnly: true, readonly: true, propagation: PROPAGATION_HOST_TO_CONTAINER },
    ];
    for (const changes of refused)
      await assert.rejects(
        create(pod, 'two', { mounts: [{ hostPath: '/dev', containerPath: '/x', ...changes }] }),
        {
          code: status.INVALID_ARGUMENT,
          details: /recursive_read_only needs/,
        },
      );
    await runtime.removePodSandbox({ podSandboxId: pod });
    unmount(join(tree, 'below'));
  });

  await t.test('options of a mount take away what they name', async () => {
    assert.equal((await runtime.status({})).features?.mountOptions, true);
    const data = join(node.folder, 'data');
    mkdirSync(data);
    writeFileSync(join(data, 'program'), '#!/bin/sh\necho ran\n', { mode: 0o755 });
    const pod = await podOf('options');
    const id = await start(pod, 'one', {
      ...say('/a/program; /b/program 2>&1; grep " /b " /proc/self/mounts'),
      mounts: [
        { hostPath: data, containerPath: '/a' },
        { hostPath: data, containerPath: '/b', mountOptions: ['noexec', 'nodev', 'nosuid'] },
      ],
    });
    await ended(id);
    const lines = await said('options', 'one', 3);
    assert.equal(lines[0], 'ran');
    assert.match(lines[1] ?? '', /Permission denied/);
    assert.match(lines[2] ?? '', /nosuid,nodev,noexec/);
    const suid = { hostPath: data, containerPath: '/b', mountOptions: ['suid'] };
    await assert.rejects(create(pod, 'two', { mounts: [suid] }), {
      code: status.INVALID_ARGUMENT,
      details: /mount_options has "suid"; it may have noexec, nodev/,
    });
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('mounts travel as their propagation says', async () => {
    const shared = join(node.folder, 'shared');
    mkdirSync(shared);
    mount({ source: shared, target: shared, type: null, flags: MountFlag.bind });
    t.after(() => unmountIfThere(shared));
    mount({ source: null, target: shared, type: null, flags: MountFlag.shared });
    const pod = await podOf('propagation', {
      linux: {
        cgroupParent: `/berth-test-${node.name}`,
        securityContext: { privileged: true, namespaceOptions: { pid: NamespaceMode.CONTAINER } },
      },
    });
    const at = (propagation: MountPropagation) => ({
      hostPath: shared,
      containerPath: '/shared',
      propagation,
    });
    const privileged = {
      linux: { securityContext: { privileged: true, namespaceOptions: { pid: NamespaceMode.CONTAINER } } },
    };
    const sleeping = say('mkdir -p /shared/up; mount -t tmpfs t /shared/up; echo ready; exec sleep 1000');
    for (const [name, propagation] of [
      ['private', MountPropagation.PROPAGATION_PRIVATE],
      ['slave', PROPAGATION_HOST_TO_CONTAINER],
      ['peer', PROPAGATION_BIDIRECTIONAL],
    ] as const) {
      const id = await start(pod, name, { ...privileged, ...sleeping, mounts: [at(propagation)] });
      await logged('propagation', name, 1);
      const reaches = existsSync(join(shared, 'up')) && unmountIfThere(join(shared, 'up'));
      assert.equal(reaches, propagation === PROPAGATION_BIDIRECTIONAL, name);
      const down = join(shared, `down-${name}`);
      mkdirSync(down);
      mount({ source: 'tmpfs', target: down, type: 'tmpfs' });
      writeFileSync(join(down, 'file'), '');
      const seen = await runtime.execSync({ containerId: id, cmd: ['ls', `/shared/down-${name}/file`] });
      unmount(down);
      assert.equal(seen.exitCode === 0, propagation !== MountPropagation.PROPAGATION_PRIVATE, name);
      await runtime.stopContainer({ containerId: id, timeout: 0n });
    }
    await runtime.removePodSandbox({ podSandboxId: pod });
    unmount(shared);
  });
});

test('a mount that a killed daemon left staged goes, and what is mounted there stays', async (t) => {
  const { node } = await startBusyboxNode(t);
  const volume = join(node.folder, 'volume');
  mkdirSync(volume);
  writeFileSync(join(volume, 'precious'), '');
  await node.daemon.kill('SIGKILL');
  const staged = join(node.runRoot, 'staged', 'a'.repeat(64));
  for (const place of ['0-volume', '1-volume']) mkdirSync(join(staged, place), { recursive: true });
  for (const _ of [1, 2]) bindMount(volume, join(staged, '0-volume'));
  writeFileSync(join(staged, '2-volume'), '');
  bindMount(join(volume, 'precious'), join(staged, '2-volume'));
  await node.daemon.start();
  assert.deepEqual(readdirSync(join(node.runRoot, 'staged')), []);
  assert.deepEqual(readdirSync(volume), ['precious']);
  assert.deepEqual(remains(node), nothing);
});

const unmountIfThere = (path: string): boolean => {
  try {
    unmount(path, { detach: true });
    return true;
  } catch {
    return false;
  }
};
