import { Fail } from '../core/fail.ts';
import type { DNSConfig } from '../spec/cri/api_pb.js';

/** Text of the pod's resolv.conf (resolv.conf(5)): from the request, else the host's own. Fails `InvalidArgument`. */
export const resolvConf = (dns: DNSConfig | undefined, hostText: string): string => {
  if (dns === undefined || dns.servers.length + dns.searches.length + dns.options.length === 0)
    return hostText;
  for (const word of [...dns.servers, ...dns.searches, ...dns.options]) requireWord(word);
  const lines = [
    ...(dns.searches.length === 0 ? [] : [`search ${dns.searches.join(' ')}`]),
    ...dns.servers.map((server) => `nameserver ${server}`),
    ...(dns.options.length === 0 ? [] : [`options ${dns.options.join(' ')}`]),
  ];
  return `${lines.join('\n')}\n`;
};

/** A space or a line end in a field would write lines of the requester's choice. */
const requireWord = (word: string): void => {
  if (/^[^\s\0]+$/.test(word)) return;
  throw new Fail('InvalidArgument', `dns_config: ${JSON.stringify(word)} is not one word`);
};
