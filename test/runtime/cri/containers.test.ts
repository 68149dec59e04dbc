import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { status } from '@grpc/grpc-js';
import {
  NamespaceMode,
  SecurityProfile_ProfileType as ProfileType,
  Signal,
  SupplementalGroupsPolicy,
} from '../../../runtime/spec/cri/api_pb.js';
import { remains, say, startBusyboxNode } from '../../harness/busybox-node.ts';
import type { ContainerConfig } from '../../harness/node.ts';

const SETTINGS = (folder: string) => `[crio.runtime]
cdi_spec_dirs = ["${folder}/cdi"]
device_ownership_from_security_context = true
absent_mount_sources_to_reject = ["${folder}/must-be-there"]
default_ulimits = ["nofile=500:600"]
default_sysctls = ["net.ipv4.ip_default_ttl=71"]
[crio.runtime.runtimes.bare]
runtime_path = "/usr/sbin/runc"
privileged_without_host_devices = true
[crio.runtime.runtimes.runc]
allowed_annotations = ["io.kubernetes.cri-o.ShmSize"]
`;

/** The image's own words; a request may say otherwise. */
const IMAGE = { User: 'fisher', WorkingDir: 'home', StopSignal: 'SIGUSR2', Env: ['PATH=/bin'], Cmd: ['id'] };

const inOrder = (groups: string): string =>
  groups
    .split(' ')
    .map(Number)
    .toSorted((one, other) => one - other)
    .join(' ');

