import { Fail } from '../core/fail.ts';
import type { DNSConfig } from '../spec/cri/api_pb.js';

/** Text of the pod's resolv.conf: from the request, else the host's own (`hostText`). */
export const resolvConf = (_dns: DNSConfig | undefined, _hostText: string): string => {
  throw new Fail('Unimplemented', 'resolvConf');
};
