import type { RuntimeHandler } from '../config/config.ts';
import type { ContainerFolders } from '../containers/folders.ts';
import type { ContainerRecord } from '../containers/record.ts';
import { relabel } from '../containers/relabel.ts';
import { mountRootfs } from '../containers/rootfs.ts';
import { stageMapped } from '../containers/staged-mounts.ts';
import type { Image } from '../images/store/image.ts';
import type { Sources } from '../oci/input.ts';
import { type SelinuxLabels, selinuxLabels } from '../oci/selinux.ts';
import { prepareSources } from '../oci/sources.ts';
import type { PodUsers } from '../oci/user-namespace.ts';
import type { PodRecord } from '../pods/record.ts';
import type { ContainerConfig } from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';
import { stageImages, type VolumeImage } from './image-volumes.ts';

export interface FilesWish {
  readonly pod: PodRecord;
  readonly image: Image;
  readonly volumes: readonly VolumeImage[];
  readonly handler: RuntimeHandler;
  readonly record: ContainerRecord;
  readonly users: PodUsers | undefined;
}

/**
 * Mounts the root file system and what is to be mounted in it, with the ids and labels that the container needs.
 * The caller has said how all of it is undone.
 */
export const mountFiles = async (
  daemon: Daemon,
  folders: ContainerFolders,
  { pod, image, volumes, handler, record, users }: FilesWish,
): Promise<{ readonly sources: Sources; readonly selinux: SelinuxLabels | undefined }> => {
  const { images, roots, config } = daemon;
  const { mounts } = record.config;
  const selinux = labelsOf(daemon, pod, record.config);
  mountRootfs(folders, { store: roots.root, folders: images.lowerDirs(image), users }, selinux?.file);
  const found = await prepareSources(record.config, {
    images: stageImages(daemon, folders, volumes, users),
    rejectAbsent: config.absentMountSourcesToReject,
    hostDevices: !handler.privilegedWithoutHostDevices,
  });
  if (selinux !== undefined) await relabelVolumes(mounts, found.mounts, selinux);
  return { sources: { ...found, mounts: stageMapped(folders, mounts, found.mounts, users) }, selinux };
};

const labelsOf = (
  { host, config }: Daemon,
  pod: PodRecord,
  container: ContainerConfig,
): SelinuxLabels | undefined =>
  selinuxLabels({
    enabled: host.selinux,
    always: config.selinux,
    privileged: container.linux?.securityContext?.privileged === true,
    container: container.linux?.securityContext?.selinuxOptions,
    pod: pod.config.linux?.securityContext?.selinuxOptions,
    level: pod.selinuxLevel,
  });

const relabelVolumes = async (
  mounts: ContainerConfig['mounts'],
  sources: Sources['mounts'],
  { file }: SelinuxLabels,
): Promise<void> => {
  for (const [index, { source }] of sources.entries())
    if (mounts[index]?.selinuxRelabel === true && mounts[index].image === undefined)
      await relabel(source, file);
};