test('what a container asks for', async (t) => {
  const { node, image, podOf, create, start, ended, statusOf, logged } = await startBusyboxNode(
    t,
    { dropIn: SETTINGS },
    IMAGE,
  );
  const { runtime } = node;
  const pod = await podOf('asks');
  const context = (securityContext: object): Pick<ContainerConfig, 'linux'> => ({
    linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER }, ...securityContext } },
  });
  const linesOf = async (name: string, config: ContainerConfig): Promise<readonly string[]> => {
    await ended(await start(pod, name, config));
    return (await logged('asks', name, 0))
      .trim()
      .split('\n')
      .map((line) => line.split(' ').slice(3).join(' '));
  };
  const execIn = async (containerId: string, ...cmd: string[]) =>
    Buffer.from((await runtime.execSync({ containerId, cmd })).stdout)
      .toString()
      .trim();

  await t.test('user, working directory and stop signal come from the image', async () => {
    const id = await start(pod, 'image', say('id; pwd; trap "exit 5" USR2; while :; do sleep 0.02; done'));
    assert.match(
      await logged('asks', 'image', 2),
      /uid=1200\(fisher\) gid=1300\(fisher\) groups=1300\(fisher\),1400\(boats\)(.|\n)* \/home$/m,
    );
    assert.equal((await statusOf(id)).stopSignal, Signal.SIGUSR2);
    await runtime.stopContainer({ containerId: id, timeout: 20n });
    assert.equal((await statusOf(id)).exitCode, 5);
  });

  await t.test('supplemental groups are merged with the image’s, or stand for themselves', async () => {
    const asked = { runAsUser: { value: 1200n }, supplementalGroups: [1234n] };
    const groups = async (name: string, policy: SupplementalGroupsPolicy) => {
      const id = await start(pod, name, {
        ...say('id -G; exec sleep 1000'),
        ...context({ ...asked, supplementalGroupsPolicy: policy }),
      });
      const [line = ''] = (await logged('asks', name, 1)).split('\n');
      const user = (await statusOf(id)).user?.linux;
      assert.deepEqual([user?.uid, user?.gid], [1200n, 1300n]);
      const seen = inOrder(line.split(' ').slice(3).join(' '));
      assert.deepEqual(
        [inOrder(user?.supplementalGroups.join(' ') ?? ''), inOrder(await execIn(id, 'id', '-G'))],
        [seen, seen],
      );
      await runtime.removeContainer({ containerId: id });
      return seen;
    };
    assert.equal(await groups('merge', SupplementalGroupsPolicy.Merge), '1234 1300 1400');
    assert.equal(await groups('strict', SupplementalGroupsPolicy.Strict), '1234 1300');
    assert.equal((await runtime.status({})).features?.supplementalGroupsPolicy, true);
  });

  await t.test('a CDI device brings its node, variables, mounts and hook', async () => {
    const cdi = join(node.folder, 'cdi');
    mkdirSync(cdi);
    const hook = join(cdi, 'hook');
    writeFileSync(hook, `#!/bin/sh\ncat > ${cdi}/hook.state\n`, { mode: 0o755 });
    writeFileSync(
      join(cdi, 'lamp.json'),
      JSON.stringify({
        cdiVersion: '0.6.0',
        kind: 'example.com/lamp',
        devices: [
          {
            name: 'red',
            containerEdits: {
              env: ['LAMP=red'],
              deviceNodes: [
                { path: '/dev/lamp', hostPath: '/dev/loop-control', permissions: 'r', fileMode: 0o444 },
              ],
            },
          },
        ],
        containerEdits: {
          mounts: [{ hostPath: cdi, containerPath: '/lamp', options: ['ro', 'bind'] }],
          additionalGids: [4444],
          hooks: [{ hookName: 'createRuntime', path: hook, args: ['hook'] }],
        },
      }),
    );
    const config = say(
      'echo $LAMP; stat -c %t:%T:%a /dev/lamp; (: </dev/lamp) && echo read; ls /lamp/lamp.json; touch /lamp/x 2>&1; id -G',
    );
    const expected = [
      'red',
      'a:ed:444',
      'read',
      '/lamp/lamp.json',
      'touch: /lamp/x: Read-only file system',
      '1300 1400 4444',
    ];
    const CDIDevices = [{ name: 'example.com/lamp=red' }];
    assert.deepEqual(await linesOf('cdi-field', { ...config, CDIDevices }), expected);
    assert.ok(existsSync(join(cdi, 'hook.state')));
    const annotations = { 'cdi.k8s.io/lamp': 'example.com/lamp=red' };
    assert.deepEqual(await linesOf('cdi-annotation', { ...config, annotations }), expected);
    const before = remains(node);
    const blue = { CDIDevices: [{ name: 'example.com/lamp=blue' }] };
    await assert.rejects(create(pod, 'cdi-none', blue), {
      code: status.NOT_FOUND,
      details: /CDI device example\.com\/lamp=blue is in no file of .*cdi/,
    });
    assert.deepEqual(remains(node), before);
  });

  await t.test('a device that is asked for is its user’s', async () => {
    const lines = await linesOf('device', {
      ...say('stat -c %u:%g /dev/asked; (: </dev/asked) && echo read'),
      ...context({ runAsUser: { value: 1200n }, runAsGroup: { value: 1300n } }),
      devices: [{ hostPath: '/dev/loop-control', containerPath: '/dev/asked', permissions: 'r' }],
    });
    assert.deepEqual(lines, ['1200:1300', 'read']);
  });

  await t.test('a privileged container has the host’s devices, unless its handler keeps them', async () => {
    const devices = async (runtimeHandler: string) => {
      const securityContext = { privileged: true, namespaceOptions: { pid: NamespaceMode.CONTAINER } };
      const linux = { cgroupParent: `/berth-test-${node.name}`, securityContext };
      const name = `devices-${runtimeHandler}`;
      const config = node.podConfig(name, { linux });
      const { podSandboxId } = await runtime.runPodSandbox({ config, runtimeHandler });
      const id = await start(podSandboxId, 'one', {
        ...say('ls /dev | wc -l; ls -d /dev/asked'),
        linux: { securityContext },
        devices: [{ hostPath: '/dev/loop-control', containerPath: '/dev/asked', permissions: 'r' }],
      });
      await ended(id);
      const [count = '', asked = ''] = (await logged(name, 'one', 2)).trim().split('\n');
      assert.match(asked, /\/dev\/asked$/);
      await runtime.removePodSandbox({ podSandboxId });
      return Number(count.split(' ').at(-1));
    };
    assert.ok((await devices('runc')) > (await devices('bare')) + 5);
  });

  await t.test('a pod that runs may be given a privileged container, as kubectl debug does', async () => {
    const securityContext = { privileged: true, namespaceOptions: { pid: NamespaceMode.CONTAINER } };
    const podSandboxId = await podOf('debugged');
    const config = {
      metadata: { name: 'debugger' },
      image: { image },
      logPath: 'debugger.log',
      ...say('ls -d /dev/loop-control'),
      linux: { securityContext },
    };
    const sandboxConfig = node.podConfig('debugged', { linux: { securityContext } });
    const { containerId } = await runtime.createContainer({ podSandboxId, config, sandboxConfig });
    await runtime.startContainer({ containerId });
    await ended(containerId);
    assert.match(await logged('debugged', 'debugger', 1), / F \/dev\/loop-control$/m);
    await assert.rejects(runtime.createContainer({ podSandboxId, config }), { code: 3 });
  });

  await t.test('limits and sysctls that the node sets by default are there', async () => {
    const lines = await linesOf(
      'defaults',
      say('ulimit -n; ulimit -Hn; cat /proc/sys/net/ipv4/ip_default_ttl'),
    );
    assert.deepEqual(lines, ['500', '600', '71']);
  });

  await t.test('/dev/shm has the size that an allowed annotation names', async () => {
    const large = await podOf('shm', { annotations: { 'io.kubernetes.cri-o.ShmSize': '80Mi' } });
    const sized = say("df -k /dev/shm | tail -1 | awk '{print $2}'");
    const sizeIn = async (where: string, podName: string) => {
      await ended(await start(where, 'size', sized));
      return /\d+$/.exec((await logged(podName, 'size', 1)).trim())?.[0];
    };
    assert.equal(await sizeIn(large, 'shm'), String(80 * 1024));
    assert.equal(await sizeIn(pod, 'asks'), String(64 * 1024));
    await runtime.removePodSandbox({ podSandboxId: large });
    await assert.rejects(podOf('absurd', { annotations: { 'io.kubernetes.cri-o.ShmSize': '-1' } }), {
      code: status.INVALID_ARGUMENT,
      details: /annotation io\.kubernetes\.cri-o\.ShmSize: "-1" is not a size/,
    });
  });

  await t.test('a missing host path is made, unless the node says that it must be there', async () => {
    const made = join(node.folder, 'made/here');
    const mounts = [{ hostPath: made, containerPath: '/made' }];
    assert.deepEqual(await linesOf('made', { ...say('ls -d /made'), mounts }), ['/made']);
    const absent = [{ hostPath: join(node.folder, 'must-be-there'), containerPath: '/x' }];
    await assert.rejects(create(pod, 'absent', { mounts: absent }), {
      code: status.FAILED_PRECONDITION,
      details: /mount \/x: .*must-be-there is not on the host; absent_mount_sources_to_reject/,
    });
    assert.ok(!existsSync(join(node.folder, 'must-be-there')));
  });

  await t.test('AppArmor: what this host cannot confine is refused by name, its default is not', async () => {
    if (existsSync('/sys/kernel/security/apparmor')) return t.diagnostic('AppArmor is on here');
    const apparmor = { profileType: ProfileType.RuntimeDefault, localhostRef: '' };
    assert.deepEqual(await linesOf('apparmor', { ...say('echo ran'), ...context({ apparmor }) }), ['ran']);
    for (const asked of [
      { apparmor: { profileType: ProfileType.Localhost, localhostRef: 'my-profile' } },
      { apparmorProfile: 'localhost/my-profile' },
    ])
      await assert.rejects(create(pod, 'refused', context(asked)), {
        code: status.FAILED_PRECONDITION,
        details: /AppArmor profile my-profile: AppArmor is not enabled on this host/,
      });
  });

  await t.test('processes: a container’s own, another container’s, or the host’s', async () => {
    const target = await start(pod, 'target', say('exec sleep 8642'));
    const pids = (options: object) => context({ namespaceOptions: options });
    const looking = say('ps -o pid,args | grep -c "[s]leep 8642"; ls -d /proc/[0-9]* | wc -l');
    const seen = async (name: string, options: object) =>
      (await linesOf(name, { ...looking, ...pids(options) })).map(Number);
    assert.deepEqual((await seen('own', { pid: NamespaceMode.CONTAINER }))[0], 0);
    assert.deepEqual((await seen('targeting', { pid: NamespaceMode.TARGET, targetId: target }))[0], 1);
    const [onHost, processes = 0] = await seen('host', { pid: NamespaceMode.NODE });
    assert.equal(onHost, 1);
    assert.ok(processes > 10, `${processes} processes`);
    await runtime.stopContainer({ containerId: target, timeout: 0n });
    const gone = pids({ pid: NamespaceMode.TARGET, targetId: target });
    await assert.rejects(create(pod, 'late', gone), { code: status.FAILED_PRECONDITION });
    const none = pids({ pid: NamespaceMode.TARGET, targetId: '0'.repeat(64) });
    await assert.rejects(create(pod, 'lost', none), { code: status.NOT_FOUND });
  });

  await runtime.removePodSandbox({ podSandboxId: pod });
});
