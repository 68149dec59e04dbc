import type { Facts } from '../host/facts/probe.ts';
import type { Change } from './change.ts';

/** Files from which systemd makes units: it reads them only when told. */
export const isUnitSource = (path: string): boolean =>
  path.startsWith('/etc/systemd/system/') ||
  path === '/etc/fstab' ||
  path === '/etc/systemd/zram-generator.conf';

/** systemd reads unit files only when told; once for all of them. */
export const reloadUnits: Change = {
  id: 'units:reload',
  action: 'update',
  summary: 'let systemd read the unit files',
  steps: [{ kind: 'run', argv: ['systemctl', 'daemon-reload'], deadlineSeconds: 150 }],
};

/** Services of others that read files of berth's without being restarted for it. */
const readers: readonly { readonly folder: string; readonly unit: string }[] = [
  { folder: '/etc/NetworkManager/conf.d/', unit: 'NetworkManager.service' },
];

/** Lets the services of others read again what the changes before write or delete, or what a cut-off apply wrote. */
export function planForeignReloads(facts: Facts, before: readonly Change[]): Change[] {
  const paths = before.flatMap(({ steps }) =>
    steps.flatMap((step) => (step.kind === 'run' ? [] : [step.path])),
  );
  return readers.flatMap(({ folder, unit }): Change[] => {
    const isDue = facts.install.stale.has(unit) || paths.some((path) => path.startsWith(folder));
    if (!isDue || facts.units.get(unit)?.activeState !== 'active') return [];
    return [
      {
        id: `reload:${unit}`,
        action: 'restart',
        summary: `let ${unit} read its configuration again`,
        refreshes: [unit],
        steps: [{ kind: 'run', argv: ['systemctl', 'reload-or-restart', unit], deadlineSeconds: 90 }],
      },
    ];
  });
}
