import { relative } from 'node:path';
import { isReady, type QuickstartPlan } from '../flows/quickstart.ts';
import { sshCommand } from '../inventory/embedded/reach-host.ts';

/** What the quick start will do to this machine, said before it does anything. */
export const announcement = (plan: QuickstartPlan): string => {
  if (isReady(plan))
    return 'berth quickstart: the embedded host is running; looking whether anything differs.';
  const networks = plan.hosts.map(
    ({ address }) => `bridge berth-${address.name} with ${address.network}.1/24`,
  );
  const rows = [
    ['install', plan.packages.length === 0 ? '' : `${plan.packages.join(' ')}, and what they depend on`],
    ['load', plan.modules.length === 0 ? '' : `kernel module ${plan.modules.join(' ')}`],
    ['fill', plan.folder],
    ['', 'with about 600 MB: a Debian root, the host, keys, artifacts'],
    ['add', `${networks.join(', ')}, and its cgroups`],
    ['take', plan.rootNeeded ? 'one to four minutes the first time, seconds afterwards' : 'seconds'],
  ];
  return [
    'berth quickstart: boots a throw-away host on this machine, applies',
    'profiles/quickstart.yaml to it over SSH, and proves it with crictl. It will',
    ...rows.filter(([, what]) => what !== '').map(([verb = '', what]) => `  ${verb.padEnd(9)}${what}`),
    'and nothing else. To take all of it away: npm run quickstart -- --remove',
  ].join('\n');
};

/** What to try on the host that has been made. */
export const nextSteps = (plan: QuickstartPlan, profile: string): string => {
  const file = relative(process.cwd(), profile);
  const login = plan.hosts.map(({ address }) => sshCommand(address, plan.folder).join(' '));
  return [
    'Next:',
    ...login.map((line) => `  ${line}`),
    '    crictl version; crictl info; crictl pods; crictl images',
    '    systemctl status berthd; journalctl -u berthd',
    `  src/cli/berth plan ${file}`,
    '    edit the profile, and see what would change',
    `  src/cli/berth verify ${file}`,
    '    prove the host again',
    '  npm run quickstart -- --remove',
    '    take everything away',
  ].join('\n');
};
