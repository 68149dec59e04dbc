import assert from 'node:assert/strict';
import { mkdtempSync, promises, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { create } from '@bufbuild/protobuf';
import { parseMountTable } from '../../../runtime/linux/mount-table.ts';
import type { HostFacts, SpecInput } from '../../../runtime/oci/input.ts';
import { execProcess } from '../../../runtime/oci/process.ts';
import { deviceNumbers, mountOf, prepareSources } from '../../../runtime/oci/sources.ts';
import { buildSpec } from '../../../runtime/oci/spec.ts';
import { sysctlsForHost } from '../../../runtime/oci/user-namespace.ts';
import {
  ContainerConfigSchema,
  MountPropagation,
  NamespaceMode,
  SecurityProfile_ProfileType as ProfileType,
} from '../../../runtime/spec/cri/api_pb.js';
import { type ContainerInit, imageConfig, podOf, type SecurityContextInit } from './container-fixture.ts';

const HOST: HostFacts = {
  capabilities: new Set(['CAP_CHOWN', 'CAP_KILL', 'CAP_NET_RAW', 'CAP_NET_ADMIN', 'CAP_SYS_RESOURCE']),
  kernel: { major: 6, minor: 1 },
  architecture: 'x64',
  cgroups: { mode: 'v2', controllers: new Map([['memory', '/sys/fs/cgroup']]), unified: '/sys/fs/cgroup' },
  seccomp: true,
  apparmor: false,
  selinux: false,
  hugePageSizes: ['2MB'],
  swapAccounting: true,
  oomScoreAdj: -999,
};

const inputOf = (init: ContainerInit, more: Partial<SpecInput> = {}): SpecInput => {
  const container = create(ContainerConfigSchema, { command: ['run'], ...init });
  return {
    containerId: 'c',
    podId: 'p',
    pod: podOf('pod-1'),
    container,
    image: { reference: 'i', config: imageConfig() },
    user: { uid: 0, gid: 0, additionalGids: [0], home: '/root' },
    rootfs: '/rootfs',
    namespaces: { network: '/ns/net', ipc: '/ns/ipc', uts: '/ns/uts', pid: '/ns/pid' },
    files: {},
    sources: {
      mounts: container.mounts.map(({ hostPath }) => ({ source: hostPath, folder: true })),
      devices: [],
      hostDevices: [],
      seccompProfile: undefined,
    },
    cgroupsPath: 'a.slice:berth:c',
    host: HOST,
    ownKernel: false,
    defaults: {
      defaultCapabilities: ['CHOWN', 'KILL'],
      addInheritableCapabilities: false,
      defaultEnv: [],
      defaultUlimits: [],
      pidsLimit: -1,
      deviceOwnershipFromUser: false,
    },
    ...more,
  };
};

const build = (init: ContainerInit, more?: Partial<SpecInput>) => buildSpec(inputOf(init, more));
const secured = (securityContext: SecurityContextInit): ContainerInit => ({ linux: { securityContext } });

/* Arguments, environment, working directory */

const IMAGE = {
  reference: 'i',
  config: imageConfig({ Entrypoint: ['/entry'], Cmd: ['cmd'], Env: ['A=1', 'B=2'], WorkingDir: '/work' }),
};

const ARGS: readonly (readonly [string, ContainerInit, readonly string[]])[] = [
  ['neither', { command: [] }, ['/entry', 'cmd']],
  ['args alone', { command: [], args: ['x'] }, ['/entry', 'x']],
  ['a command alone', { command: ['run'] }, ['run']],
  ['both', { command: ['run'], args: ['x', ''] }, ['run', 'x', '']],
];
for (const [what, init, args] of ARGS) {
  test(`arguments: the request has ${what}`, () => {
    assert.deepEqual(build(init, { image: IMAGE }).spec.process.args, args);
  });
}

test('an image without a command, and a request without one, are refused with the remedy', () => {
  assert.throws(() => build({ command: [] }), {
    code: 'InvalidArgument',
    hint: 'give the container a command',
  });
});

test('environment: defaults, node, image, request; the last word wins', () => {
  const { env } = build(
    {
      tty: true,
      envs: [
        { key: 'B', value: Buffer.from('three=3') },
        { key: 'HOME', value: Buffer.from('') },
      ],
    },
    { image: IMAGE, defaults: { ...inputOf({}).defaults, defaultEnv: ['A=0', 'NODE=n'] } },
  ).spec.process;
  assert.deepEqual(
    env.filter((each) => !each.startsWith('PATH=')),
    ['TERM=xterm', 'HOSTNAME=pod-1', 'A=1', 'NODE=n', 'B=three=3', 'HOME=/root'],
  );
});

const BAD_ENV: readonly (readonly [string, string, Uint8Array])[] = [
  ['an empty name', '', Buffer.from('x')],
  ['a name with =', 'A=B', Buffer.from('x')],
  ['a name with NUL', 'A\0', Buffer.from('x')],
  ['a value with NUL', 'A', Buffer.from('x\0y')],
  ['a value that is not UTF-8', 'A', Uint8Array.of(0xff, 0xfe)],
];
for (const [what, key, value] of BAD_ENV) {
  test(`environment: ${what} is refused`, () => {
    assert.throws(() => build({ envs: [{ key, value }] }), { code: 'InvalidArgument' });
  });
}

const CWD: readonly (readonly [string, string, string])[] = [
  ['', '', '/'],
  ['', 'work', '/work'],
  ['', '/work', '/work'],
  ['/tmp', '/work', '/tmp'],
];
for (const [requested, fromImage, cwd] of CWD) {
  test(`working directory "${requested}" over the image’s "${fromImage}" is ${cwd}`, () => {
    const image = { reference: 'i', config: imageConfig({ WorkingDir: fromImage }) };
    assert.equal(build({ workingDir: requested }, { image }).spec.process.cwd, cwd);
  });
}
for (const workingDir of [
  'tmp',
  '/proc/self/fd/8',
  '//proc//self/fd/8/../..',
  '/./proc/self/fd/8',
  '/usr/../proc/thread-self/fd/8',
  '/proc/1/fd/3',
  '/a\0b',
]) {
  test(`working directory ${JSON.stringify(workingDir)} is refused`, () => {
    assert.throws(() => build({ workingDir }), { code: 'InvalidArgument' });
  });
}

/* Capabilities, OOM score, limits */

const CAPABILITIES: readonly (readonly [string, object, readonly string[]])[] = [
  ['defaults', {}, ['CAP_CHOWN', 'CAP_KILL']],
  [
    'add and drop',
    { addCapabilities: ['net_raw'], dropCapabilities: ['CAP_KILL'] },
    ['CAP_CHOWN', 'CAP_NET_RAW'],
  ],
  ['add ALL is all that the host holds', { addCapabilities: ['ALL'] }, [...HOST.capabilities]],
  [
    'add ALL but one',
    { addCapabilities: ['all'], dropCapabilities: ['NET_RAW', 'SYS_RESOURCE'] },
    ['CAP_CHOWN', 'CAP_KILL', 'CAP_NET_ADMIN'],
  ],
  ['drop ALL', { dropCapabilities: ['ALL'] }, []],
  ['drop ALL, add one', { dropCapabilities: ['ALL'], addCapabilities: ['NET_RAW'] }, ['CAP_NET_RAW']],
];
for (const [what, capabilities, expected] of CAPABILITIES) {
  test(`capabilities: ${what}`, () => {
    const sets = build(secured({ capabilities })).spec.process.capabilities;
    assert.deepEqual(new Set(sets?.bounding), new Set(expected));
    assert.deepEqual(sets?.effective, sets?.bounding);
    assert.deepEqual(sets?.inheritable, []);
    assert.deepEqual(sets?.ambient, []);
  });
}

test('capabilities: one that the host lacks is left out and noted; an unknown one is refused', () => {
  const { spec, notes } = build(secured({ capabilities: { addCapabilities: ['SYS_TIME'] } }));
  assert.equal(spec.process.capabilities?.bounding.includes('CAP_SYS_TIME'), false);
  assert.deepEqual(notes, ['CAP_SYS_TIME is not held by the runtime on this host']);
  assert.throws(() => build(secured({ capabilities: { addCapabilities: ['FLY'] } })), {
    message: /capability "FLY" is not known/,
  });
});

test('capabilities: ambient ones are inheritable and permitted too', () => {
  const sets = build(secured({ capabilities: { addAmbientCapabilities: ['NET_RAW'] } })).spec.process
    .capabilities;
  assert.deepEqual([sets?.ambient, sets?.inheritable], [['CAP_NET_RAW'], ['CAP_NET_RAW']]);
  assert.ok(sets?.permitted.includes('CAP_NET_RAW'));
});

test('an OOM score outside the kernel’s range is refused', () => {
  assert.throws(() => build({ linux: { resources: { oomScoreAdj: 1001n } } }), { code: 'InvalidArgument' });
});

test('without resources the OOM score is 0, not the daemon’s', () => {
  assert.equal(build({}).spec.process.oomScoreAdj, 0);
});

test('limits: zeros are not set, memory without a swap limit has no swap, known huge pages stay', () => {
  const { resources } = build({
    linux: {
      resources: {
        cpuQuota: 50_000n,
        cpuPeriod: 100_000n,
        memoryLimitInBytes: 1024n,
        cpusetCpus: '0-1,3',
        hugepageLimits: [
          { pageSize: '2MB', limit: 4n },
          { pageSize: '1GB', limit: 0n },
        ],
        unified: { 'memory.high': '512' },
      },
    },
  }).spec.linux;
  assert.deepEqual(resources, {
    devices: [{ allow: false, access: 'rwm' }],
    cpu: { quota: 50_000, period: 100_000, cpus: '0-1,3' },
    memory: { limit: 1024, swap: 1024 },
    hugepageLimits: [{ pageSize: '2MB', limit: 4 }],
    unified: { 'memory.high': '512' },
  });
});

const BAD_LIMITS: readonly (readonly [string, object, Partial<HostFacts>?])[] = [
  ['a number beyond 2^53', { memoryLimitInBytes: 2n ** 60n }],
  ['a negative share', { cpuShares: -2n }],
  ['a CPU list with a path', { cpusetCpus: '0-1/../x' }],
  ['huge pages that the host has not', { hugepageLimits: [{ pageSize: '64KB', limit: 1n }] }],
  [
    'unified on v1',
    { unified: { 'memory.high': '1' } },
    { cgroups: { mode: 'v1', controllers: new Map(), unified: undefined } },
  ],
  ['a unified key that climbs', { unified: { '../memory.high': '1' } }],
  ['a unified key of the cgroup itself', { unified: { 'cgroup.procs': '1' } }],
];
for (const [what, resources, host] of BAD_LIMITS) {
  test(`limits: ${what} is refused`, () => {
    assert.throws(() => build({ linux: { resources } }, { host: { ...HOST, ...host } }), {
      code: 'InvalidArgument',
    });
  });
}

/* Namespaces, mounts */

const { NODE, CONTAINER, TARGET, POD } = NamespaceMode;

const kinds = (
  pod: SecurityContextInit['namespaceOptions'],
  container?: SecurityContextInit['namespaceOptions'],
  namespaces = inputOf({}).namespaces,
) =>
  build(container === undefined ? {} : secured({ namespaceOptions: container }), {
    pod: podOf('pod-1', pod),
    namespaces,
  }).spec.linux.namespaces.map(({ type, path }) => `${type}:${path ?? 'new'}`);

test('namespaces: the pod’s own by default, with the cgroup namespace of v2', () => {
  assert.deepEqual(kinds({ pid: POD }), [
    'mount:new',
    'network:/ns/net',
    'ipc:/ns/ipc',
    'uts:/ns/uts',
    'pid:/ns/pid',
    'cgroup:new',
  ]);
});

test('namespaces: the host’s, the container’s and a target’s', () => {
  assert.deepEqual(kinds({ network: NODE, ipc: NODE, pid: NODE }, undefined, {}), [
    'mount:new',
    'cgroup:new',
  ]);
  assert.ok(kinds({}, { pid: CONTAINER }).includes('pid:new'));
  assert.ok(kinds({}, { pid: TARGET, targetId: 'x' }).includes('pid:/ns/pid'));
});

test('namespaces: network and IPC are the pod’s, whatever the container says', () => {
  assert.deepEqual(kinds({ network: NODE, ipc: NODE }, { pid: CONTAINER }, {}), [
    'mount:new',
    'pid:new',
    'cgroup:new',
  ]);
  assert.ok(kinds({}, { network: NODE, ipc: NODE, pid: CONTAINER }).includes('network:/ns/net'));
});

test('namespaces: one that the pod should have and has not is an internal error', () => {
  assert.throws(() => kinds({ pid: POD }, undefined, { network: '/n', ipc: '/i', uts: '/u' }), {
    code: 'Internal',
  });
  assert.throws(() => kinds({ network: CONTAINER }), { code: 'InvalidArgument' });
});

const MAPPINGS = {
  uids: { containerID: 0, hostID: 70_000, size: 1000 },
  gids: { containerID: 0, hostID: 80_000, size: 1000 },
};

test('users: the pod’s namespace is joined and its mappings are told', () => {
  const namespaces = { ...inputOf({}).namespaces, user: '/ns/user' };
  const { linux } = build({}, { namespaces, mappings: MAPPINGS }).spec;
  assert.deepEqual(linux.namespaces[1], { type: 'user', path: '/ns/user' });
  assert.deepEqual([linux.uidMappings, linux.gidMappings], [[MAPPINGS.uids], [MAPPINGS.gids]]);
  assert.throws(() => build({}, { mappings: MAPPINGS }), { code: 'Internal' });
});

test('masks: two empty lists mean none in a user namespace, and ours outside of one', () => {
  const namespaces = { ...inputOf({}).namespaces, user: '/ns/user' };
  const inside = build({}, { namespaces, mappings: MAPPINGS }).spec.linux;
  assert.deepEqual([inside.maskedPaths, inside.readonlyPaths], [[], []]);
  const asked = build(secured({ maskedPaths: ['/proc/kcore'] }), { namespaces, mappings: MAPPINGS }).spec
    .linux;
  assert.deepEqual(asked.maskedPaths, ['/proc/kcore']);
  assert.ok((build({}).spec.linux.maskedPaths?.length ?? 0) > 5);
});

test('users: one that the pod’s namespace has not is refused', () => {
  const namespaces = { ...inputOf({}).namespaces, user: '/ns/user' };
  const user = { uid: 0, gid: 0, additionalGids: [1000], home: '/' };
  assert.throws(() => build({}, { namespaces, mappings: MAPPINGS, user }), {
    code: 'InvalidArgument',
    message: /group 1000 is not among the 1000 ids/,
  });
});

test('sysctls: the groups that may ping are the pod’s, as far as it has them', () => {
  const range = (value: string) =>
    sysctlsForHost({ 'net.ipv4.ping_group_range': value }, MAPPINGS)['net.ipv4.ping_group_range'];
  assert.equal(range('0 2147483647'), '80000 80999');
  assert.equal(range('5\t7'), '80005 80007');
  assert.equal(range('1 0'), '1 0');
  assert.throws(() => range('1000 1001'), { code: 'InvalidArgument' });
  assert.deepEqual(sysctlsForHost({ 'kernel.sem': '1 2' }, MAPPINGS), { 'kernel.sem': '1 2' });
});

test('the host name is set only where the container has names of its own', () => {
  assert.equal(build({}).spec.hostname, 'pod-1');
  const pod = podOf('pod-1', { network: NODE, ipc: NODE });
  assert.equal(build({}, { pod, namespaces: {} }).spec.hostname, undefined);
  assert.throws(() => build({}, { pod: podOf('a\nb') }), { code: 'InvalidArgument' });
});

test('mounts: the request’s replaces ours at the same place, and all of ours below /dev', () => {
  const destinations = build(
    {
      mounts: [
        { hostPath: '/dev', containerPath: '/dev/' },
        { hostPath: '/x', containerPath: '/etc/hosts' },
      ],
    },
    { files: { hosts: '/h', resolvConf: '/r' } },
  ).spec.mounts.map(({ destination, source }) => `${destination}=${source}`);
  assert.deepEqual(destinations, [
    '/proc=proc',
    '/sys=sysfs',
    '/sys/fs/cgroup=cgroup',
    '/etc/resolv.conf=/r',
    '/dev=/dev',
    '/etc/hosts=/x',
  ]);
});

test('mounts: propagation sets that of the root', () => {
  const mount = (propagation: MountPropagation) =>
    build({ mounts: [{ hostPath: '/x', containerPath: '/x', propagation }] }).spec;
  assert.equal(mount(MountPropagation.PROPAGATION_PRIVATE).linux.rootfsPropagation, undefined);
  assert.equal(mount(MountPropagation.PROPAGATION_HOST_TO_CONTAINER).linux.rootfsPropagation, 'rslave');
  const shared = mount(MountPropagation.PROPAGATION_BIDIRECTIONAL);
  assert.equal(shared.linux.rootfsPropagation, 'rshared');
  assert.deepEqual(shared.mounts.at(-1)?.options, ['rbind', 'rshared', 'rw']);
});

const BAD_MOUNTS: readonly (readonly [string, object, string])[] = [
  ['a relative container path', { containerPath: 'x' }, 'InvalidArgument'],
  ['the root itself', { containerPath: '/.' }, 'InvalidArgument'],
  ['a container path that climbs', { containerPath: '/a/../../x' }, 'InvalidArgument'],
  [
    'recursive read-only without read-only',
    { containerPath: '/x', recursiveReadOnly: true },
    'InvalidArgument',
  ],
  [
    'recursive read-only with propagation',
    {
      containerPath: '/x',
      recursiveReadOnly: true,
      readonly: true,
      propagation: MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
    },
    'InvalidArgument',
  ],
  ['an option that gives something', { containerPath: '/x', mountOptions: ['dev'] }, 'InvalidArgument'],
  ['an option of a file system', { containerPath: '/x', mountOptions: ['lowerdir=/'] }, 'InvalidArgument'],
  [
    'an image with propagation',
    {
      containerPath: '/x',
      image: { image: 'i' },
      propagation: MountPropagation.PROPAGATION_BIDIRECTIONAL,
    },
    'InvalidArgument',
  ],
];
for (const [what, mount, code] of BAD_MOUNTS) {
  test(`mounts: ${what} is refused`, () => {
    assert.throws(() => build({ mounts: [{ hostPath: '/x', ...mount }] }), { code });
  });
}

test('annotations of the pod and the container never reach the OCI runtime', () => {
  const { annotations = {} } = build({
    annotations: { 'org.systemd.property.ExecStop': "['x']", 'run.oci.hooks.stdout': '/x' },
  }).spec;
  assert.deepEqual(
    Object.keys(annotations).filter((key) => !key.startsWith('io.kubernetes.')),
    [],
  );
});

test('seccomp: on a kernel without filters a default profile is noted, a named one refused', () => {
  const host = { ...HOST, seccomp: false };
  const seccomp = (profileType: ProfileType) => secured({ seccomp: { profileType, localhostRef: '/p' } });
  assert.match(
    build(seccomp(ProfileType.RuntimeDefault), { host }).notes.join(),
    /seccomp: the kernel has no/,
  );
  assert.throws(() => build(seccomp(ProfileType.Localhost), { host }), { code: 'FailedPrecondition' });
});

test('seccomp: RuntimeDefault depends on capabilities, and never lets clone3 make namespaces', () => {
  const rules = (capabilities: object, host = HOST) => {
    const profile = build(
      secured({ seccomp: { profileType: ProfileType.RuntimeDefault, localhostRef: '' }, capabilities }),
      { host },
    ).spec.linux.seccomp;
    const syscalls = profile?.['syscalls'] as {
      names: string[];
      action: string;
      errnoRet?: number;
      args?: object[];
    }[];
    return (name: string) => syscalls.filter(({ names }) => names.includes(name));
  };
  const plain = rules({});
  assert.deepEqual(plain('mount'), []);
  assert.deepEqual(
    plain('clone3').map(({ errnoRet }) => errnoRet),
    [38],
  );
  assert.deepEqual(plain('socket')[0]?.args, [{ index: 0, value: 40, op: 'SCMP_CMP_NE' }]);
  const admin = rules(
    { addCapabilities: ['SYS_ADMIN'] },
    { ...HOST, capabilities: new Set(['CAP_SYS_ADMIN']) },
  );
  assert.equal(admin('mount')[0]?.action, 'SCMP_ACT_ALLOW');
  assert.equal(admin('clone3')[0]?.action, 'SCMP_ACT_ALLOW');
  for (const name of ['kexec_load', 'add_key', 'io_uring_setup', 'userfaultfd'])
    assert.deepEqual(admin(name), []);
});

test('labels of security modules are set only on a host that has them', () => {
  const context = secured({
    apparmor: { profileType: ProfileType.Localhost, localhostRef: 'mine' },
  });
  const apparmor = { defaultProfile: 'usual', loaded: new Set(['mine']) };
  const selinux = {
    process: 'system_u:system_r:container_t:s0',
    file: 'system_u:object_r:container_file_t:s0',
  };
  const { process, linux } = build(context, { apparmor, selinux }).spec;
  assert.equal(process.apparmorProfile, 'mine');
  assert.deepEqual([process.selinuxLabel, linux.mountLabel], [selinux.process, selinux.file]);
  assert.throws(() => build(context), { code: 'FailedPrecondition', message: /AppArmor is not enabled/ });
  const { spec } = build(secured({ selinuxOptions: { level: 's0' } }));
  assert.deepEqual([spec.process.selinuxLabel, spec.linux.mountLabel], [undefined, undefined]);
});

const { Unconfined, RuntimeDefault, Localhost } = ProfileType;

const CONFINED: readonly (readonly [string, SecurityContextInit, string | undefined])[] = [
  ['nothing said', {}, 'usual'],
  ['RuntimeDefault', { apparmor: { profileType: RuntimeDefault, localhostRef: '' } }, 'usual'],
  ['Unconfined', { apparmor: { profileType: Unconfined, localhostRef: '' } }, undefined],
  ['privileged', { privileged: true, apparmorProfile: 'localhost/mine' }, undefined],
  ['the deprecated field', { apparmorProfile: 'localhost/mine' }, 'mine'],
  [
    'its prefix in the new field',
    { apparmor: { profileType: Localhost, localhostRef: 'localhost/mine' } },
    'mine',
  ],
  [
    'both fields, the new one before the deprecated',
    { apparmor: { profileType: Localhost, localhostRef: 'mine' }, apparmorProfile: 'localhost/none' },
    'mine',
  ],
];
for (const [what, context, profile] of CONFINED) {
  test(`AppArmor: ${what}`, () => {
    const apparmor = { defaultProfile: 'usual', loaded: new Set(['mine', 'usual']) };
    assert.equal(build(secured(context), { apparmor }).spec.process.apparmorProfile, profile);
  });
}

test('AppArmor: a node whose default is unconfined leaves its containers what the runtime has', () => {
  const apparmor = { defaultProfile: 'unconfined', loaded: new Set<string>() };
  const { spec, notes } = build(secured({ apparmorProfile: 'runtime/default' }), { apparmor });
  assert.deepEqual([spec.process.apparmorProfile, notes], [undefined, []]);
});

test('AppArmor: a profile that is not loaded is refused, and a default that is none is noted', () => {
  const apparmor = { defaultProfile: undefined, loaded: new Set<string>() };
  assert.throws(() => build(secured({ apparmorProfile: 'localhost/none' }), { apparmor }), {
    code: 'FailedPrecondition',
    message: 'AppArmor profile none is not loaded on this host',
  });
  const asked = secured({ apparmorProfile: 'runtime/default' });
  assert.match(build(asked, { apparmor }).notes.join(), /there is no profile to load/);
  assert.match(build(asked).notes.join(), /the kernel has no AppArmor/);
  assert.deepEqual(build({}, { apparmor }).notes, []);
});

test('building twice gives the same, and does not touch its input', () => {
  const input = inputOf({
    ...secured({ privileged: true }),
    mounts: [{ hostPath: '/x', containerPath: '/x' }],
  });
  const before = structuredClone({ ...input, host: null });
  assert.deepEqual(buildSpec(input), buildSpec(input));
  assert.deepEqual(structuredClone({ ...input, host: null }), before);
});

test('exec: the container’s process with other arguments', () => {
  const { spec } = build({});
  const process = execProcess(spec, { args: ['id'], tty: true });
  assert.deepEqual([process.args, process.terminal, process.env.at(-1)], [['id'], true, 'TERM=xterm']);
  assert.deepEqual(process.capabilities, spec.process.capabilities);
  assert.equal(spec.process.terminal, false);
  assert.throws(() => execProcess(spec, { args: [], tty: false }), { code: 'InvalidArgument' });
  assert.throws(() => execProcess(spec, { args: ['a\0'], tty: false }), { code: 'InvalidArgument' });
});

/* Sources */

const sourcesOf = (init: ContainerInit) => prepareSources(create(ContainerConfigSchema, init));

test('sources: links on the host are followed, a missing device or profile is named', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-sources-'));
  context.after(() => rmSync(folder, { recursive: true }));
  symlinkSync('/etc', join(folder, 'link'));
  const { mounts } = await sourcesOf({
    mounts: [{ hostPath: join(folder, 'link/hostname'), containerPath: '/x' }],
  });
  assert.deepEqual(mounts, [{ source: '/etc/hostname', folder: false }]);

  const device = (hostPath: string, permissions = 'rwm') =>
    sourcesOf({ devices: [{ hostPath, containerPath: '', permissions }] });
  await assert.rejects(device('/dev/not-there'), { code: 'NotFound' });
  await assert.rejects(device('/etc/passwd'), { code: 'InvalidArgument', message: /not a device/ });
  await assert.rejects(device('/dev/null', 'rx'), { code: 'InvalidArgument' });
  assert.deepEqual(
    (await device('/dev/null')).devices.map(({ device: { major, minor, path } }) => ({ major, minor, path })),
    [{ major: 1, minor: 3, path: '/dev/null' }],
  );

  const seccomp = (localhostRef: string) =>
    sourcesOf(secured({ seccomp: { profileType: ProfileType.Localhost, localhostRef } }));
  await assert.rejects(seccomp(join(folder, 'none.json')), { code: 'NotFound' });
  await assert.rejects(seccomp('none.json'), { code: 'InvalidArgument' });
  writeFileSync(join(folder, 'bad.json'), '{"defaultAction":');
  await assert.rejects(seccomp(join(folder, 'bad.json')), {
    code: 'InvalidArgument',
    message: /is not JSON/,
  });
  writeFileSync(join(folder, 'file'), '');
  await assert.rejects(
    sourcesOf({ mounts: [{ hostPath: join(folder, 'file/below'), containerPath: '/x' }] }),
    { code: 'FailedPrecondition' },
  );
  await assert.rejects(sourcesOf({ mounts: [{ hostPath: 'relative', containerPath: '/x' }] }), {
    code: 'InvalidArgument',
  });
});

