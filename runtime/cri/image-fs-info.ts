import { realtimeNs } from '../linux/clock.ts';
import type { ImageFsInfoRequest } from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';

/** Images and writable layers are on one file system, so it is told once for each purpose. */
export const imageFsInfo = async ({ images }: Daemon, _request: ImageFsInfoRequest) => {
  const { mountpoint, usedBytes, inodesUsed } = await images.usage();
  const usage = {
    timestamp: realtimeNs(),
    fsId: { mountpoint },
    usedBytes: { value: BigInt(usedBytes) },
    inodesUsed: { value: BigInt(inodesUsed) },
  };
  return { imageFilesystems: [usage], containerFilesystems: [usage] };
};
