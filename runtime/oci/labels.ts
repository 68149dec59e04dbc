import { Fail } from '../core/fail.ts';
import type { LinuxContainerSecurityContext, SELinuxOption } from '../spec/cri/api_pb.js';
import { appArmorProfile } from './apparmor.ts';
import type { SpecInput } from './input.ts';

export interface SecurityLabels {
  readonly apparmorProfile: string | undefined;
  readonly selinuxLabel: string | undefined;
  readonly mountLabel: string | undefined;
  readonly notes: readonly string[];
}

/** What the host's security modules shall confine the container to. On a host without them: nothing. */
export const securityLabels = (
  context: LinuxContainerSecurityContext | undefined,
  { host, apparmor }: Pick<SpecInput, 'host' | 'apparmor'>,
): SecurityLabels => ({
  ...appArmorProfile(context, apparmor),
  ...selinux(context?.privileged === true ? undefined : context?.selinuxOptions, host.selinux),
});

const selinux = (
  options: SELinuxOption | undefined,
  enabled: boolean,
): Pick<SecurityLabels, 'selinuxLabel' | 'mountLabel'> => {
  if (!enabled || options === undefined) return { selinuxLabel: undefined, mountLabel: undefined };
  const user = requireWord('selinux_options.user', options.user || 'system_u');
  const role = requireWord('selinux_options.role', options.role || 'system_r');
  const type = requireWord('selinux_options.type', options.type || 'container_t');
  const level = requireWord('selinux_options.level', options.level || 's0');
  return {
    selinuxLabel: `${user}:${role}:${type}:${level}`,
    mountLabel: `${user}:object_r:container_file_t:${level}`,
  };
};

const requireWord = (field: string, text: string): string => {
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw new Fail('InvalidArgument', `${field} ${JSON.stringify(text)} is not one word`);
};
