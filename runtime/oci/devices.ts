import type { OciLinux, OciResources } from '../spec/oci/runtime.ts';
import type { HostDevice, SpecInput } from './input.ts';

/** Device nodes in the container, and what its devices cgroup allows. The OCI runtime adds null, zero, tty … itself. */
export const containerDevices = ({
  container,
  sources,
  defaults,
}: SpecInput): {
  readonly nodes: NonNullable<OciLinux['devices']>;
  readonly rules: NonNullable<OciResources['devices']>;
} => {
  const { runAsUser, runAsGroup } = container.linux?.securityContext ?? {};
  const owner = defaults.deviceOwnershipFromUser ? { uid: runAsUser?.value, gid: runAsGroup?.value } : {};
  const asked = sources.devices.map(({ device }) => ownedBy(owner, node(device)));
  if (container.linux?.securityContext?.privileged === true && sources.hostDevices.length > 0) {
    const paths = new Set(asked.map(({ path }) => path));
    const all = sources.hostDevices.map(node).filter(({ path }) => !paths.has(path));
    return { nodes: [...all, ...asked], rules: [{ allow: true, access: 'rwm' }] };
  }
  return {
    nodes: asked,
    rules: [
      { allow: false, access: 'rwm' },
      ...sources.devices.map(({ device, access }) => ({
        allow: true,
        type: device.type,
        major: device.major,
        minor: device.minor,
        access,
      })),
    ],
  };
};

/** The user's; root of the host would not let it in. */
const ownedBy = (
  { uid, gid }: { readonly uid?: bigint | undefined; readonly gid?: bigint | undefined },
  device: ReturnType<typeof node>,
) => ({ ...device, uid: Number(uid ?? device.uid), gid: Number(gid ?? device.gid) });

const node = ({ path, type, major, minor, fileMode, uid, gid }: HostDevice) => ({
  path,
  type,
  major,
  minor,
  fileMode,
  uid,
  gid,
});
