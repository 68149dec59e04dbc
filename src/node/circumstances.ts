import { createHash } from 'node:crypto';
import { sysctlPath } from '../host/facts/kernel.ts';
import type { Facts } from '../host/facts/probe.ts';
import { quote } from '../host/quote.ts';
import type { Spec } from '../profile/profile.ts';
import { limitFloors } from './limits.ts';

/**
 * Something in which machines made from images of one system differ, and on which the plan of a node depends. A plan for a
 * machine that nobody has seen holds what is to be done in either case; the machine tells which one it is.
 */
export interface Circumstance {
  /** A word: what is done depends on the shell variable of this name, 1 or 0. */
  readonly name: string;
  /** A command of POSIX sh that succeeds where it holds. */
  readonly test: string;
  /** The facts of a bare machine on which it holds. */
  readonly holds: (facts: Facts) => Facts;
}

const withUnit = (facts: Facts, name: string): Facts => ({
  ...facts,
  units: new Map([
    ...facts.units,
    [
      name,
      {
        loaded: true,
        fileState: 'enabled',
        activeState: 'active',
        needsReload: false,
        mainProcess: undefined,
      },
    ],
  ]),
});

const withText = (facts: Facts, path: string, text: string): Facts => {
  const sha256 = createHash('sha256').update(text).digest('hex');
  const file = { kind: 'file', mode: 0o644, owner: '0:0', bytes: text.length, sha256, text } as const;
  return { ...facts, files: new Map([...facts.files, [path, file]]) };
};

const withSelinux = (facts: Facts): Facts => ({
  ...facts,
  health: {
    ...facts.health,
    selinux: { enforcing: true, semanage: facts.health.selinux?.semanage ?? false, types: new Map() },
  },
});

const ofApt: readonly Circumstance[] = [
  {
    name: 'ufw',
    test: "grep -qs '^[[:space:]]*ENABLED=yes[[:space:]]*$' /etc/ufw/ufw.conf",
    holds: (facts) => withText(facts, '/etc/ufw/ufw.conf', 'ENABLED=yes\n'),
  },
];

const ofDnf: readonly Circumstance[] = [
  {
    name: 'firewalld',
    test: 'systemctl is-active --quiet firewalld.service',
    holds: (facts) => withUnit(facts, 'firewalld.service'),
  },
  { name: 'selinux', test: '[ -r /sys/fs/selinux/enforce ]', holds: withSelinux },
];

/** Tools of SELinux's policy; without SELinux they change nothing. */
const semanage: Circumstance = {
  name: 'semanage',
  test: '[ -r /sys/fs/selinux/enforce ] && command -v semanage > /dev/null && command -v restorecon > /dev/null',
  holds: (facts) => {
    const on = withSelinux(facts);
    const selinux = on.health.selinux;
    return selinux === undefined
      ? on
      : { ...on, health: { ...on.health, selinux: { ...selinux, semanage: true } } };
  },
};

const networkManager: Circumstance = {
  name: 'networkmanager',
  test: '[ "$(systemctl show -p LoadState --value NetworkManager.service)" = loaded ]',
  holds: (facts) => withUnit(facts, 'NetworkManager.service'),
};

/** A limit that is lower than it must be, and can be raised: elsewhere it stays. */
const lowLimit = ([key, floor]: readonly [string, number]): Circumstance => {
  const file = quote(sysctlPath(key));
  return {
    name: key.replaceAll(/[^a-z]/g, '_'),
    test: `[ -w ${file} ] && [ "$(cat ${file})" -lt ${floor} ]`,
    holds: (facts) => ({
      ...facts,
      kernel: {
        ...facts.kernel,
        sysctls: new Map([...facts.kernel.sysctls, [key, { value: '0', writable: true }]]),
      },
    }),
  };
};

/** Those that the plan of this node depends on. */
export const circumstancesOf = (spec: Spec, facts: Facts): readonly Circumstance[] => [
  ...(facts.packages.manager === 'dnf' ? [...ofDnf, semanage] : ofApt),
  networkManager,
  ...limitFloors(spec).map(lowLimit),
];

/** A limit of which nothing is known is high enough: see `lowLimit`. */
export const withoutLimits = (spec: Spec, facts: Facts): Facts => {
  const limits = limitFloors(spec).map(([key]) => key);
  const others = [...facts.kernel.sysctls].filter(([key]) => !limits.includes(key));
  return { ...facts, kernel: { ...facts.kernel, sysctls: new Map(others) } };
};
