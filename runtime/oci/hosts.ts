import { Fail } from '../core/fail.ts';

/** Text of the pod's /etc/hosts. A host-network pod gets the host's own file instead. */
export const hostsFile = (_hostname: string, _ips: readonly string[]): string => {
  throw new Fail('Unimplemented', 'hostsFile');
};
