import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Roots } from '../containers/folders.ts';
import { furnishNamespaces, type NamespaceKind, pinNamespaces, unpinNamespace } from '../linux/namespaces.ts';
import { hasErrno } from '../linux/system-call-failed.ts';
import { type IdMappings, type PodUsers, requestedMappings, sysctlsForHost } from '../oci/user-namespace.ts';
import { NamespaceMode, type PodSandboxConfig } from '../spec/cri/api_pb.js';
import type { PodContext } from './context.ts';
import { pinnedNamespaces } from './folders.ts';
import { type PodRecord, usesHostNetwork } from './record.ts';

const KINDS: readonly NamespaceKind[] = ['net', 'ipc', 'uts'];

const PIN_TIMEOUT_MS = 30_000;

/**
 * Makes the pod's own namespaces and pins them without a process in them. A pod in the host's network has the
 * host's name too, as the kubelet expects.
 */
export const pinPod = async (
  { roots, shim }: Pick<PodContext, 'roots' | 'shim'>,
  id: string,
  config: PodSandboxConfig,
  sysctls: Readonly<Record<string, string>>,
): Promise<PodRecord['namespaces']> => {
  const wish: Wish = {
    dir: pinnedNamespaces(roots, id),
    kinds: ownKinds(config),
    sysctls,
    ...(config.hostname === '' ? {} : { hostname: config.hostname }),
  };
  const mappings = requestedMappings(config);
  if (mappings === undefined && wish.kinds.length === 0) return {};
  const { net, ...others } =
    mappings === undefined ? pinNamespaces(wish) : await pinWithUsers(shim, wish, mappings);
  return { ...others, ...(net === undefined ? {} : { network: net }) };
};

interface Wish {
  readonly dir: string;
  readonly kinds: readonly NamespaceKind[];
  readonly sysctls: Readonly<Record<string, string>>;
  readonly hostname?: string;
}

/**
 * The same in a user namespace, to which the others must belong from the start: only then is the container's root
 * master of them. A process has to make it, and processes are the shim's.
 */
const pinWithUsers = async (
  shim: PodContext['shim'],
  { dir, kinds, sysctls, hostname }: Wish,
  mappings: IdMappings,
): Promise<Readonly<Partial<Record<NamespaceKind | 'user', string>>>> => {
  const { uids, gids } = mappings;
  mkdirSync(dir, { recursive: true, mode: 0o711 });
  await shim.call(
    'pinUserNamespace',
    { dir, kinds: [...kinds], uidMappings: [uids], gidMappings: [gids] },
    AbortSignal.timeout(PIN_TIMEOUT_MS),
  );
  const pinned = Object.fromEntries(kinds.map((kind) => [kind, join(dir, kind)]));
  const owner = uids.hostID;
  furnishNamespaces({
    pinned,
    owner,
    sysctls: sysctlsForHost(sysctls, mappings),
    ...(hostname === undefined ? {} : { hostname }),
  });
  return { ...pinned, user: join(dir, 'user') };
};

/** The pod's user namespace, when it has one. */
export const podUsers = ({
  config,
  namespaces,
}: Pick<PodRecord, 'config' | 'namespaces'>): PodUsers | undefined => {
  const mappings = requestedMappings(config);
  if (mappings === undefined || namespaces.user === undefined) return undefined;
  return { namespace: namespaces.user, mappings };
};

const ownKinds = (config: PodSandboxConfig): readonly NamespaceKind[] => {
  const ownNetwork = !usesHostNetwork(config);
  const ownIpc = config.linux?.securityContext?.namespaceOptions?.ipc !== NamespaceMode.NODE;
  return KINDS.filter((kind) => (kind === 'ipc' ? ownIpc : ownNetwork));
};

/**
 * Lets go of whatever was pinned for the pod. Idempotent, and needs no record. Never by removing a tree: what else is
 * mounted there is somebody's.
 */
export const unpinPod = (roots: Roots, id: string): void => {
  const dir = pinnedNamespaces(roots, id);
  for (const kind of [...KINDS, 'pid', 'user']) unpinNamespace(join(dir, kind));
  try {
    rmdirSync(dir);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error;
  }
};
