import { containerFolders } from '../containers/folders.ts';
import type { ContainerRecord } from '../containers/record.ts';
import { Fail } from '../core/fail.ts';
import type { Image } from '../images/store/image.ts';
import { readFileInRoot } from '../linux/in-root.ts';
import { applyEdits, resolveEdits } from '../oci/cdi/apply-edits.ts';
import { findDevices, requestedDevices } from '../oci/cdi/find-devices.ts';
import type { Sources } from '../oci/input.ts';
import type { SelinuxLabels } from '../oci/selinux.ts';
import { buildSpec } from '../oci/spec.ts';
import { MAX_ACCOUNT_FILE_BYTES, resolveUser } from '../oci/user.ts';
import { podFilesOf } from '../pods/files.ts';
import { podUsers } from '../pods/namespaces.ts';
import type { PodRecord } from '../pods/record.ts';
import type { ContainerConfig } from '../spec/cri/api_pb.js';
import type { OciSpec } from '../spec/oci/runtime.ts';
import type { Daemon } from './daemon.ts';
import type { HandlerFeatures } from './handler-features.ts';
import { ociCgroup } from './oci-cgroup.ts';
import { pidNamespaceOf } from './pid-namespace.ts';
import type { Call } from './transport.ts';

/** What a container is made of, beside its root file system, which is mounted. */
export interface Parts {
  readonly pod: PodRecord;
  readonly image: Image;
  readonly features: HandlerFeatures;
  readonly record: ContainerRecord;
  readonly sources: Sources;
  readonly selinux: SelinuxLabels | undefined;
}

/** The container's config.json, and the user it runs as. What cannot be granted in full is told in the log. */
export const specOf = async (
  daemon: Daemon,
  { pod, image, features, record, sources, selinux }: Parts,
  call: Call,
): Promise<{ spec: OciSpec; user: ContainerRecord['user'] }> => {
  const { config: settings, host } = daemon;
  const { merged } = containerFolders(daemon.roots, record.id);
  const account = (path: string) => accountFile(merged, path);
  const user = resolveUser(record.config.linux?.securityContext, image.config.config?.User ?? '', {
    passwd: account('/etc/passwd'),
    group: account('/etc/group'),
  });
  const apparmor = await daemon.appArmor();
  const users = podUsers(pod);
  const { spec, notes } = buildSpec({
    containerId: record.id,
    podId: pod.id,
    pod: pod.config,
    container: record.config,
    image: { reference: record.imageName, config: image.config },
    user,
    rootfs: merged,
    ...(users === undefined ? {} : { mappings: users.mappings }),
    namespaces: { ...pod.namespaces, ...(await pidNamespaceOf(daemon, pod, record)) },
    files: podFilesOf(daemon.roots, pod.id, pod.config),
    sources,
    cgroupsPath: ociCgroup(settings, pod, record.id),
    host,
    ownKernel: features.ownKernel,
    ...(apparmor === undefined ? {} : { apparmor }),
    ...(selinux === undefined ? {} : { selinux }),
    defaults: settings,
  });
  for (const note of notes) call.log.warn(note, { container: record.id });
  return { spec: await withCdiDevices(spec, record.config, settings.cdiSpecDirs), user };
};

const withCdiDevices = async (
  spec: OciSpec,
  config: ContainerConfig,
  folders: readonly string[],
): Promise<OciSpec> => {
  const names = requestedDevices(config);
  return names.length === 0 ? spec : applyEdits(spec, await resolveEdits(await findDevices(names, folders)));
};

/** A part of the file would do harm: a line that is cut off may give another id. */
const accountFile = (rootfs: string, path: string): string | undefined => {
  const content = readFileInRoot(rootfs, path, MAX_ACCOUNT_FILE_BYTES + 1);
  if (content === undefined || content.length <= MAX_ACCOUNT_FILE_BYTES) return content?.toString('utf8');
  throw new Fail('InvalidArgument', `image: its ${path} is larger than ${MAX_ACCOUNT_FILE_BYTES} bytes`, {
    hint: 'an image needs the accounts of its own programs alone',
  });
};
