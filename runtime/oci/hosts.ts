import { requireHostname } from './hostname.ts';

const LOCAL_NAMES = [
  ['127.0.0.1', 'localhost'],
  ['::1', 'localhost ip6-localhost ip6-loopback'],
  ['fe00::', 'ip6-localnet'],
  ['fe00::', 'ip6-mcastprefix'],
  ['fe00::1', 'ip6-allnodes'],
  ['fe00::2', 'ip6-allrouters'],
] as const;

/**
 * Text of the pod's /etc/hosts (hosts(5)): the local names, and the pod's own at each of its addresses.
 * A host-network pod gets the host's file instead. Fails `InvalidArgument` for what is no host name: a line end
 * in it would write lines of the requester's choice.
 */
export const hostsFile = (hostname: string, ips: readonly string[]): string => {
  const own = hostname === '' ? [] : ips.map((ip) => `${ip}\t${requireHostname(hostname)}`);
  return `${[...LOCAL_NAMES.map((line) => line.join('\t')), ...own].join('\n')}\n`;
};
