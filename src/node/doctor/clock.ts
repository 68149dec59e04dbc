import { timeSpan } from '../../core/text.ts';
import { timeKeepers } from '../time-sync.ts';
import type { Cause } from './cause.ts';

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
