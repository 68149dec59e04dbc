import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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
runtime_path = "/usr/bin/crun"
runtime_root = "${folder}/run/crun"
[crio.runtime.runtimes.wrapped]
runtime_path = "${folder}/wrapped"
runtime_root = "${folder}/run/wrapped"
[crio.runtime.runtimes.none]
runtime_path = "/usr/bin/berth-test-no-such-runtime"
`;

test('runtime handlers', async (t) => {
  const { node, image, start, create, ended, statusOf, logged } = await startBusyboxNode(t, {
    dropIn: (folder) => {
      // Any program with the OCI command line will do.
      writeFileSync(
        join(folder, 'wrapped'),
        '#!/bin/sh\necho "$@" >> "$0.calls"\nexec /usr/sbin/runc "$@"\n',
        { mode: 0o755 },
      );
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

  await t.test('crun is called with the same command line, and what it says is passed on', async () => {
    const before = remains(node);
    const pod = await podOf('crun', 'crun');
    const outcome = await create(pod, 'one', { image: { image }, ...say('echo by crun') }).then(
      (id) => ({ id }),
      (error: Error & { details?: string }) => ({ details: error.details ?? '' }),
    );
    if ('id' in outcome) {
      await runtime.startContainer({ containerId: outcome.id });
      assert.equal((await ended(outcome.id)).exitCode, 0);
      assert.deepEqual(await said('crun', 'one', 1), ['by crun']);
    } else {
      // A machine without CAP_SYS_RESOURCE, or with hybrid cgroups: crun says why, and nothing stays.
      assert.match(outcome.details, /^crun create: (?!exit code)./);
    }
    await runtime.removePodSandbox({ podSandboxId: pod });
    assert.deepEqual(remains(node), before);
  });
});
