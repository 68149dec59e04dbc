import { z } from 'zod';
import type { GceInstance } from '../../profile/profile.ts';
import type { ComputeApi } from './api.ts';

/** What of an instance matters here: instances.get of the compute API v1. */
const form = z.object({
  id: z.string(),
  status: z.string(),
  labels: z.record(z.string(), z.string()).default({}),
  networkInterfaces: z
    .array(
      z.object({
        networkIP: z.string().optional(),
        accessConfigs: z.array(z.object({ natIP: z.string().optional() })).optional(),
      }),
    )
    .default([]),
  scheduling: z.object({ provisioningModel: z.string().optional() }).default({}),
  metadata: z
    .object({ items: z.array(z.object({ key: z.string(), value: z.string().optional() })).optional() })
    .default({}),
});

export interface Instance {
  readonly id: string;
  /** `RUNNING`, `TERMINATED`, `STAGING` …: the life cycle of an instance. */
  readonly status: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly externalAddress: string | undefined;
  readonly internalAddress: string | undefined;
  readonly spot: boolean;
  readonly metadata: ReadonlyMap<string, string>;
}

export const pathOf = ({ project, zone, instance }: GceInstance): string =>
  `${project}/zones/${zone}/instances/${instance}`;

/** The instance of the entry; undefined: there is none. */
export async function findInstance(api: ComputeApi, entry: GceInstance): Promise<Instance | undefined> {
  const found = await api.get(pathOf(entry), form, `looking for the instance ${entry.instance}`);
  if (found === undefined) return undefined;
  const [first] = found.networkInterfaces;
  return {
    id: found.id,
    status: found.status,
    labels: found.labels,
    externalAddress: first?.accessConfigs?.[0]?.natIP,
    internalAddress: first?.networkIP,
    spot: found.scheduling.provisioningModel === 'SPOT',
    metadata: new Map((found.metadata.items ?? []).map(({ key, value }) => [key, value ?? ''])),
  };
}

/** By these labels berth knows what it made, and deletes nothing else. */
const madeByBerth = { 'created-by': 'berth' } as const;
const hostLabel = 'berth-host';

/** Label values know no capitals and no dots. */
const labelOf = (host: string): string => host.toLowerCase().replaceAll('.', '-').slice(0, 63);

export const isOurs = ({ labels }: Instance, host: string): boolean =>
  labels['created-by'] === madeByBerth['created-by'] && labels[hostLabel] === labelOf(host);

/** The body of instances.insert. `publicKey`: who may log in, undefined with OS Login. `image`: its address. */
export function insertBody(
  host: string,
  entry: GceInstance,
  { image, publicKey }: { readonly image: string; readonly publicKey: string | undefined },
): Readonly<Record<string, unknown>> {
  const { project, zone, disk, network, spot, serviceAccount } = entry;
  const region = zone.replace(/-[a-z]$/, '');
  return {
    name: entry.instance,
    machineType: `zones/${zone}/machineTypes/${entry.machineType}`,
    labels: { ...entry.labels, ...madeByBerth, [hostLabel]: labelOf(host) },
    disks: [
      {
        boot: true,
        autoDelete: true,
        initializeParams: {
          sourceImage: image,
          diskType: `zones/${zone}/diskTypes/${disk.type}`,
          ...(disk.sizeGb === undefined ? {} : { diskSizeGb: String(disk.sizeGb) }),
        },
      },
    ],
    networkInterfaces: [
      {
        network: `projects/${project}/global/networks/${network.name}`,
        ...(network.subnetwork === undefined
          ? {}
          : { subnetwork: `projects/${project}/regions/${region}/subnetworks/${network.subnetwork}` }),
        ...(network.externalAddress
          ? { accessConfigs: [{ name: 'External NAT', type: 'ONE_TO_ONE_NAT' }] }
          : {}),
      },
    ],
    ...(network.tags.length === 0 ? {} : { tags: { items: network.tags } }),
    metadata: { items: metadataOf(entry, publicKey) },
    scheduling: spot
      ? {
          provisioningModel: 'SPOT',
          instanceTerminationAction: 'STOP',
          onHostMaintenance: 'TERMINATE',
          automaticRestart: false,
        }
      : { provisioningModel: 'STANDARD' },
    ...(serviceAccount === undefined
      ? {}
      : {
          serviceAccounts: [
            { email: serviceAccount, scopes: ['https://www.googleapis.com/auth/cloud-platform'] },
          ],
        }),
  };
}

function metadataOf({ osLogin, user }: GceInstance, publicKey: string | undefined) {
  const items: Readonly<Record<string, string | undefined>> = {
    // The guest agent writes the host keys there at the first boot: that is how the first connection is checked.
    'enable-guest-attributes': 'TRUE',
    'enable-oslogin': osLogin ? 'TRUE' : 'FALSE',
    // Keys of the whole project have no business on a node.
    'block-project-ssh-keys': 'TRUE',
    'ssh-keys': publicKey === undefined ? undefined : `${user}:${publicKey}`,
  };
  return Object.entries(items).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value }]));
}
