import { quote } from '../../host/quote.ts';
import { localUpEnvironment, minikubeStart } from '../../node/other-clusters.ts';
import type { FlowContext } from '../context.ts';
import { listHosts } from '../hosts.ts';
import type { HostFailure } from '../on-hosts.ts';

/** What a person types to use the hosts with other makers of clusters; no host is contacted. */
export async function otherCluster(
  context: FlowContext,
  name: 'minikube' | 'local-up-cluster',
): Promise<{ readonly texts: readonly string[]; readonly failures: readonly HostFailure[] }> {
  const { hosts, failures } = await listHosts(context, { check: false });
  const texts = hosts.flatMap((listed) => {
    const entry = context.hosts.find((host) => host.name === listed.host);
    if (entry === undefined) return [];
    const lines = name === 'minikube' ? minikubeLines(entry.spec, listed) : localUpLines(entry.spec);
    return [[`# ${listed.host}`, ...lines].join('\n')];
  });
  return { texts, failures };
}

type MinikubeArguments = Parameters<typeof minikubeStart>;

const minikubeLines = (...[spec, address]: MinikubeArguments): string[] => {
  const { prepare, argv } = minikubeStart(spec, address);
  return [...prepare, argv.map(quote).join(' ')];
};

const localUpLines = (spec: Parameters<typeof localUpEnvironment>[0]): string[] => [
  '# On the host, as root, in a checkout of Kubernetes:',
  ...Object.entries(localUpEnvironment(spec)).map(([name, value]) => `export ${name}=${quote(value)}`),
  'hack/local-up-cluster.sh',
];
