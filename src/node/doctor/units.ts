import type { Change } from '../../resources/change.ts';
import { daemons, engineUnits, shim } from '../engines.ts';
import type { Cause, Sign } from './cause.ts';

const ourUnits = [...Object.values(engineUnits).flat(), 'berth-masquerade.service'];

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
    return [daemons.berth, shim].flatMap((unit): Sign[] => {
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
