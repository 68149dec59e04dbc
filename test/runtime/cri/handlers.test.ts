import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { status } from '@grpc/grpc-js';
import { NamespaceMode } from '../../../runtime/spec/cri/api_pb.js';
import { ownPids, remains, say, startBusyboxNode } from '../../harness/busybox-node.ts';

/**
 * ptrace is the platform that every processor has; Debian's release refuses its own network on kernels from 6.x on,
 * where it takes every network namespace for the host's.
 */
const HANDLERS = (folder: string) => `[crio.runtime.runtimes.runsc]
runtime_path = "/usr/bin/runsc"
runtime_root = "${folder}/run/runsc"
[crio.berth.runtimes.runsc]
args = ["--platform=ptrace", "--network=host"]
[crio.runtime.runtimes.crun]
runtime_path = "${folder}/crun"
runtime_root = "${folder}/run/crun"
[crio.berth.runtimes.crun]
args = ["--cgroup-manager=disabled"]
[crio.runtime.runtimes.wrapped]
runtime_path = "${folder}/wrapped"
runtime_root = "${folder}/run/wrapped"
[crio.runtime.runtimes.none]
runtime_path = "/usr/bin/berth-test-no-such-runtime"
`;

/**
 * crun refuses a machine that has both versions of cgroups, as this one may. It gets to see the second alone, which
 * then has no controllers, and leaves cgroups alone.
 */
const CRUN = `#!/bin/sh
exec unshare -m --propagation slave sh -c '
  umount -l /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec /usr/bin/crun "$@"' crun "$@"
`;

