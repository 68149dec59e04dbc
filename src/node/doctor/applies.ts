import { howItEnded } from '../../host/facts/install.ts';
import { type Cause, inDepth } from './cause.ts';

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
    return [
      {
        level: 'warning',
        evidence: howItEnded(interrupted),
        remedy: 'Run berth apply: it goes on where that one stopped.',
      },
    ];
  },
};
