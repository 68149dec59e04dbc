import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, type Message, type MessageInitShape } from '@bufbuild/protobuf';
import { pinNamespaces, unpinNamespace } from '../../../runtime/linux/namespaces.ts';
import { readHostFacts } from '../../../runtime/oci/host-facts.ts';
import type { BuiltSpec, HostFacts, SpecInput } from '../../../runtime/oci/input.ts';
import { prepareSources } from '../../../runtime/oci/sources.ts';
import { buildSpec } from '../../../runtime/oci/spec.ts';
import { resolveUser } from '../../../runtime/oci/user.ts';
import { removeCgroup } from '../../../runtime/resources/cgroup-folders.ts';
import {
  ContainerConfigSchema,
  type LinuxContainerSecurityContextSchema,
  NamespaceMode,
  PodSandboxConfigSchema,
} from '../../../runtime/spec/cri/api_pb.js';
import type { OciImageConfig } from '../../../runtime/spec/oci/image.ts';

const RUNC = '/usr/sbin/runc';
const BUSYBOX = '/bin/busybox';
const APPLETS =
  'sh cat chmod chroot echo env grep hostname id ls mkdir mknod mount nproc pwd sleep stat sysctl test touch true umount unshare ulimit date kill ps setpriv';

export const PASSWD = 'root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1001:web:/home/web:/bin/sh\n';
export const GROUP = 'root:x:0:\nweb:x:1001:\nstaff:x:2000:web,other\n';

export type ContainerInit = Exclude<MessageInitShape<typeof ContainerConfigSchema>, Message>;
export type SecurityContextInit = Exclude<
  MessageInitShape<typeof LinuxContainerSecurityContextSchema>,
  Message
>;

export interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A root file system, a pod's pinned namespaces and files, and real runc on them. */
export interface Fixture {
  readonly folder: string;
  readonly rootfs: string;
  readonly host: HostFacts;
  /** The CRI request as our SpecInput; the PID namespace is the container's own unless it says otherwise. */
  input(container: ContainerInit, more?: Partial<SpecInput>): Promise<SpecInput>;
  /** Builds the spec and runs it to its end. */
  run(container: ContainerInit, more?: Partial<SpecInput>): Promise<Outcome & { readonly built: BuiltSpec }>;
  remove(): Promise<void>;
}

export const createFixture = async (): Promise<Fixture> => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-oci-'));
  const name = `berth-test-${randomBytes(6).toString('hex')}`;
  const rootfs = join(folder, 'rootfs');
  makeRootfs(rootfs);
  const {
    net = '',
    ipc = '',
    uts = '',
  } = pinNamespaces({
    dir: join(folder, 'ns'),
    kinds: ['net', 'ipc', 'uts'],
    hostname: 'pod-1',
  });
  const files = {
    shm: join(folder, 'shm'),
    hosts: join(folder, 'hosts'),
    resolvConf: join(folder, 'resolv.conf'),
  };
  mkdirSync(files.shm);
  writeFileSync(files.hosts, '127.0.0.1\tlocalhost\n');
  writeFileSync(files.resolvConf, 'nameserver 192.0.2.53\n');
  const host = await readHostFacts();
  let count = 0;

  const input = async (container: ContainerInit, more: Partial<SpecInput> = {}): Promise<SpecInput> => {
    count += 1;
    const config = create(ContainerConfigSchema, container);
    const image = more.image ?? { reference: 'busybox', config: imageConfig() };
    return {
      containerId: `${name}-${count}`,
      podId: name,
      pod: podOf('pod-1'),
      container: config,
      image,
      user: resolveUser(config.linux?.securityContext, image.config.config?.User ?? '', {
        passwd: PASSWD,
        group: GROUP,
      }),
      rootfs,
      namespaces: { network: net, ipc, uts },
      files,
      sources: await prepareSources(config),
      cgroupsPath: `/${name}/${count}`,
      host,
      ownKernel: false,
      defaults: {
        defaultCapabilities: [
          'CHOWN',
          'DAC_OVERRIDE',
          'FSETID',
          'FOWNER',
          'SETGID',
          'SETUID',
          'SETPCAP',
          'NET_BIND_SERVICE',
          'KILL',
        ],
        addInheritableCapabilities: false,
        defaultEnv: [],
        defaultUlimits: [],
        pidsLimit: -1,
        deviceOwnershipFromUser: false,
      },
      ...more,
    };
  };

  return {
    folder,
    rootfs,
    host,
    input,
    run: async (container, more) => {
      const built = buildSpec(await input(container, more));
      return { built, ...(await runSpec(folder, built)) };
    },
    remove: async () => {
      for (const path of [net, ipc, uts]) unpinNamespace(path);
      await removeCgroup(host.cgroups, `/${name}`);
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** A pod whose containers have PID namespaces of their own, unless `namespaceOptions` says otherwise. */
export const podOf = (hostname: string, namespaceOptions: SecurityContextInit['namespaceOptions'] = {}) =>
  create(PodSandboxConfigSchema, {
    metadata: { name: 'pod-1', namespace: 'default', uid: 'uid-1' },
    hostname,
    linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER, ...namespaceOptions } } },
  });

export const imageConfig = (config: OciImageConfig['config'] = {}): OciImageConfig => ({
  architecture: 'amd64',
  os: 'linux',
  config,
  rootfs: { type: 'layers', diff_ids: [] },
});

const makeRootfs = (rootfs: string): void => {
  for (const path of ['bin', 'etc', 'root', 'home/web', 'tmp', 'proc', 'sys', 'dev']) {
    mkdirSync(join(rootfs, path), { recursive: true });
  }
  copyFileSync(BUSYBOX, join(rootfs, 'bin/busybox'));
  for (const applet of APPLETS.split(' ')) symlinkSync('busybox', join(rootfs, 'bin', applet));
  writeFileSync(join(rootfs, 'etc/passwd'), PASSWD);
  writeFileSync(join(rootfs, 'etc/group'), GROUP);
};

const runSpec = async (folder: string, { spec }: BuiltSpec): Promise<Outcome> => {
  const id = `t-${randomBytes(6).toString('hex')}`;
  const bundle = join(folder, id);
  mkdirSync(bundle);
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(spec));
  const runc = [RUNC, '--root', join(folder, 'runc')];
  const outcome = await capture([...runc, 'run', '--bundle', bundle, id], 20_000);
  if (outcome.exitCode === null) await capture([...runc, 'delete', '--force', id], 20_000);
  return outcome;
};

/** Runs a program with stdin closed; a null exit code: it was killed after `timeoutMs`. */
export const capture = ([file = '', ...args]: readonly string[], timeoutMs: number): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
