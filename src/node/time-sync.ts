import { Fail } from '../core/fail.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { Spec } from '../profile/profile.ts';
import type { Resource } from '../resources/resource.ts';
import type { Concern } from './concern.ts';

type Keeper = Exclude<Spec['timeSync'], 'keep'>;

/** Units of every program that keeps clocks right, under every name that distributions give them. */
export const timeUnits = [
  'systemd-timesyncd.service',
  'chrony.service',
  'chronyd.service',
  'ntpsec.service',
  'ntpd.service',
  'ntp.service',
  'openntpd.service',
] as const;

const unitsOf: Readonly<Record<Keeper, readonly string[]>> = {
  timesyncd: ['systemd-timesyncd.service'],
  chrony: ['chrony.service', 'chronyd.service'],
};

/** In the Fedora family timesyncd is a part of systemd's own packages, which a host has or has not. */
const packageOf: Readonly<Record<Keeper, Readonly<Record<'apt' | 'dnf', readonly string[]>>>> = {
  timesyncd: { apt: ['systemd-timesyncd'], dnf: [] },
  chrony: { apt: ['chrony'], dnf: ['chrony'] },
};

/** Units that keep the clock now. */
export const timeKeepers = ({ units }: Facts): string[] =>
  timeUnits.filter((unit) => units.get(unit)?.activeState === 'active');

export const timeSync: Concern = {
  asks: ({ timeSync: wanted }) => ({
    units: [...timeUnits],
    ...(wanted === 'keep' ? {} : { packages: packageOf[wanted] }),
  }),
  resources: ({ spec: { timeSync: wanted }, facts }) => {
    if (wanted === 'keep') return { resources: [] };
    if (facts.system.container !== '')
      return {
        resources: [],
        notes: ['the clock belongs to the machine around this host, which must keep it right'],
      };
    refuseToReplace(wanted, facts);
    return { resources: [unitOf(wanted, facts)] };
  },
};

/** Installed with all others; a container has no clock of its own. */
export const timePackages = ({ timeSync: wanted }: Spec, { packages, system }: Facts): readonly string[] =>
  wanted === 'keep' || system.container !== '' ? [] : packageOf[wanted][packages.manager ?? 'apt'];

function unitOf(keeper: Keeper, { packages }: Facts): Resource {
  const name =
    keeper === 'chrony' && packages.manager === 'dnf' ? 'chronyd.service' : (unitsOf[keeper][0] ?? '');
  return { kind: 'unit', name, file: `/usr/lib/systemd/system/${name}` };
}

/** Two programs that set one clock fight, and package managers silently remove the loser: that is not ours to decide. */
function refuseToReplace(wanted: Keeper, facts: Facts): void {
  const other = timeKeepers(facts).find((unit) => !unitsOf[wanted].includes(unit));
  if (other === undefined) return;
  throw new Fail('Unsupported', `${other} keeps the clock of this host, and spec.timeSync wants ${wanted}`, {
    hint: `Disable ${other} and remove its package first, or set spec.timeSync to keep.`,
  });
}
