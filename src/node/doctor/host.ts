import { byteSize, timeSpan } from '../../core/text.ts';
import { mountOf } from '../../host/facts/health.ts';
import type { Facts } from '../../host/facts/probe.ts';
import type { Change } from '../../resources/change.ts';
import { packageManagers } from '../../resources/package-managers.ts';
import { daemon } from '../engine-berth.ts';
import { timeKeepers } from '../time-sync.ts';
import { type Cause, inDepth, type Sign } from './cause.ts';

export const denials: Cause = {
  code: 'BD004',
  name: 'access-denied',
  why: 'SELinux or AppArmor keeps the runtime from what it must do; what fails then seldom says so.',
  find: inDepth(({ denials: messages }, { facts: { releases } }) => {
    const ours = messages.filter(
      (message) =>
        /\b(comm|exe|profile)="?[^" ]*(berth|crun|runc|containers-default|crio)/.test(message) ||
        message.includes('container_runtime_t') ||
        message.includes(`${releases.root}/`),
    );
    if (ours.length === 0) return [];
    const isSelinux = ours.some((message) => message.includes('avc:'));
    return [
      {
        level: 'error',
        evidence: `${ours.length} refused since the boot; the last: ${(ours.at(-1) ?? '').trim()}`,
        remedy: isSelinux
          ? 'Run berth apply, which labels its files; what stays, explain by: ausearch -m avc -ts boot | audit2why'
          : 'Look at the profile that the message names: apparmor_parser -r loads a corrected one.',
      },
    ];
  }),
};

export const packageLock: Cause = {
  code: 'BD005',
  name: 'package-manager-busy',
  why: 'An apply that installs packages waits for the lock, and gives up at its deadline.',
  find: inDepth(({ packageLockHolder }) =>
    packageLockHolder === undefined
      ? []
      : [
          {
            level: 'warning',
            evidence: `${packageLockHolder} holds a lock of the package manager`,
            remedy: 'Wait for it; on fresh machines unattended upgrades take some minutes.',
          },
        ],
  ),
};

export const packagesBroken: Cause = {
  code: 'BD006',
  name: 'package-manager-broken',
  why: 'Nothing can be installed before the package manager has finished what was interrupted.',
  find: inDepth(({ packageAudit }, { facts }) => {
    const { manager: name } = facts.packages;
    if (packageAudit === '' || name === undefined) return [];
    const manager = packageManagers[name];
    const repair = name === 'apt' ? manager.repair([]) : ['rpm', '--rebuilddb'];
    return [
      {
        level: 'error',
        evidence: packageAudit.split('\n').filter(Boolean).slice(0, 6).join(' | '),
        remedy: repair.join(' '),
        fix: [
          {
            id: 'packages:repair',
            action: 'update',
            summary: `finish what the package manager began: ${repair.join(' ')}`,
            steps: [
              { kind: 'run', argv: repair, deadlineSeconds: 900, env: manager.env, locks: manager.locks },
            ],
          },
        ],
      },
    ];
  }),
};

export const ownedFile: Cause = {
  code: 'BD007',
  name: 'package-owned-file',
  why: 'berth writes that file too: the next update of the package replaces it, or stops to ask about it.',
  find: inDepth(({ owners }) =>
    [...owners].map(([path, name]) => ({
      level: 'warning',
      evidence: `${path} belongs to the package ${name}`,
      remedy: `Remove ${name} if nothing needs it; berth brings its own ${path}.`,
    })),
  ),
};

const warnSeconds = 5;
const errorSeconds = 30;

export const clockSkew: Cause = {
  code: 'BD008',
  name: 'clock-skew',
  why: 'Certificates are not valid yet or not any more, and leases of the cluster run out early.',
  beforeChanges: true,
  find: ({ facts }) => {
    const skew = facts.health.clockSkewSeconds;
    if (skew === undefined || Math.abs(skew) <= warnSeconds) return [];
    return [
      {
        level: Math.abs(skew) > errorSeconds ? 'error' : 'warning',
        evidence: `the clock of the host is ${timeSpan(Math.abs(skew))} ${skew > 0 ? 'ahead of' : 'behind'} that of this machine`,
        remedy:
          'Set the wrong one of the two; spec.timeSync: chrony or timesyncd keeps that of the host right.',
      },
    ];
  },
};

