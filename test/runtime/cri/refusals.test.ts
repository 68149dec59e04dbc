import assert from 'node:assert/strict';
import test from 'node:test';
import { status } from '@grpc/grpc-js';
import { NamespaceMode } from '../../../runtime/spec/cri/api_pb.js';
import { remains, say, startBusyboxNode } from '../../harness/busybox-node.ts';
import type { ContainerConfig, PodConfig } from '../../harness/node.ts';

/** An enum's value that no version of CRI has. */
const absurd = <T extends number>(value: number): T => value as T;

const { INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION } = status;

test('a request with a missing or absurd field is refused by the name of the field, and leaves nothing', async (t) => {
  const { node, podOf, create, start } = await startBusyboxNode(t);
  const { runtime, images } = node;
  const podSandboxId = await podOf('good');
  const containerId = await start(podSandboxId, 'good', say('exec sleep 1000'));
  const elsewhere = await start(await podOf('other'), 'other', say('exec sleep 1000'));
  const before = remains(node);

  const refused = async (call: Promise<unknown>, message: RegExp, code = INVALID_ARGUMENT) => {
    await assert.rejects(call, { code, details: message });
  };
  const pods: readonly (readonly [PodConfig, RegExp])[] = [
    [{ metadata: { name: '', namespace: 'n', uid: 'u' } }, /lacks config\.metadata\.name/],
    [{ metadata: { name: 'n', namespace: '', uid: 'u' } }, /lacks config\.metadata\.namespace/],
    [
      { metadata: { name: 'n', namespace: 'x'.repeat(200_000), uid: 'u' } },
      /config\.metadata\.namespace is too long/,
    ],
    [{ logDirectory: 'relative' }, /config\.log_directory "relative" is not an absolute path/],
    [
      { logDirectory: `/tmp/${'x'.repeat(256)}` },
      /a name in config\.log_directory is too long: 256 bytes, where 255 have room/,
    ],
    [{ logDirectory: '/tmp/a\nb' }, /config\.log_directory .* has control characters/],
    [{ portMappings: [{ containerPort: 70_000 }] }, /port_mappings\[0\]\.container_port 70000 is not a port/],
    [{ portMappings: [{ hostPort: -1 }] }, /port_mappings\[0\]\.host_port -1 is not a port/],
    [{ portMappings: [{ hostIp: 'here' }] }, /port_mappings\[0\]\.host_ip "here" is not an IP address/],
    [
      { portMappings: [{ protocol: absurd(7) }] },
      /config\.port_mappings\[0\]\.protocol: 7 is no Protocol; it is one of 0 \(TCP\)/,
    ],
    [{ dnsConfig: { servers: ['1.1.1.1\noptions x'] } }, /dns_config: .* is not one word/],
    [{ linux: { cgroupParent: 'a/'.repeat(2000) } }, /config\.linux\.cgroup_parent is too long/],
    [{ linux: { cgroupParent: '../up' } }, /linux\.cgroup_parent "\.\.\/up"/],
    [
      { linux: { sysctls: { 'net.ipv4.ip_forward': 'maybe' } } },
      /sysctls: net\.ipv4\.ip_forward="maybe": the kernel refuses it/,
    ],
    [
      { linux: { sysctls: { 'net.ipv4.no_such': '1' } } },
      /sysctls: net\.ipv4\.no_such="1": the kernel has none of that name/,
    ],
    [{ linux: { securityContext: { runAsGroup: { value: 1n } } } }, /run_as_group needs run_as_user/],
    [
      { linux: { securityContext: { namespaceOptions: { network: absurd(9) } } } },
      /namespace_options\.network: 9 is no NamespaceMode/,
    ],
  ];
  for (const [changes, message] of pods)
    await t.test(`pod: ${message.source}`, () => refused(podOf('bad', changes), message));

  const inPod = (changes: object) => ({
    securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER }, ...changes },
  });
  const containers: readonly (readonly [ContainerConfig, RegExp])[] = [
    [{ metadata: { name: '' } }, /lacks config\.metadata\.name/],
    [{ image: { image: '' } }, /lacks config\.image\.image/],
    [{ logPath: '../up.log' }, /config\.log_path "\.\.\/up\.log" is not a file in the pod's log folder/],
    [{ logPath: '.' }, /config\.log_path "\." is not a file/],
    [{ logPath: 'folder/' }, /config\.log_path "folder\/" is not a file/],
    [{ logPath: 'x'.repeat(256) }, /a name in config\.log_path is too long/],
    [{ command: ['a\0b'] }, /command and args: "a\\u0000b" contains a NUL/],
    [{ envs: [{ key: 'A=B' }] }, /"A=B" is not the name of an environment variable/],
    [{ metadata: { name: 'x'.repeat(254) } }, /config\.metadata\.name is too long: 254 bytes/],
    [{ command: ['x'.repeat(5000)] }, /config\.command is too long: 5000 bytes, where 4095 have room/],
    [{ args: ['x'.repeat(200_000)] }, /config\.args is too long: 200000 bytes, where 131071 have room/],
    [{ envs: [{ key: 'A', value: Buffer.alloc(131_072, 'x') }] }, /config\.envs is too long/],
    [{ workingDir: '/'.repeat(2_000_000) }, /config\.working_dir is too long: 2000000 bytes/],
    [{ workingDir: `/${'x'.repeat(300)}` }, /a name in config\.working_dir is too long/],
    [{ linux: inPod({ maskedPaths: [`/${'x'.repeat(200_000)}`] }) }, /masked_paths is too long/],
    [{ linux: inPod({ readonlyPaths: ['relative'] }) }, /readonly_paths: "relative" is not an absolute path/],
    [{ stopSignal: absurd(99) }, /config\.stop_signal: 99 is no Signal/],
    [
      { mounts: [{ containerPath: '/x', hostPath: node.folder, propagation: absurd(5) }] },
      /mounts\[0\]\.propagation: 5 is no MountPropagation/,
    ],
    [
      { mounts: [{ containerPath: '/x', hostPath: `/tmp/${'x'.repeat(5000)}` }] },
      /mount \/x: host_path .* cannot be followed/,
    ],
    [{ linux: inPod({ privileged: true }) }, /privileged: the pod is not privileged; make the pod with/],
    [
      { linux: inPod({ runAsUser: { value: 1n }, runAsUsername: 'fisher' }) },
      /run_as_user and run_as_username/,
    ],
    [{ linux: inPod({ runAsUser: { value: -1n } }) }, /run_as_user -1 is not between/],
    [
      { linux: inPod({ seccomp: { profileType: absurd(8) } }) },
      /security_context\.seccomp\.profile_type: 8 is no SecurityProfile_ProfileType|seccomp\.profile_type: 8 is no ProfileType/,
    ],
    [
      { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.TARGET } } } },
      /lacks .*namespace_options\.target_id/,
    ],
    [
      {
        linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.TARGET, targetId: elsewhere } } },
      },
      /namespace_options\.target_id [0-9a-f]{64} is not a container of pod/,
    ],
  ];
  for (const [changes, message] of containers)
    await t.test(`container: ${message.source}`, () =>
      refused(create(podSandboxId, 'bad', changes), message),
    );

  await t.test('an id that is missing', async () => {
    for (const call of [
      runtime.stopContainer({}),
      runtime.removeContainer({}),
      runtime.startContainer({}),
      runtime.containerStatus({}),
      runtime.execSync({ cmd: ['true'] }),
      runtime.exec({ cmd: ['true'], stdout: true }),
      runtime.attach({ stdout: true }),
      runtime.reopenContainerLog({}),
    ])
      await refused(call, /the request lacks container_id/);
    for (const call of [
      runtime.stopPodSandbox({}),
      runtime.removePodSandbox({}),
      runtime.podSandboxStatus({}),
      runtime.portForward({}),
      runtime.createContainer({ config: {} }),
    ])
      await refused(call, /the request lacks pod_sandbox_id/);
  });

  await t.test('streams that cannot be', async () => {
    const none = /none of stdin, stdout and stderr/;
    await refused(runtime.exec({ containerId, cmd: ['true'] }), none);
    await refused(runtime.attach({ containerId }), none);
    const both = { tty: true, stdout: true, stderr: true };
    await refused(runtime.exec({ containerId, cmd: ['true'], ...both }), /with tty there is no stderr/);
    await refused(runtime.attach({ containerId, ...both }), /with tty there is no stderr/);
    await refused(runtime.portForward({ podSandboxId, port: [0] }), /port 0 is not a port/);
    await refused(runtime.exec({ containerId, stdout: true }), /Exec needs cmd/);
    await refused(runtime.execSync({ containerId }), /ExecSync needs cmd/);
    await refused(
      runtime.execSync({ containerId, cmd: ['true'], timeout: -1n }),
      /timeout -1 is less than 0/,
    );
  });

  await t.test('a program that the container has not', async () => {
    const cmd = ['/no/such/program'];
    await refused(runtime.execSync({ containerId, cmd }), /runc exec: .*no such file/, FAILED_PRECONDITION);
  });

  await t.test('images and configuration', async () => {
    await refused(images.imageStatus({}), /ImageStatus needs image\.image/);
    await refused(images.pullImage({}), /PullImage needs image\.image/);
    await refused(images.removeImage({}), /RemoveImage needs image\.image/);
    const auth = { registryToken: 'a\r\nHost: b' };
    await refused(images.pullImage({ image: { image: 'x' }, auth }), /auth\.registry_token is not one line/);
    const announce = (podCidr: string) =>
      runtime.updateRuntimeConfig({ runtimeConfig: { networkConfig: { podCidr } } });
    await refused(announce('10.0.0.0/33'), /network_config\.pod_cidr: "10\.0\.0\.0\/33" is not a CIDR/);
    for (const good of ['', '10.0.0.0/24', 'fd00::/64', '10.0.0.0/24,fd00::/64']) await announce(good);
  });

  await t.test('what is refused with its text does not break the connection', async () => {
    const long = 'x'.repeat(1_000_000);
    await assert.rejects(
      runtime.containerStatus({ containerId: long }),
      (error: { code: number; details: string }) => {
        assert.equal(error.code, NOT_FOUND);
        assert.match(error.details, /^there is no container x{100,}… \(\d+ characters\)$/);
        return true;
      },
    );
    await runtime.containerStatus({ containerId });
  });

  assert.deepEqual(remains(node), before);
});
