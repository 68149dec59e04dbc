import { obsoleteTag } from '../resources/change.ts';

/** The concerns of a node, in the order in which they are made: what others need comes first. */
export const concernNames = [
  'repositories',
  'packages',
  'kernel',
  'limits',
  'swap',
  'time-sync',
  'network-manager',
  'firewall',
  'cni-plugins',
  'cni',
  'registries',
  'policy',
  'crictl',
  'proxy',
  'templates',
  'oci-runtimes',
  'engine',
  // After its runtime, which it would only wait for.
  'kubernetes',
  // After the files that it labels, and before the services that run them.
  'selinux',
] as const;

export type ConcernName = (typeof concernNames)[number];

/**
 * What `--tags` may name: part of the interface, each change carries the name of its concern. They stand apart from the
 * concerns themselves, which every command would have to load for its help.
 */
export const tagNames: readonly string[] = [...concernNames, obsoleteTag];
