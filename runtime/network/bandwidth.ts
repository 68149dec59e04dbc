import { Fail } from '../core/fail.ts';
import type { Bandwidth } from './pod-network.ts';

/** The bandwidth plugin wants a burst beside each rate, in bits: as large as it takes, so that the rate alone limits. */
const BURST_BITS = 2 ** 32 - 1;
/** What the API server accepts for these annotations, in bits per second. */
const MINIMUM = 1e3;
const MAXIMUM = 1e15;

const FACTOR: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/**
 * The limits that a pod's `kubernetes.io/ingress-bandwidth` and `egress-bandwidth` annotations ask for;
 * undefined when there are none. Fails `InvalidArgument`.
 */
export const bandwidthOf = (annotations: Readonly<Record<string, string>>): Bandwidth | undefined => {
  const ingress = rate('kubernetes.io/ingress-bandwidth', annotations);
  const egress = rate('kubernetes.io/egress-bandwidth', annotations);
  if (ingress === undefined && egress === undefined) return undefined;
  return {
    ...(ingress === undefined ? {} : { ingressRate: ingress, ingressBurst: BURST_BITS }),
    ...(egress === undefined ? {} : { egressRate: egress, egressBurst: BURST_BITS }),
  };
};

const rate = (key: string, annotations: Readonly<Record<string, string>>): number | undefined => {
  const text = annotations[key];
  if (text === undefined) return undefined;
  const [, number = '', suffix = ''] = /^(\d{1,15}(?:\.\d{1,9})?)([kMGTP]|[KMGT]i)?$/.exec(text) ?? [];
  const bits = number === '' ? Number.NaN : Math.ceil(Number(number) * (FACTOR[suffix] ?? Number.NaN));
  if (bits >= MINIMUM && bits <= MAXIMUM) return bits;
  throw new Fail(
    'InvalidArgument',
    `annotation ${key} ${JSON.stringify(text)} is not a rate from 1k to 1P, such as 10M`,
  );
};