test('sources: no more than two places of a container are looked at at a time', async (context) => {
  let now = 0;
  let most = 0;
  const counting = (name: 'stat' | 'realpath'): void => {
    const original = promises[name] as (path: string) => Promise<unknown>;
    context.mock.method(promises, name, async (path: string) => {
      now += 1;
      most = Math.max(most, now);
      try {
        return await original(path);
      } finally {
        now -= 1;
      }
    });
  };
  counting('stat');
  counting('realpath');
  syncBuiltinESMExports();
  context.after(() => {
    context.mock.restoreAll();
    syncBuiltinESMExports();
  });
  const paths = ['/etc/hostname', '/etc', '/usr', '/var', '/tmp', '/proc'];
  const { mounts } = await sourcesOf({
    mounts: paths.map((hostPath, index) => ({ hostPath, containerPath: `/${index}` })),
  });
  assert.deepEqual(
    mounts.map(({ source }) => source),
    paths,
  );
  assert.deepEqual(
    mounts.map(({ folder }) => folder),
    [false, true, true, true, true, true],
  );
  assert.equal(most, 2);
});

test('sources: the mount below a path is the deepest, the last of those', () => {
  const table = parseMountTable(
    [
      '1 0 8:1 / / rw shared:1 - ext4 a rw',
      '2 1 8:2 / /var rw - ext4 b rw',
      '3 1 8:3 / /var rw master:7 - ext4 c rw',
      '4 1 8:4 / /var/lib rw - ext4 d rw',
      '',
    ].join('\n'),
  );
  assert.equal(mountOf('/var/log', table)?.source, 'c');
  assert.equal(mountOf('/var', table)?.source, 'c');
  assert.equal(mountOf('/variable', table)?.source, 'a');
  assert.equal(mountOf('/var/lib/x', table)?.source, 'd');
});

test('sources: device numbers beyond eight bits are taken apart as Linux packs them', () => {
  assert.deepEqual(deviceNumbers(0x103), { major: 1, minor: 3 });
  assert.deepEqual(deviceNumbers(0x11032c), { major: 259, minor: 300 });
  assert.deepEqual(deviceNumbers(0x1000_f423_8840), { major: 5000, minor: 1_000_000 });
});
