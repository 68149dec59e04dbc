import { isAbsolute, posix } from 'node:path';
import { Fail } from '../core/fail.ts';
import { type Mount, MountPropagation } from '../spec/cri/api_pb.js';
import type { OciMount } from '../spec/oci/runtime.ts';
import type { HostFacts, PodFiles, SpecInput } from './input.ts';

/**
 * The container's mounts in the order in which they are made: what every container has, the pod's files,
 * the request's own from shallow to deep. The request's wins over ours at the same place, and one that covers
 * /dev, /proc or /sys whole takes ours below it away.
 */
export const containerMounts = (input: SpecInput): OciMount[] => {
  const requested = input.container.mounts.map((mount, index) =>
    requestedMount(mount, input.sources.mounts[index]?.source, input),
  );
  const ours = [...kernelMounts(input), ...podMounts(input)];
  const kept = ours.filter(
    (mount) => !requested.some((other) => replaces(other.destination, mount.destination)),
  );
  return [...kept, ...requested.toSorted((one, other) => depth(one.destination) - depth(other.destination))];
};

/** The strongest propagation that a mount asks for decides that of the container's root. */
export const rootPropagation = (mounts: readonly Mount[]): 'rshared' | 'rslave' | undefined => {
  const wanted = new Set(mounts.map(({ propagation }) => propagation));
  if (wanted.has(MountPropagation.PROPAGATION_BIDIRECTIONAL)) return 'rshared';
  return wanted.has(MountPropagation.PROPAGATION_HOST_TO_CONTAINER) ? 'rslave' : undefined;
};

const COVERING: ReadonlySet<string> = new Set(['/dev', '/proc', '/sys']);

const replaces = (requested: string, ours: string): boolean =>
  requested === ours || (COVERING.has(requested) && ours.startsWith(`${requested}/`));

const depth = (path: string): number => path.split('/').filter(Boolean).length;

const kernelMounts = ({ container, host, mappings, namespaces }: SpecInput): OciMount[] => {
  const access = container.linux?.securityContext?.privileged === true ? 'rw' : 'ro';
  // The kernel mounts a sysfs for the owner of the network namespace alone.
  const hostSys = mappings !== undefined && namespaces.network === undefined;
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', ...ttyGroup(mappings)],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
    hostSys
      ? {
          destination: '/sys',
          type: 'bind',
          source: '/sys',
          options: ['rbind', 'rprivate', ...SYS_OPTIONS, 'rro'],
        }
      : { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...SYS_OPTIONS, access] },
    ...(host.cgroups.controllers.size === 0
      ? []
      : [
          {
            destination: '/sys/fs/cgroup',
            type: 'cgroup',
            source: 'cgroup',
            options: ['nosuid', 'noexec', 'nodev', 'relatime', access],
          },
        ]),
  ];
};

/** Group tty of every distribution; a user namespace of very few groups has it not. */
const ttyGroup = (mappings: SpecInput['mappings']): readonly string[] =>
  mappings !== undefined && mappings.gids.size <= 5 ? [] : ['gid=5'];

const SYS_OPTIONS = ['nosuid', 'noexec', 'nodev'];

const podMounts = ({ files, container }: SpecInput): OciMount[] => {
  const access = container.linux?.securityContext?.readonlyRootfs === true ? 'ro' : 'rw';
  const etc = (destination: string, source: string | undefined): OciMount[] =>
    source === undefined
      ? []
      : [
          {
            destination,
            type: 'bind',
            source,
            options: ['bind', 'rprivate', 'nosuid', 'nodev', 'noexec', access],
          },
        ];
  return [
    sharedMemory(files),
    ...etc('/etc/hosts', files.hosts),
    ...etc('/etc/hostname', files.hostname),
    ...etc('/etc/resolv.conf', files.resolvConf),
  ];
};

const sharedMemory = ({ shm }: PodFiles): OciMount => ({
  destination: '/dev/shm',
  type: 'bind',
  source: shm ?? '/dev/shm',
  options: ['bind', 'rprivate', 'nosuid', 'nodev', 'noexec', 'rw'],
});

