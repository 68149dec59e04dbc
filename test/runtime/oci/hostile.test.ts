import assert from 'node:assert/strict';
import test from 'node:test';
import { create, fromJson, type JsonValue } from '@bufbuild/protobuf';
import { Fail } from '../../../runtime/core/fail.ts';
import { buildSpec } from '../../../runtime/oci/spec.ts';
import { resolveUser } from '../../../runtime/oci/user.ts';
import {
  type ContainerConfig,
  ContainerConfigSchema,
  LinuxContainerSecurityContextSchema,
} from '../../../runtime/spec/cri/api_pb.js';
import { mutationsOf } from '../config/mutations.ts';
import { GROUP, imageConfig, PASSWD, podOf } from './container-fixture.ts';

const CONTROL = /[\x00-\x1f\x7f]/;

test('whatever an image’s account files say, the user has ids in range and a home of one line', () => {
  const context = create(LinuxContainerSecurityContextSchema, { runAsUsername: 'web' });
  let resolved = 0;
  for (const passwd of mutationsOf(PASSWD, 10_000)) {
    try {
      const user = resolveUser(context, '', { passwd, group: GROUP });
      for (const id of [user.uid, user.gid, ...user.additionalGids]) {
        assert.ok(Number.isInteger(id) && id >= 0 && id < 2 ** 31, String(id));
      }
      assert.doesNotMatch(user.home, CONTROL);
      resolved += 1;
    } catch (error) {
      assert.ok(error instanceof Fail, `${String(error)}\n${passwd}`);
    }
  }
  assert.ok(resolved > 2000, `${resolved} resolved`);
});

const REQUEST = JSON.stringify({
  metadata: { name: 'c' },
  command: ['run'],
  args: ['a', 'b'],
  workingDir: '/work',
  envs: [{ key: 'A', value: 'YWJj' }],
  mounts: [
    { containerPath: '/data/x', hostPath: '/srv', readonly: true, propagation: 'PROPAGATION_PRIVATE' },
  ],
  annotations: { 'org.systemd.property.X': 'y' },
  linux: {
    resources: {
      cpuShares: '2',
      memoryLimitInBytes: '1024',
      oomScoreAdj: '5',
      cpusetCpus: '0-1',
      unified: {},
    },
    securityContext: {
      capabilities: { addCapabilities: ['NET_RAW'], dropCapabilities: ['KILL'] },
      namespaceOptions: { pid: 'CONTAINER' },
      maskedPaths: ['/proc/kcore'],
    },
  },
});

test('whatever a request says, the spec holds to its rules or the request is refused', () => {
  let built = 0;
  for (const mutant of mutationsOf(REQUEST, 20_000)) {
    const container = parseRequest(mutant);
    if (container === undefined) continue;
    try {
      const { process, mounts, annotations = {} } = buildSpec(inputFor(container)).spec;
      for (const text of [...process.args, ...process.env, process.cwd]) assert.doesNotMatch(text, /\0/);
      assert.match(process.cwd, /^\//);
      for (const { destination } of mounts) assert.match(destination, /^\/(?!.*\/\.\.(\/|$))/);
      assert.ok(Object.keys(annotations).every((key) => key.startsWith('io.kubernetes.')));
      built += 1;
    } catch (error) {
      assert.ok(error instanceof Fail, `${String(error)}\n${mutant}`);
    }
  }
  assert.ok(built > 500, `${built} built`);
});

const parseRequest = (text: string): ContainerConfig | undefined => {
  try {
    const value: JsonValue = JSON.parse(text);
    return fromJson(ContainerConfigSchema, value, { ignoreUnknownFields: true });
  } catch {
    return undefined;
  }
};

const inputFor = (container: ContainerConfig) => ({
  containerId: 'c',
  podId: 'p',
  pod: podOf('pod-1'),
  container,
  image: { reference: 'i', config: imageConfig() },
  user: { uid: 0, gid: 0, additionalGids: [0], home: '/' },
  rootfs: '/rootfs',
  namespaces: { network: '/n', ipc: '/i', uts: '/u', pid: '/p' },
  files: {},
  sources: {
    mounts: container.mounts.map(({ hostPath }) => ({ source: hostPath, folder: true })),
    devices: [],
    hostDevices: [],
    seccompProfile: undefined,
  },
  cgroupsPath: '/x',
  ownKernel: false,
  host: {
    capabilities: new Set(['CAP_NET_RAW', 'CAP_KILL']),
    kernel: { major: 6, minor: 1 },
    architecture: 'x64',
    cgroups: { mode: 'v2' as const, controllers: new Map(), unified: '/sys/fs/cgroup' },
    seccomp: true,
    apparmor: false,
    selinux: false,
    hugePageSizes: [],
    swapAccounting: true,
    oomScoreAdj: 0,
  },
  defaults: {
    defaultCapabilities: ['KILL'],
    addInheritableCapabilities: false,
    defaultEnv: [],
    defaultUlimits: [],
    pidsLimit: -1,
    deviceOwnershipFromUser: false,
  },
});
