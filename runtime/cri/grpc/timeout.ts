import { Fail } from '../../core/fail.ts';

/** Units of `grpc-timeout`, in milliseconds. */
const MILLISECONDS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** setTimeout takes no more: 24 days, which no caller outlives. */
const LONGEST_MS = 2 ** 31 - 1;

/** Milliseconds that the caller gives the call; undefined: as many as it takes. Throws `InvalidArgument`. */
export const timeoutMs = (header: string | undefined): number | undefined => {
  if (header === undefined) return undefined;
  const [, amount, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(header) ?? [];
  if (amount === undefined)
    throw new Fail('InvalidArgument', `grpc-timeout ${JSON.stringify(header)} is none`);
  const milliseconds = Number(amount) * (MILLISECONDS[unit] ?? 0);
  return milliseconds > LONGEST_MS ? undefined : milliseconds;
};