const PROPAGATION: Readonly<Record<MountPropagation, string>> = {
  [MountPropagation.PROPAGATION_PRIVATE]: 'rprivate',
  [MountPropagation.PROPAGATION_HOST_TO_CONTAINER]: 'rslave',
  [MountPropagation.PROPAGATION_BIDIRECTIONAL]: 'rshared',
};

const requestedMount = (mount: Mount, source: string | undefined, { host }: SpecInput): OciMount => {
  const destination = requireMount(mount, host.kernel);
  if (source === undefined)
    throw new Fail('Internal', `the host path of mount ${destination} was not looked at`);
  return { destination, type: 'bind', source, options: [...optionsOf(mount), ...mount.mountOptions] };
};

/**
 * Of an image too: devices and setuid programs of somebody else's image are not this container's. Its programs may run:
 * KEP-4639 wanted `noexec` at first, and took it back (kubernetes/enhancements#5354).
 */
const optionsOf = (mount: Mount): readonly string[] => {
  if (mount.image !== undefined) return ['rbind', 'rprivate', 'ro', 'nosuid', 'nodev'];
  const access = mount.recursiveReadOnly ? 'rro' : mount.readonly ? 'ro' : 'rw';
  return ['rbind', PROPAGATION[mount.propagation], access];
};

/** The place of the mount in the container. Fails `InvalidArgument` for what no container can have. */
export const requireMount = (mount: Mount, kernel: HostFacts['kernel']): string => {
  const destination = requireDestination(mount.containerPath);
  for (const option of mount.mountOptions) requireOption(destination, option);
  if (mount.image !== undefined) requireImage(destination, mount);
  if (mount.recursiveReadOnly) requireRecursiveReadOnly(mount, kernel);
  return destination;
};

/** CRI: images are mounted read-only, and come without a host path. */
const requireImage = (destination: string, mount: Mount): void => {
  const problem =
    (mount.image?.image === '' && 'needs image.image') ||
    (mount.hostPath !== '' && 'has no host_path') ||
    (!mount.readonly && 'is read-only: set readonly') ||
    (mount.imageSubPath.includes('\0') && 'has an image_sub_path without NUL') ||
    (mount.propagation !== MountPropagation.PROPAGATION_PRIVATE && 'has private propagation');
  if (problem) throw new Fail('InvalidArgument', `mount ${destination}: an image as volume ${problem}`);
};

/** Flags of a mount(2) that take something from the container or change nothing but time stamps. */
const OPTIONS: ReadonlySet<string> = new Set([
  'noexec',
  'nodev',
  'nosuid',
  'noatime',
  'nodiratime',
  'relatime',
  'strictatime',
]);

const requireOption = (destination: string, option: string): void => {
  if (OPTIONS.has(option)) return;
  throw new Fail('InvalidArgument', `mount ${destination}: mount_options has ${JSON.stringify(option)}`, {
    hint: `it may have ${[...OPTIONS].join(', ')}`,
  });
};

/** A destination with `..` is read by each OCI runtime in its own way. */
const requireDestination = (path: string): string => {
  const clean = posix.normalize(path).replace(/(.)\/$/, '$1');
  if (isAbsolute(path) && clean !== '/' && !path.split('/').includes('..') && !path.includes('\0'))
    return clean;
  throw new Fail(
    'InvalidArgument',
    `mount: container path ${JSON.stringify(path)} is not an absolute path below /`,
  );
};

/** CRI: recursive_read_only demands readonly and private propagation; the kernel's part is mount_setattr(2), 5.12. */
const requireRecursiveReadOnly = (mount: Mount, kernel: HostFacts['kernel']): void => {
  const where = `mount ${mount.containerPath}: recursive_read_only`;
  if (!mount.readonly) throw new Fail('InvalidArgument', `${where} needs readonly`);
  if (mount.propagation !== MountPropagation.PROPAGATION_PRIVATE) {
    throw new Fail('InvalidArgument', `${where} needs private propagation`);
  }
  if (kernel.major < 5 || (kernel.major === 5 && kernel.minor < 12)) {
    throw new Fail('FailedPrecondition', `${where} needs kernel 5.12`);
  }
};
