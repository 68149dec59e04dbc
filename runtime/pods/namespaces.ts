import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Roots } from '../containers/folders.ts';
import { type NamespaceKind, pinNamespaces, unpinNamespace } from '../linux/namespaces.ts';
import { NamespaceMode, type PodSandboxConfig } from '../spec/cri/api_pb.js';
import { pinnedNamespaces } from './folders.ts';
import { type PodRecord, usesHostNetwork } from './record.ts';

const KINDS: readonly NamespaceKind[] = ['net', 'ipc', 'uts'];

/**
 * Makes the pod's own namespaces and pins them without a process in them. A pod in the host's network has the
 * host's name too, as the kubelet expects.
 */
export const pinPod = (
  roots: Roots,
  id: string,
  config: PodSandboxConfig,
  sysctls: Readonly<Record<string, string>>,
): PodRecord['namespaces'] => {
  const kinds = ownKinds(config);
  if (kinds.length === 0) return {};
  const dir = pinnedNamespaces(roots, id);
  const hostname = config.hostname === '' ? {} : { hostname: config.hostname };
  const { net, ...others } = pinNamespaces({ dir, kinds, sysctls, ...hostname });
  return { ...others, ...(net === undefined ? {} : { network: net }) };
};

const ownKinds = (config: PodSandboxConfig): readonly NamespaceKind[] => {
  const ownNetwork = !usesHostNetwork(config);
  const ownIpc = config.linux?.securityContext?.namespaceOptions?.ipc !== NamespaceMode.NODE;
  return KINDS.filter((kind) => (kind === 'ipc' ? ownIpc : ownNetwork));
};

/** Lets go of whatever was pinned for the pod. Idempotent, and needs no record. */
export const unpinPod = (roots: Roots, id: string): void => {
  const dir = pinnedNamespaces(roots, id);
  for (const kind of [...KINDS, 'pid']) unpinNamespace(join(dir, kind));
  rmSync(dir, { recursive: true, force: true });
};
