import type { OciLinux, OciResources } from '../spec/oci/runtime.ts';
import type { HostDevice, SpecInput } from './input.ts';

/** Device nodes in the container, and what its devices cgroup allows. The OCI runtime adds null, zero, tty … itself. */
export const containerDevices = ({
  container,
  sources,
}: SpecInput): {
  readonly nodes: NonNullable<OciLinux['devices']>;
  readonly rules: NonNullable<OciResources['devices']>;
} => {
  const asked = sources.devices.map(({ device }) => node(device));
  if (container.linux?.securityContext?.privileged === true) {
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

const node = ({ path, type, major, minor, fileMode, uid, gid }: HostDevice) => ({
  path,
  type,
  major,
  minor,
  fileMode,
  uid,
  gid,
});
