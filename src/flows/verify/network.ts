import type { Spec } from '../../profile/profile.ts';
import { dnsWanted } from './pod.ts';
import { outsideRanges } from './pod-range.ts';
import { done, green, type Judge, red, type Verdict } from './verdict.ts';

const firewallRemedy =
  'the firewall of the host or a missing rule is in the way: look at iptables-save or nft list ruleset';

/** The two addresses that the lane printed. */
const podsInRange = (spec: Spec): Judge => ({
  title: 'two more pods start',
  judge: ({ stdout }) => {
    const addresses = stdout.trim().split(/\s+/).filter(Boolean);
    if (addresses.length < 2) return red('a pod has no address', 'see why with: journalctl -u berthd -n 50');
    return outsideRanges(addresses, spec) ?? green(addresses.join(', '));
  },
  remedy: 'look at the CNI configuration, and at: journalctl -u berthd -n 50',
});

/** redis answers the GET with the value that this run has stored, and nobody else knows. */
const answersValue = (title: string, value: string, remedy: string): Judge => ({
  title,
  judge: ({ stdout }): Verdict => {
    const lines = stdout.split(/\r?\n/).filter((line) => line !== '');
    if (lines.includes(value)) return green('the right pod answers');
    return red(
      lines.length === 0 ? 'no answer' : `somebody else answers: ${lines.join(' ').slice(0, 60)}`,
      remedy,
    );
  },
  remedy,
});

/** Told only where the pod did not start, or was not tried: then its second stream says who listens there. */
const hostPort = (port: number): Judge => ({
  title: `a pod takes port ${port}`,
  judge: ({ stderr }) =>
    red(stderr.trim(), `free the port, or name another in spec.verify.hostPort (now ${port})`),
  remedy:
    'the portmap plugin publishes ports: it must be in the CNI configuration, and in a folder of spec.cni.pluginDirs; ' +
    'where somebody removed it beside its package, berth doctor finds that, and with --fix it brings it back',
});

const publishRemedy =
  'the portmap plugin publishes ports: is it in the CNI configuration, and are its CNI-HOSTPORT rules in place (iptables-save)?';

const udp: Judge = {
  title: 'over UDP as well',
  judge: ({ stdout }) =>
    stdout.trim() === 'berth'
      ? green('the datagram comes back')
      : red('no datagram comes back', publishRemedy),
  remedy: publishRemedy,
};

const words = (text: string, keyword: string): string[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith(`${keyword} `))
    .flatMap((line) => line.slice(keyword.length).trim().split(/\s+/));

const missingFrom = (seen: readonly string[], wanted: readonly string[]): string[] =>
  wanted.filter((word) => !seen.includes(word));

/** The pod's configuration lies in the second stream. */
const dnsConfiguration: Judge = {
  title: 'resolv.conf as asked',
  judge: ({ stdout, stderr }) => {
    const servers = serversOf(stderr);
    const missing = [
      ...missingFrom(words(stdout, 'nameserver'), servers),
      ...missingFrom(words(stdout, 'search'), dnsWanted.searches),
      ...missingFrom(words(stdout, 'options'), dnsWanted.options),
    ];
    const foreign = words(stdout, 'nameserver').filter((server) => !servers.includes(server));
    if (missing.length > 0) return red(`missing: ${missing.join(', ')}`);
    if (foreign.length > 0) return red(`not asked for: ${foreign.join(', ')}`);
    return green(`${servers.join(', ')}; ${dnsWanted.searches.join(', ')}; ${dnsWanted.options.join(', ')}`);
  },
};

const serversOf = (podForm: string): string[] =>
  /"servers":\[([^\]]*)\]/.exec(podForm)?.[1]?.match(/[0-9a-fA-F.:]+/g) ?? [];

const dnsRemedy =
  'the pod cannot ask the DNS servers of the host: look at /etc/resolv.conf, the way out of the pod and the firewall';

const dnsName: Judge = {
  title: 'a pod resolves a name',
  judge: ({ stdout }) => {
    const name = /^Name:\s*(\S+)/m.exec(stdout)?.[1];
    const address = /^Address(?: \d+)?:\s*([0-9a-fA-F.:]+)\s*$/m.exec(
      stdout.slice(stdout.indexOf('Name:')),
    )?.[1];
    return green([name, address].filter(Boolean).join(' is ') || (stdout.trim().split('\n').at(-1) ?? ''));
  },
  remedy: dnsRemedy,
};

const podToHost: Judge = {
  title: 'a pod reaches its host',
  judge: ({ stdout }) =>
    stdout.includes('berth-host')
      ? green('the host answers')
      : red('the host does not answer', firewallRemedy),
  remedy: firewallRemedy,
};

const wayOut: Judge = {
  title: 'a pod reaches the world',
  judge: ({ stdout }) => {
    const target = stdout.trim().split('\n').at(-1) ?? '';
    return green(`${target} ${/refused/.test(stdout) ? 'refuses, so it was reached' : 'answers'}`);
  },
  remedy:
    'the host gets an answer there and the pod does not: look at net.ipv4.ip_forward, berth-masquerade.service and the FORWARD chain',
};

/** The checks of network.sh. `value` is what its redis holds. */
export const networkJudges = (spec: Spec, value: string): ReadonlyMap<string, Judge> => {
  const { hostPort: port } = spec.verify;
  return new Map<string, Judge>([
    ['network.pods', podsInRange(spec)],
    ['hostport.pod', hostPort(port)],
    ['hostport.address', answersValue(`port ${port} of the host`, value, publishRemedy)],
    ['hostport.loopback', answersValue('on 127.0.0.1', value, publishRemedy)],
    ['hostport.from-pod', answersValue('from another pod', value, publishRemedy)],
    ['hostport.udp', udp],
    ['dns.configuration', dnsConfiguration],
    ['dns.name', dnsName],
    ['network.pod-to-pod', answersValue('a pod reaches another', value, firewallRemedy)],
    ['network.pod-to-host', podToHost],
    ['network.way-out', wayOut],
    ['hostport.rest', done('the host port is used', 'used')],
    ['network.rest', done('the rest of the network', 'checked')],
    ['network.lane', done('the network checks', 'done')],
    [
      'network.clean-up',
      done('the pods are taken away', 'taken away', 'crictl pods; crictl rmp --force POD'),
    ],
  ]);
};
