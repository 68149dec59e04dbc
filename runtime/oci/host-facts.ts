import { Fail } from '../core/fail.ts';
import type { HostFacts } from './input.ts';

/** Reads /proc and /sys once. */
export const readHostFacts = async (): Promise<HostFacts> => {
  throw new Fail('Unimplemented', 'readHostFacts');
};
