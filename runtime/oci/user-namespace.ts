import { Fail } from '../core/fail.ts';
import { type IDMapping, NamespaceMode, type PodSandboxConfig } from '../spec/cri/api_pb.js';
import type { OciIdMapping, OciLinux } from '../spec/oci/runtime.ts';

/** The users and groups of a pod, as the host numbers them. */
export interface IdMappings {
  readonly uids: OciIdMapping;
  readonly gids: OciIdMapping;
}

/** A pod's user namespace. */
export interface PodUsers {
  /** Where it is pinned. */
  readonly namespace: string;
  readonly mappings: IdMappings;
}

/** (uid_t) -1 is no id (setresuid(2)). */
const IDS = 2 ** 32 - 1;

/**
 * The mappings of the user namespace that the pod asks for; undefined: it has the host's users.
 * Fails `InvalidArgument` for other modes than POD and NODE, and for anything but one mapping of users and one of
 * groups that include root: the kubelet gives each pod one range, and so does the API.
 */
export const requestedMappings = (pod: PodSandboxConfig): IdMappings | undefined => {
  const options = pod.linux?.securityContext?.namespaceOptions;
  const users = options?.usernsOptions;
  if (users === undefined || users.mode === NamespaceMode.NODE) return undefined;
  if (users.mode !== NamespaceMode.POD)
    throw new Fail('InvalidArgument', `${FIELD}.mode is POD or NODE, not ${NamespaceMode[users.mode]}`);
  for (const kind of ['pid', 'ipc'] as const)
    if (options?.[kind] === NamespaceMode.NODE) throw notWithHost(kind);
  return { uids: onlyMapping('uids', users.uids), gids: onlyMapping('gids', users.gids) };
};

const FIELD = 'namespace_options.userns_options';

const onlyMapping = (field: 'uids' | 'gids', mappings: readonly IDMapping[]): OciIdMapping => {
  const [mapping] = mappings;
  if (mapping === undefined || mappings.length > 1)
    throw new Fail('InvalidArgument', `${FIELD}.${field} has ${mappings.length} mappings, and needs one`);
  const { hostId, containerId, length } = mapping;
  if (containerId !== 0 || length === 0)
    throw new Fail('InvalidArgument', `${FIELD}.${field} does not map id 0 of the container`);
  if (hostId + length > IDS)
    throw new Fail('InvalidArgument', `${FIELD}.${field}: ${hostId} + ${length} is beyond the last id`);
  return { containerID: containerId, hostID: hostId, size: length };
};

/** The kernel mounts /proc and /dev/mqueue for the owner of the namespace alone, which the host's root is then. */
const notWithHost = (kind: 'pid' | 'ipc'): Fail =>
  new Fail('InvalidArgument', `namespace_options.${kind} NODE cannot go with a user namespace`, {
    hint: `let the pod have its own ${kind} namespace, or the host's users`,
  });

/** As config.json has them. */
export const ociMappings = ({ uids, gids }: IdMappings): Pick<OciLinux, 'uidMappings' | 'gidMappings'> => ({
  uidMappings: [uids],
  gidMappings: [gids],
});

/** The host's number of an id in the pod. Fails `InvalidArgument` when the pod has no such id. */
export const hostId = (mapping: OciIdMapping, id: number, what: string): number => {
  if (id >= mapping.containerID && id - mapping.containerID < mapping.size)
    return mapping.hostID + (id - mapping.containerID);
  throw new Fail(
    'InvalidArgument',
    `${what} ${id} is not among the ${mapping.size} ids of the pod's user namespace`,
  );
};

/** The one sysctl that holds ids. The kernel reads them as those of whoever writes, which is the host's root. */
const PING_GROUPS = 'net.ipv4.ping_group_range';

/** Sysctls of the pod as the host's root has to write them; a range of groups ends where the pod's groups end. */
export const sysctlsForHost = (
  sysctls: Readonly<Record<string, string>>,
  { gids }: IdMappings,
): Readonly<Record<string, string>> => {
  const [, first, last] = /^\s*(\d{1,10})\s+(\d{1,10})\s*$/.exec(sysctls[PING_GROUPS] ?? '') ?? [];
  // An empty range (`1 0`) lets nobody ping, whoever they are.
  if (first === undefined || last === undefined || Number(first) > Number(last)) return sysctls;
  const end = Math.min(Number(last), gids.size - 1);
  const range = [Number(first), end].map((id) => hostId(gids, id, `${PING_GROUPS}: group`));
  return { ...sysctls, [PING_GROUPS]: range.join(' ') };
};

interface UserIds {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
}

/** Fails `InvalidArgument` for a user or a group that the pod's user namespace does not have. */
export const requireMapped = (user: UserIds, { uids, gids }: IdMappings): void => {
  hostId(uids, user.uid, 'user');
  for (const gid of [user.gid, ...user.additionalGids]) hostId(gids, gid, 'group');
};

/** True for the very mapping, in the form that a mount has it. */
export const isMapping = (asked: readonly IDMapping[], mapping: OciIdMapping): boolean =>
  asked.length === 1 &&
  asked.every(
    ({ hostId: host, containerId, length }) =>
      host === mapping.hostID && containerId === mapping.containerID && length === mapping.size,
  );
