import { fileAt } from '../host/facts/files.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { UnitFact } from '../host/facts/units.ts';
import type { EngineSpec } from '../profile/profile.ts';

export type EngineName = EngineSpec['name'];

export const shim = 'berth-shim.service' as const;

/** The services of each engine, in the order in which they start; the last one serves the CRI socket. */
export const engineUnits: Readonly<Record<EngineName, readonly string[]>> = {
  berth: [shim, 'berthd.service'],
  'cri-o': ['crio.service'],
};

export const daemons: Readonly<Record<EngineName, string>> = {
  berth: 'berthd.service',
  'cri-o': 'crio.service',
};

/** The unit that reads the configuration of the node. */
export const daemonOf = ({ engine }: { readonly engine: Pick<EngineSpec, 'name'> }): string =>
  daemons[engine.name];

export const crioUnitFile = '/etc/systemd/system/crio.service';

const nothing: UnitFact = {
  loaded: false,
  fileState: '',
  activeState: 'inactive',
  needsReload: false,
  mainProcess: undefined,
};

/** berthd's unit has the name of CRI-O's as an alias, so systemd tells of one when asked for the other. */
const isAlias = ({ files, units, releases }: Facts): boolean => {
  const file = fileAt(files, crioUnitFile);
  if (file.kind === 'link')
    return file.target.endsWith('/berthd.service') || file.target === 'berthd.service';
  return units.get('crio.service')?.mainProcess?.executable.startsWith(`${releases.root}/`) ?? false;
};

/** The facts with what is true of CRI-O's own unit; the link comes and goes with berthd's, which systemctl enables. */
export const withoutAlias = (facts: Facts): Facts =>
  isAlias(facts)
    ? {
        ...facts,
        units: new Map([...facts.units, ['crio.service', nothing]]),
        files: new Map([...facts.files, [crioUnitFile, { kind: 'absent' }]]),
      }
    : facts;

/** The engine that serves the socket now, whoever installed it; undefined: none does. */
export const engineOn = (facts: Facts): EngineName | undefined => {
  if (facts.units.get(daemons.berth)?.activeState === 'active') return 'berth';
  return withoutAlias(facts).units.get('crio.service')?.activeState === 'active' ? 'cri-o' : undefined;
};
