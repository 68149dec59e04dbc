/* What the API takes and gives: the forms of Compute Engine API v1. */

/** What is behind an instance that was made: a host that boots, and its end. */
export interface Behind {
  readonly address: string;
  /** `TYPE KEY`, as the guest agent reports them. */
  readonly hostKeys: readonly string[];
  remove(): Promise<void>;
}

export interface FakeInstance {
  readonly id: string;
  readonly body: Record<string, unknown>;
  status: string;
  behind: Behind | undefined;
  /** Where the host keys show. */
  keysIn: 'guest attributes' | 'serial console';
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export const failed = (status: number, reason: string, message: string): Answer => ({
  status,
  body: { error: { code: status, message, errors: [{ message, domain: 'global', reason }] } },
});
export const ok = (body: unknown): Answer => ({ status: 200, body });

export const metadataIn = (body: Record<string, unknown>): ReadonlyMap<string, string> => {
  const { items = [] } = (body['metadata'] ?? {}) as { items?: { key: string; value: string }[] };
  return new Map(items.map(({ key, value }) => [key, value]));
};

/** What the API itself would refuse; undefined: nothing. */
export function wrongIn(body: Record<string, unknown>, images: readonly string[]): string | undefined {
  const form = body as {
    name: string;
    machineType: string;
    labels?: Record<string, string>;
    disks?: { boot?: boolean; initializeParams?: { sourceImage?: string } }[];
    networkInterfaces?: { network?: string }[];
    scheduling?: { provisioningModel?: string; automaticRestart?: boolean };
  };
  if (!/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(form.name))
    return `Invalid value for field 'resource.name': '${form.name}'`;
  if (!/^zones\/[a-z0-9-]+\/machineTypes\/[a-z0-9-]+$/.test(form.machineType)) return 'no machine type';
  if (
    Object.entries(form.labels ?? {}).some(
      ([key, value]) => !/^[a-z][a-z0-9_-]*$/.test(key) || !/^[a-z0-9_-]*$/.test(value),
    )
  )
    return "Invalid value for field 'resource.labels'";
  const [disk] = form.disks ?? [];
  if (disk?.boot !== true || !images.includes(disk.initializeParams?.sourceImage ?? ''))
    return 'no boot disk of an image that is there';
  if (form.networkInterfaces?.length !== 1) return 'no network interface';
  if (form.scheduling?.provisioningModel === 'SPOT' && form.scheduling.automaticRestart !== false)
    return 'Spot VMs cannot be restarted automatically.';
  return undefined;
}

/** What cloud-init prints on the console, with what systemd puts before each line. */
export const consoleOf = ({ behind, keysIn }: FakeInstance): string => {
  const keys = keysIn === 'serial console' ? (behind?.hostKeys ?? []) : [];
  const lines = [
    '-----BEGIN SSH HOST KEY KEYS-----',
    ...keys.map((key) => `${key} root@node`),
    '-----END SSH HOST KEY KEYS-----',
  ];
  return `[    1.0] booting\r\n${keys.length === 0 ? '' : lines.map((line) => `[   12.345678] cloud-init[512]: ${line}\r\n`).join('')}`;
};
