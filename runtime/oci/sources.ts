import { lstat, mkdir, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, posix, relative } from 'node:path';
import { absent } from '../core/absent.ts';
import { Fail } from '../core/fail.ts';
import type { MountEntry } from '../linux/mount-table.ts';
import { mountTable } from '../linux/mounts.ts';
import { type ContainerConfig, type Device, type Mount, MountPropagation } from '../spec/cri/api_pb.js';
import type { HostDevice, Sources } from './input.ts';
import { localhostSeccompPath } from './seccomp.ts';

const MAX_SECCOMP_PROFILE_BYTES = 4 * 1024 * 1024;

export interface SourceOptions {
  /** Where the images are that are volumes. */
  readonly images?: ReadonlyMap<Mount, string>;
  /** Host paths that are not made when they are missing. */
  readonly rejectAbsent?: readonly string[];
  /** False: a privileged container gets no devices of its own accord. */
  readonly hostDevices?: boolean;
}

/**
 * Looks at the host paths, devices and seccomp profile that the request names. Host paths of mounts that are
 * missing are made as folders, as the kubelet expects of a runtime.
 * Fails `InvalidArgument` for paths that are not absolute, `NotFound` for a missing device or profile,
 * `FailedPrecondition` for a propagation that the mount below the path does not allow.
 */
export const prepareSources = async (
  container: ContainerConfig,
  { images = new Map(), rejectAbsent = [], hostDevices: wantsDevices = true }: SourceOptions = {},
): Promise<Sources> => {
  const privileged = container.linux?.securityContext?.privileged === true;
  const [mounts, devices, hostDevices, seccompProfile] = await Promise.all([
    prepareMounts(container.mounts, { images, rejectAbsent }),
    Promise.all(container.devices.map(findDevices)),
    privileged && wantsDevices ? devicesBelow('/dev') : [],
    readSeccompProfile(localhostSeccompPath(container.linux?.securityContext)),
  ]);
  return { mounts, devices: devices.flat(), hostDevices, seccompProfile };
};

type MountSource = Sources['mounts'][number];

/**
 * Two at a time, since each look may be at a server far away, and a pod has many volumes. No more: one that does not answer
 * keeps a thread of libuv, which has four for all files of this process. What is missing then comes one after the other: it
 * may lie in a folder that the one before made.
 */
const prepareMounts = async (
  mounts: readonly Mount[],
  { images, rejectAbsent }: Required<Pick<SourceOptions, 'images' | 'rejectAbsent'>>,
): Promise<Sources['mounts']> => {
  const found: (MountSource | undefined)[] = [];
  const rest = mounts.entries();
  const lane = async (): Promise<void> => {
    for (const [index, mount] of rest) {
      const image = images.get(mount);
      found[index] = await (image === undefined ? existingSource(mount) : lookedAt(image));
    }
  };
  await Promise.all([lane(), lane()]);
  const prepared: MountSource[] = [];
  for (const [index, mount] of mounts.entries()) {
    const source = found[index] ?? (await madeSource(mount, rejectAbsent));
    if (mount.propagation !== MountPropagation.PROPAGATION_PRIVATE) requirePropagation(mount, source.source);
    prepared.push(source);
  }
  return prepared;
};

const lookedAt = async (source: string): Promise<MountSource> => ({
  source,
  folder: (await stat(source)).isDirectory(),
});

/** Links are followed here, on the host, so that the OCI runtime meets none. Undefined: nothing is there. */
const existingSource = async ({ hostPath, containerPath }: Mount): Promise<MountSource | undefined> => {
  requireAbsolute(`host path of mount ${containerPath}`, hostPath);
  const source = await resolved(`mount ${containerPath}: host_path`, hostPath);
  const stats = source === undefined ? undefined : await stat(source).catch(absent);
  return source === undefined || stats === undefined ? undefined : { source, folder: stats.isDirectory() };
};

const madeSource = async (mount: Mount, rejectAbsent: readonly string[]): Promise<MountSource> => {
  const { hostPath, containerPath } = mount;
  const found = await existingSource(mount);
  if (found !== undefined) return found;
  if (rejectAbsent.includes(posix.normalize(hostPath)))
    throw new Fail('FailedPrecondition', `mount ${containerPath}: ${hostPath} is not on the host`, {
      hint: 'absent_mount_sources_to_reject of crio.conf says that it must be there',
    });
  await mkdir(hostPath, { recursive: true, mode: 0o755 }).catch((cause: unknown) => {
    throw new Fail('FailedPrecondition', `mount ${containerPath}: cannot make ${hostPath} on the host`, {
      cause,
    });
  });
  return { source: await realpath(hostPath), folder: true };
};

const reasonOf = (cause: unknown): string =>
  cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);

/** Undefined when nothing is there; a path that leads nowhere, or is too long, is the request's mistake. */
const resolved = (field: string, path: string): Promise<string | undefined> =>
  realpath(path)
    .catch(absent)
    .catch((cause: unknown) => {
      throw new Fail(
        'InvalidArgument',
        `${field} ${JSON.stringify(path.slice(0, 256))} cannot be followed: ${reasonOf(cause)}`,
        {
          cause,
        },
      );
    });

