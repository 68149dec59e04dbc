import type { Facts } from '../../host/facts/probe.ts';
import type { TroubleFacts } from '../../host/facts/trouble.ts';
import type { Spec } from '../../profile/profile.ts';
import type { Change } from '../../resources/change.ts';

/**
 * error: pods or the node do not work. warning: they will not, once something likely happens. info: worth knowing, and
 * nothing to mend.
 */
export type Level = 'error' | 'warning' | 'info';

/** A known cause of trouble. Its code and name are part of the interface: docs/doctor.md lists them. */
export interface Cause {
  readonly code: `BD${number}`;
  readonly name: string;
  /** Why it hurts, in a sentence. */
  readonly why: string;
  /** An apply tells it as a note: nothing else says it there, and its one probe shows it. */
  readonly beforeChanges?: true;
  /** Pure; nothing when the facts do not show it, or when they were not asked for. */
  readonly find: (examined: Examined) => readonly Sign[];
}

/** The node that the profile wants, and the host that there is. */
export interface Examined {
  readonly spec: Spec;
  readonly facts: Facts;
}

/** One sign of a cause on a host. */
export interface Sign {
  readonly level: Level;
  /** What was seen, with names and figures. */
  readonly evidence: string;
  /** What a person can do. */
  readonly remedy: string;
  /** What berth can do by itself without harm: journalled, and undone by reset. */
  readonly fix?: readonly Change[];
}

export interface Finding extends Sign {
  readonly code: Cause['code'];
  readonly name: string;
  readonly why: string;
  readonly fix: readonly Change[];
}

/** Looks only where the doctor's own questions were asked. */
export const inDepth =
  (find: (trouble: TroubleFacts, examined: Examined) => readonly Sign[]): Cause['find'] =>
  (examined) =>
    examined.facts.trouble === undefined ? [] : find(examined.facts.trouble, examined);

export const ranges = ({ cni }: Spec): string[] => cni.networks.flatMap(({ subnets }) => subnets);

export const sysctlOf = ({ kernel }: Facts, key: string): number | undefined => {
  const value = kernel.sysctls.get(key)?.value;
  return value === undefined || !/^-?\d+$/.test(value) ? undefined : Number(value);
};
