import { statfsSync } from 'node:fs';

/** Magic numbers of linux/magic.h that decide something in berth. */
export const FileSystemMagic = {
  cgroup2: 0x63677270,
  overlay: 0x794c7630,
  tmpfs: 0x01021994,
  nsfs: 0x6e736673,
} as const;

export interface FileSystemUsage {
  readonly magic: number;
  readonly totalBytes: number;
  readonly usedBytes: number;
  /** What an unprivileged process may still write. */
  readonly availableBytes: number;
  readonly totalInodes: number;
  readonly usedInodes: number;
}

/** statfs(2) of the file system that holds `path`. */
export function fileSystemOf(path: string): FileSystemUsage {
  const stat = statfsSync(path);
  return {
    magic: stat.type,
    totalBytes: stat.blocks * stat.bsize,
    usedBytes: (stat.blocks - stat.bfree) * stat.bsize,
    availableBytes: stat.bavail * stat.bsize,
    totalInodes: stat.files,
    usedInodes: stat.files - stat.ffree,
  };
}
