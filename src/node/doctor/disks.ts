import { byteSize } from '../../core/text.ts';
import { mountOf } from '../../host/facts/health.ts';
import type { Facts } from '../../host/facts/probe.ts';
import { type Cause, inDepth, type Sign } from './cause.ts';

/** What a first apply and the images of a small node need. */
const leastFreeBytes = 2 * 2 ** 30;

export const diskLow: Cause = {
  code: 'BD018',
  name: 'disk-low',
  why: 'Images do not fit, and a kubelet evicts pods from a disk that is almost full.',
  find: ({ facts }) => {
    const seen = new Set<string>();
    return [...facts.disks].flatMap(([folder, { mountPoint, freeBytes }]): Sign[] => {
      if (folder !== '/var' || freeBytes >= leastFreeBytes || seen.has(mountPoint)) return [];
      seen.add(mountPoint);
      return [
        {
          level: freeBytes < leastFreeBytes / 8 ? 'error' : 'warning',
          evidence: `${mountPoint} has ${byteSize(freeBytes)} left`,
          remedy: `Free some space: du -xh -d 2 ${mountPoint} shows where it is; images nobody uses go by: crictl rmi --prune`,
        },
      ];
    });
  },
};

export const inodesLow: Cause = {
  code: 'BD019',
  name: 'inodes-low',
  why: 'Without inodes no file can be made, although there is space.',
  find: inDepth(({ inodes }) =>
    [...inodes]
      .filter(([, { total, free }]) => total > 0 && free < total * 0.05)
      .map(([mountPoint, { total, free }]) => ({
        level: free < 1000 ? 'error' : 'warning',
        evidence: `${mountPoint} has ${free} of ${total} inodes left`,
        remedy: `Delete small files: find ${mountPoint} -xdev -printf '%h\\n' | sort | uniq -c | sort -n | tail`,
      })),
  ),
};

/** Where programs or device files of berth and its containers lie. */
const needsOf = ({ releases }: Facts) => [
  { folder: releases.root, option: 'noexec', what: 'the programs of berth' },
  { folder: '/var/lib/berth', option: 'noexec', what: 'the programs of containers' },
  { folder: '/var/lib/berth', option: 'nosuid', what: 'sudo and ping in containers' },
  { folder: '/var/lib/berth', option: 'nodev', what: 'device files in images' },
  { folder: '/run/berth', option: 'ro', what: 'records of pods' },
];

export const mountOptions: Cause = {
  code: 'BD020',
  name: 'mount-options',
  why: 'What lies on that file system cannot be run as pods expect it.',
  beforeChanges: true,
  find: ({ facts }) => {
    const { mounts } = facts.health;
    return needsOf(facts).flatMap(({ folder, option, what }): Sign[] => {
      const point = mountOf(mounts, folder);
      if (point === undefined || !mounts.get(point)?.options.has(option)) return [];
      return [
        {
          level: option === 'nodev' ? 'info' : option === 'nosuid' ? 'warning' : 'error',
          evidence: `${folder} is on ${point}, which is mounted ${option}, and has ${what}`,
          remedy: `Mount ${point} without ${option}, or another file system on ${folder}.`,
        },
      ];
    });
  },
};
