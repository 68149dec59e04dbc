import { Fail } from '../core/fail.ts';
import { NamespaceMode } from '../spec/cri/api_pb.js';
import type { OciLinux } from '../spec/oci/runtime.ts';
import type { NamespacePaths, SpecInput } from './input.ts';

type Namespaces = OciLinux['namespaces'];

/**
 * CRI's NamespaceOption as OCI namespaces: a path joins one, no path makes one, no entry keeps the host's.
 * Network, IPC and users are the pod's affair; processes are the container's, when it says something.
 * Fails `InvalidArgument` for a mode that a kind has not.
 */
export const containerNamespaces = ({
  container,
  pod,
  namespaces,
  mappings,
  host,
}: SpecInput): Namespaces => {
  const context = container.linux?.securityContext;
  const ofPod = pod.linux?.securityContext?.namespaceOptions;
  const options = context?.namespaceOptions ?? ofPod;
  const network = podOrNode('network', ofPod?.network, namespaces);
  const ownCgroups = host.cgroups.mode === 'v2' && context?.privileged !== true;
  return [
    { type: 'mount' },
    ...(mappings === undefined ? [] : [{ type: 'user' as const, path: pinned('user', namespaces) }]),
    ...network,
    ...podOrNode('ipc', ofPod?.ipc, namespaces),
    ...hostNames(network.length > 0, namespaces),
    ...processes(options?.pid, namespaces),
    ...(ownCgroups ? [{ type: 'cgroup' as const }] : []),
  ];
};

const podOrNode = (
  type: 'network' | 'ipc',
  mode: NamespaceMode | undefined,
  paths: NamespacePaths,
): Namespaces => {
  switch (mode ?? NamespaceMode.POD) {
    case NamespaceMode.POD:
      return [{ type, path: pinned(type, paths) }];
    case NamespaceMode.NODE:
      return [];
    default:
      throw new Fail('InvalidArgument', `namespace_options.${type} is POD or NODE`);
  }
};

/** The pod's host name; a host-network pod without its own has the host's. */
const hostNames = (podNetwork: boolean, paths: NamespacePaths): Namespaces =>
  podNetwork || paths.uts !== undefined ? [{ type: 'uts', path: pinned('uts', paths) }] : [];

const processes = (mode: NamespaceMode | undefined, paths: NamespacePaths): Namespaces => {
  switch (mode ?? NamespaceMode.POD) {
    case NamespaceMode.NODE:
      return [];
    case NamespaceMode.CONTAINER:
      return [{ type: 'pid' }];
    default:
      return [{ type: 'pid', path: pinned('pid', paths) }];
  }
};

const pinned = (type: keyof NamespacePaths, paths: NamespacePaths): string => {
  const path = paths[type];
  if (path === undefined) throw new Fail('Internal', `the pod has no ${type} namespace to join`);
  return path;
};