test('runtime handlers', async (t) => {
  const { node, start, create, ended, statusOf, logged } = await startBusyboxNode(t, {
    dropIn: (folder) => {
      // Any program with the OCI command line will do.
      writeFileSync(
        join(folder, 'wrapped'),
        '#!/bin/sh\necho "$@" >> "$0.calls"\nexec /usr/sbin/runc "$@"\n',
        { mode: 0o755 },
      );
      writeFileSync(join(folder, 'crun'), CRUN, { mode: 0o755 });
      return HANDLERS(folder);
    },
  });
  const { runtime } = node;
  const podOf = async (name: string, runtimeHandler: string) =>
    (await runtime.runPodSandbox({ config: node.podConfig(name), runtimeHandler })).podSandboxId;
  const said = async (pod: string, name: string, lines: number) =>
    (await logged(pod, name, lines))
      .trim()
      .split('\n')
      .map((line) => line.split(' ').slice(3).join(' '));

  await t.test('each handler tells what it can do, and one without a program is not there', async () => {
    const { runtimeHandlers } = await runtime.status({});
    assert.deepEqual(
      Object.fromEntries(
        runtimeHandlers.map(({ name, features }) => [
          name,
          [features?.recursiveReadOnlyMounts, features?.userNamespaces],
        ]),
      ),
      {
        '': [true, true],
        runc: [true, true],
        crun: [true, true],
        runsc: [false, false],
        wrapped: [true, true],
      },
    );
    await assert.rejects(podOf('none', 'none'), {
      code: status.INVALID_ARGUMENT,
      details: /there is no runtime handler "none"; use one of .*runsc/,
    });
    assert.match(node.daemon.log(), /berth-test-no-such-runtime is not there/);
  });

  await t.test('any program with the command line of an OCI runtime runs containers', async () => {
    const pod = await podOf('wrapped', 'wrapped');
    const id = await start(pod, 'one', say('echo wrapped; exit 3'));
    assert.equal((await ended(id)).exitCode, 3);
    assert.deepEqual(await said('wrapped', 'one', 1), ['wrapped']);
    await runtime.removePodSandbox({ podSandboxId: pod });
    const calls = readFileSync(join(node.folder, 'wrapped.calls'), 'utf8');
    assert.match(calls, new RegExp(`^--root ${node.runRoot}/wrapped --log .* create --bundle `, 'm'));
    assert.match(calls, /^--root .* delete /m);
  });

  await t.test('runsc runs containers on a kernel of their own, one machine each', async () => {
    const before = remains(node);
    const volume = join(node.folder, 'volume');
    mkdirSync(volume);
    const pod = await podOf('runsc', 'runsc');
    const one = await start(pod, 'one', {
      ...say(
        'cat /proc/version; id -u; hostname; echo "$WHERE"; cat /etc/resolv.conf >/dev/null && echo dns; echo kept >/volume/file; trap "exit 4" TERM; echo ready; while :; do sleep 0.1; done',
      ),
      envs: [{ key: 'WHERE', value: Buffer.from('harbour') }],
      mounts: [{ hostPath: volume, containerPath: '/volume' }],
      linux: { securityContext: { ...ownPids.securityContext, runAsUser: { value: 1200n } } },
    });
    const lines = await said('runsc', 'one', 6);
    assert.match(lines[0] ?? '', /^Linux version 4\.4\.0/);
    assert.deepEqual(lines.slice(1, 5), ['1200', 'runsc', 'harbour', 'dns']);
    const two = await start(pod, 'two', say('echo second; exit 7'));
    const { exitCode, reason } = await ended(two);
    assert.deepEqual([exitCode, reason], [7, 'Error']);
    const exec = await runtime.execSync({ containerId: one, cmd: ['sh', '-c', 'echo out; exit 9'] });
    assert.deepEqual([Buffer.from(exec.stdout).toString(), exec.exitCode], ['out\n', 9]);
    const terminal = await start(pod, 'terminal', {
      ...say('[ -t 0 ] && [ -t 1 ] && echo terminal'),
      tty: true,
    });
    assert.equal((await ended(terminal)).exitCode, 0);
    assert.match((await said('runsc', 'terminal', 1)).join(), /^terminal\r?$/);
    await runtime.stopContainer({ containerId: one, timeout: 20n });
    assert.equal((await statusOf(one)).exitCode, 4);
    await runtime.removePodSandbox({ podSandboxId: pod });
    assert.deepEqual(remains(node), before);
  });

  await t.test('runsc is not asked for what it has not', async () => {
    const usernsOptions = {
      mode: NamespaceMode.POD,
      uids: [{ hostId: 1000, containerId: 0, length: 1000 }],
      gids: [{ hostId: 1000, containerId: 0, length: 1000 }],
    };
    const users = node.podConfig('users', {
      linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER, usernsOptions } } },
    });
    await assert.rejects(runtime.runPodSandbox({ config: users, runtimeHandler: 'runsc' }), {
      code: status.FAILED_PRECONDITION,
      details: /pods of runtime handler runsc cannot have user namespaces/,
    });
    const pod = await podOf('refused', 'runsc');
    const rro = { hostPath: '/etc', containerPath: '/x', readonly: true, recursiveReadOnly: true };
    await assert.rejects(create(pod, 'one', { mounts: [rro] }), {
      code: status.FAILED_PRECONDITION,
      details: /^RROUnsupported: mount \/x: runtime handler runsc has no recursive read-only mounts/,
    });
    const shared = { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.POD } } } };
    await assert.rejects(create(pod, 'one', shared), {
      code: status.FAILED_PRECONDITION,
      details: /namespace_options\.pid is POD, but containers of runtime handler runsc see no processes/,
    });
    await runtime.removePodSandbox({ podSandboxId: pod });
  });

  await t.test('crun runs containers, in user namespaces too', async () => {
    const before = remains(node);
    const volume = join(node.folder, 'crun-volume');
    mkdirSync(join(volume, 'below'), { recursive: true });
    const ids = [{ hostId: 500_000, containerId: 0, length: 65_536 }];
    const usernsOptions = { mode: NamespaceMode.POD, uids: ids, gids: ids };
    const config = node.podConfig('crun', {
      linux: {
        cgroupParent: `/berth-test-${node.name}`,
        securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER, usernsOptions } },
      },
    });
    const { podSandboxId: pod } = await runtime.runPodSandbox({ config, runtimeHandler: 'crun' });
    const mapped = { uidMappings: ids, gidMappings: ids };
    const one = await start(pod, 'one', {
      ...say(
        'cat /proc/self/uid_map; stat -c %u /bin/busybox /volume; touch /volume/x; touch /ro/below/x 2>&1; trap "exit 6" TERM; echo ready; while :; do sleep 0.05; done',
      ),
      mounts: [
        { hostPath: volume, containerPath: '/volume', ...mapped },
        { hostPath: volume, containerPath: '/ro', readonly: true, recursiveReadOnly: true, ...mapped },
      ],
    });
    const lines = await said('crun', 'one', 5);
    assert.match(lines[0] ?? '', /^\s*0\s+500000\s+65536$/);
    assert.deepEqual(lines.slice(1), ['0', '0', 'touch: /ro/below/x: Read-only file system', 'ready']);
    const exec = await runtime.execSync({ containerId: one, cmd: ['sh', '-c', 'id -u; exit 9'] });
    assert.deepEqual([Buffer.from(exec.stdout).toString(), exec.exitCode], ['0\n', 9]);
    await runtime.stopContainer({ containerId: one, timeout: 20n });
    assert.equal((await statusOf(one)).exitCode, 6);
    const terminal = await start(pod, 'terminal', { ...say('[ -t 0 ] && echo terminal'), tty: true });
    assert.equal((await ended(terminal)).exitCode, 0);
    await runtime.removePodSandbox({ podSandboxId: pod });
    assert.deepEqual(remains(node), before);
  });

  await t.test('the host’s /dev/null stays the host’s, whoever reads nothing from it', async () => {
    const { uid, gid, mode } = statSync('/dev/null');
    assert.deepEqual([uid, gid, mode & 0o777], [0, 0, 0o666]);
    const pod = await podOf('null', 'crun');
    const asked = { securityContext: { ...ownPids.securityContext, runAsUser: { value: 1200n } } };
    const one = await start(pod, 'one', { ...say('cat; echo end; exec sleep 1000'), linux: asked });
    assert.deepEqual(await said('null', 'one', 1), ['end']);
    const exec = await runtime.execSync({ containerId: one, cmd: ['sh', '-c', 'cat; id -u'] });
    assert.equal(Buffer.from(exec.stdout).toString(), '1200\n');
    assert.deepEqual([statSync('/dev/null').uid, statSync('/dev/null').gid], [0, 0]);
    await runtime.removePodSandbox({ podSandboxId: pod });
  });
});
