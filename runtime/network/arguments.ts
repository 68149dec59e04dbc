import { Fail } from '../core/fail.ts';
import type { PluginConfig } from './config-lists.ts';
import type { PodNetwork } from './pod-network.ts';

/** Every pod's one interface beside `lo`; the kubelet and network policies expect this name. */
export const INTERFACE = 'eth0';

/** CNI_ARGS: what Kubernetes' plugins want to know of a pod. Fails `InvalidArgument` for a value that would end its field. */
export const cniArgs = ({ id, name, namespace, uid }: PodNetwork): string =>
  [
    ['IgnoreUnknown', '1'],
    ['K8S_POD_NAMESPACE', namespace],
    ['K8S_POD_NAME', name],
    ['K8S_POD_INFRA_CONTAINER_ID', id],
    ['K8S_POD_UID', uid],
  ]
    .map(([key, value = '']) => `${key}=${requireField(`pod ${key}`, value)}`)
    .join(';');

const requireField = (what: string, value: string): string => {
  if (!/[;=\x00-\x1f]/.test(value)) return value;
  throw new Fail(
    'InvalidArgument',
    `${what} ${JSON.stringify(value)} has a character that CNI_ARGS cannot carry`,
  );
};

/** `runtimeConfig` for a plugin: of what the pod asks for, what the plugin's `capabilities` take (CNI conventions). */
export const runtimeConfig = (
  plugin: PluginConfig,
  pod: PodNetwork,
): Readonly<Record<string, unknown>> | undefined => {
  const offered: Readonly<Record<string, unknown>> = {
    portMappings: hostPorts(pod).map(({ hostPort, containerPort, protocol, hostIp }) => ({
      hostPort,
      containerPort,
      protocol,
      ...(hostIp === '' ? {} : { hostIP: hostIp }),
    })),
    bandwidth: pod.bandwidth,
    ips: pod.ips,
    aliases: pod.aliases,
    dns: pod.dns,
  };
  const taken = Object.entries(offered).filter(
    ([key, value]) => plugin.capabilities?.[key] === true && !isEmpty(value),
  );
  return taken.length === 0 ? undefined : Object.fromEntries(taken);
};

const isEmpty = (value: unknown): boolean =>
  value === undefined || (Array.isArray(value) && value.length === 0);

/** The ports that are to be published on the host. */
export const hostPorts = (pod: PodNetwork): PodNetwork['portMappings'] =>
  pod.portMappings.filter(({ hostPort }) => hostPort > 0);

/**
 * The plugins of a list that have something to do for this pod. portmap publishes ports of the host: for a pod that asks
 * for none it hands the result on as it came, after a process and, at DEL, several runs of iptables. CRI-O and the
 * kubelet's own host ports cost such a pod nothing either.
 */
export const pluginsFor = (plugins: readonly PluginConfig[], pod: PodNetwork): readonly PluginConfig[] =>
  hostPorts(pod).length > 0
    ? plugins
    : plugins.filter(({ type }, index) => index === 0 || type !== 'portmap');

/** What the pod asks for and no plugin of the list takes. */
export const unmetRequests = (plugins: readonly PluginConfig[], pod: PodNetwork): readonly string[] => {
  const takes = (capability: string) =>
    plugins.some(({ capabilities }) => capabilities?.[capability] === true);
  const ports = hostPorts(pod).map(({ hostPort, protocol }) => `${hostPort}/${protocol}`);
  return [
    ...(ports.length > 0 && !takes('portMappings')
      ? [`host ports ${ports.join(', ')} (capability portMappings)`]
      : []),
    ...(pod.bandwidth !== undefined && !takes('bandwidth')
      ? ['bandwidth limits (capability bandwidth)']
      : []),
    ...((pod.ips ?? []).length > 0 && !takes('ips') ? ['fixed addresses (capability ips)'] : []),
  ];
};