export const clockAlone: Cause = {
  code: 'BD009',
  name: 'clock-not-kept',
  why: 'A clock that nobody corrects drifts away within weeks.',
  beforeChanges: true,
  find: ({ spec, facts }) => {
    if (facts.system.container !== '' || spec.timeSync !== 'keep') return [];
    const keepers = timeKeepers(facts);
    if (keepers.length === 0)
      return [
        {
          level: 'warning',
          evidence: 'neither systemd-timesyncd nor chrony nor ntpd runs',
          remedy: 'Set spec.timeSync: chrony or timesyncd.',
        },
      ];
    if (facts.trouble?.clockSynchronized !== false) return [];
    return [
      {
        level: 'warning',
        evidence: `${keepers.join(', ')} runs, and the clock is not synchronized`,
        remedy: 'Look whether it reaches its servers: chronyc sources, or timedatectl timesync-status.',
      },
    ];
  },
};

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

const ourUnits = ['berthd.service', 'berth-shim.service', 'berth-masquerade.service'];

const restart = (unit: string): Change => ({
  id: `restart:${unit}`,
  action: 'restart',
  summary: `restart ${unit}`,
  refreshes: [unit],
  steps: [
    {
      kind: 'run',
      argv: [
        'sh',
        '-c',
        'systemctl reset-failed "$1" 2>/dev/null; systemctl restart "$1" && exit 0; ' +
          'journalctl --no-pager -o cat -n 40 -u "$1"; exit 1',
        'sh',
        unit,
      ],
      deadlineSeconds: 150,
    },
  ],
});

export const failedUnits: Cause = {
  code: 'BD025',
  name: 'unit-failed',
  why: 'What the unit does for the node is not done.',
  find: ({ facts }) => [
    ...ourUnits
      .filter((unit) => facts.units.get(unit)?.activeState === 'failed')
      .map((unit) => ({
        level: 'error' as const,
        evidence: `${unit} has failed`,
        remedy: `See why: journalctl -u ${unit} -n 50; then: systemctl restart ${unit}`,
        fix: [restart(unit)],
      })),
    ...(facts.trouble?.failedUnits ?? [])
      .filter((unit) => !ourUnits.includes(unit))
      .map((unit) => ({
        level: 'info' as const,
        evidence: `${unit} has failed; it is not berth's`,
        remedy: `See why: systemctl status ${unit}`,
      })),
  ],
};

export const oldProgram: Cause = {
  code: 'BD026',
  name: 'old-program-running',
  why: 'An upgrade is on disk and not at work.',
  find: ({ facts }) => {
    const { current } = facts.releases;
    if (current === undefined) return [];
    return [daemon, 'berth-shim.service'].flatMap((unit): Sign[] => {
      const program = facts.units.get(unit)?.mainProcess?.executable;
      const isStale = facts.install.stale.has(unit);
      const deleted = program?.endsWith(' (deleted)') ?? false;
      if (program === undefined || (!deleted && !isStale)) return [];
      return [
        {
          level: 'warning',
          evidence: deleted
            ? `${unit} runs ${program}`
            : `${unit} runs with what was there before a change that was cut off`,
          remedy: `systemctl restart ${unit}; containers go on`,
          fix: [restart(unit)],
        },
      ];
    });
  },
};

export const berthLocked: Cause = {
  code: 'BD029',
  name: 'berth-at-work',
  why: 'Only one run at a time may change a host: another one is refused.',
  find: inDepth(({ berthLockHolder }) =>
    berthLockHolder === undefined
      ? []
      : [
          {
            level: 'info',
            evidence: `the lock of berth is held by ${berthLockHolder.replaceAll('\t', ' ')}`,
            remedy: 'Wait for its end; the lock goes with the connection that holds it.',
          },
        ],
  ),
};

export const interruptedApply: Cause = {
  code: 'BD030',
  name: 'apply-interrupted',
  why: 'The host is neither as it was nor as the profile says.',
  find: ({ facts }) => {
    const { interrupted } = facts.install;
    if (interrupted === undefined || facts.trouble?.berthLockHolder !== undefined) return [];
    const { by, step } = interrupted;
    return [
      {
        level: 'warning',
        evidence: `an apply by ${by.replaceAll('\t', ' at ')} was cut off${step === '' ? '' : ` at ${step}`}`,
        remedy: 'Run berth apply: it goes on where that one stopped.',
      },
    ];
  },
};

export const noParser: Cause = {
  code: 'BD032',
  name: 'apparmor-without-parser',
  why: 'The kernel confines by AppArmor, and nothing can load a profile: pods that ask for one do not start.',
  beforeChanges: true,
  find: ({ facts }) => {
    const { enabled, parser } = facts.health.apparmor;
    if (!enabled || parser) return [];
    return [
      {
        level: 'warning',
        evidence: '/sys/module/apparmor/parameters/enabled is Y, and there is no apparmor_parser',
        remedy: 'Install the package apparmor, or name it in spec.packages.extra.',
      },
    ];
  },
};