const requireAbsolute = (what: string, path: string): void => {
  if (isAbsolute(path) && !path.includes('\0')) return;
  throw new Fail('InvalidArgument', `${what}: ${JSON.stringify(path)} is not an absolute path`);
};

/** Mounts travel only between peers: a private mount on the host would swallow them without a word. */
const requirePropagation = ({ containerPath, propagation }: Mount, source: string): void => {
  const beneath = mountOf(source, mountTable());
  const shared = beneath?.propagation.some((each) => each.startsWith('shared:')) === true;
  const slave = beneath?.propagation.some((each) => each.startsWith('master:')) === true;
  if (shared || (slave && propagation === MountPropagation.PROPAGATION_HOST_TO_CONTAINER)) return;
  const wanted = propagation === MountPropagation.PROPAGATION_BIDIRECTIONAL ? 'shared' : 'shared or slave';
  const mountPoint = beneath?.mountPoint ?? '/';
  throw new Fail(
    'FailedPrecondition',
    `mount ${containerPath}: ${source} is on the mount ${mountPoint}, which is not ${wanted}`,
    { hint: `run: mount --make-rshared ${mountPoint}` },
  );
};

/** The mount that the path is on: the deepest, and of those the one mounted last. */
export const mountOf = (path: string, table: readonly MountEntry[]): MountEntry | undefined =>
  table
    .filter(({ mountPoint }) => path === mountPoint || path.startsWith(mountPoint.replace(/\/?$/, '/')))
    .reduce<MountEntry | undefined>(
      (best, entry) =>
        best === undefined || entry.mountPoint.length >= best.mountPoint.length ? entry : best,
      undefined,
    );

/** A device, or the devices of a folder, at their path in the container. */
const findDevices = async ({ hostPath, containerPath, permissions }: Device): Promise<Sources['devices']> => {
  requireAbsolute('device', hostPath);
  const access = permissions === '' ? 'rwm' : permissions;
  if (!/^[rwm]{1,3}$/.test(access)) {
    throw new Fail(
      'InvalidArgument',
      `device ${hostPath}: permissions ${JSON.stringify(permissions)} are not of r, w, m`,
    );
  }
  const target = containerPath === '' ? hostPath : containerPath;
  requireAbsolute(`device ${hostPath}: container path`, target);
  const source = await resolved('device: host_path', hostPath);
  if (source === undefined) throw new Fail('NotFound', `device ${hostPath} does not exist on the host`);
  const found = await devicesBelow(source);
  if (found.length === 0)
    throw new Fail('InvalidArgument', `device ${hostPath} is not a device, nor a folder with one`);
  return found.map((device) => ({
    device: { ...device, path: join(target, relative(source, device.path)) },
    access,
  }));
};

/** Kernel file systems and pseudo-terminals below /dev are each container's own. */
const OWN_OF_CONTAINER: ReadonlySet<string> = new Set([
  '/dev/console',
  '/dev/fd',
  '/dev/mqueue',
  '/dev/ptmx',
  '/dev/pts',
  '/dev/shm',
]);

const devicesBelow = async (path: string): Promise<HostDevice[]> => {
  if (OWN_OF_CONTAINER.has(path)) return [];
  const stats = await lstat(path).catch(absent);
  if (stats?.isDirectory()) {
    const names = await readdir(path);
    return (await Promise.all(names.map((name) => devicesBelow(join(path, name))))).flat();
  }
  const type = stats?.isBlockDevice() ? 'b' : stats?.isCharacterDevice() ? 'c' : undefined;
  if (stats === undefined || type === undefined) return [];
  return [
    {
      path,
      type,
      ...deviceNumbers(stats.rdev),
      fileMode: stats.mode & 0o7777,
      uid: stats.uid,
      gid: stats.gid,
    },
  ];
};

/** Linux's dev_t in user space (gnu_dev_major(3)): 12 bits of major, 20 of minor, in pieces. */
export const deviceNumbers = (rdev: number): { readonly major: number; readonly minor: number } => {
  const bits = BigInt(rdev);
  const major = ((bits >> 8n) & 0xfffn) | ((bits >> 32n) & 0xfffff000n);
  const minor = (bits & 0xffn) | ((bits >> 12n) & 0xffffff00n);
  return { major: Number(major), minor: Number(minor) };
};

const readSeccompProfile = async (path: string | undefined): Promise<Sources['seccompProfile']> => {
  if (path === undefined) return undefined;
  requireAbsolute('seccomp profile', path);
  const stats = await stat(path).catch(absent);
  if (stats === undefined) throw new Fail('NotFound', `seccomp profile ${path} does not exist on the host`);
  if (stats.size > MAX_SECCOMP_PROFILE_BYTES) {
    throw new Fail(
      'InvalidArgument',
      `seccomp profile ${path} is larger than ${MAX_SECCOMP_PROFILE_BYTES} bytes`,
    );
  }
  return parseObject(path, await readFile(path, 'utf8'));
};

const parseObject = (path: string, text: string): Readonly<Record<string, unknown>> => {
  const value = parseJson(path, text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new Fail('InvalidArgument', `seccomp profile ${path} is not a JSON object`);
};

const parseJson = (path: string, text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Fail('InvalidArgument', `seccomp profile ${path} is not JSON: ${String(cause)}`, { cause });
  }
};
