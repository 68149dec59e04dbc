import { packageManagers } from '../../resources/package-managers.ts';
import { type Cause, inDepth } from './cause.ts';

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
