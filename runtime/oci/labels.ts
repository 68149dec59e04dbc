import { Fail } from '../core/fail.ts';
import {
  type LinuxContainerSecurityContext,
  SecurityProfile_ProfileType as ProfileType,
  type SELinuxOption,
  type SecurityProfile,
} from '../spec/cri/api_pb.js';
import type { HostFacts } from './input.ts';

export interface SecurityLabels {
  readonly apparmorProfile: string | undefined;
  readonly selinuxLabel: string | undefined;
  readonly mountLabel: string | undefined;
  readonly notes: readonly string[];
}

/** What the host's security modules shall confine the container to. On a host without them: nothing. */
export const securityLabels = (
  context: LinuxContainerSecurityContext | undefined,
  host: Pick<HostFacts, 'apparmor' | 'selinux'>,
): SecurityLabels => ({
  ...apparmor(context, host.apparmor),
  ...selinux(context?.privileged === true ? undefined : context?.selinuxOptions, host.selinux),
});

const apparmor = (
  context: LinuxContainerSecurityContext | undefined,
  enabled: boolean,
): Pick<SecurityLabels, 'apparmorProfile' | 'notes'> => {
  const asked = context?.privileged === true ? undefined : askedProfile(context);
  if (asked === undefined || asked.profileType === ProfileType.Unconfined) {
    return { apparmorProfile: enabled && asked !== undefined ? 'unconfined' : undefined, notes: [] };
  }
  if (asked.profileType === ProfileType.RuntimeDefault) {
    const why = enabled ? 'berth has no AppArmor profile of its own yet' : 'the kernel has no AppArmor';
    return { apparmorProfile: undefined, notes: [`apparmor: RuntimeDefault confines nothing: ${why}`] };
  }
  if (enabled)
    return { apparmorProfile: requireWord('apparmor.localhost_ref', asked.localhostRef), notes: [] };
  throw new Fail(
    'FailedPrecondition',
    `AppArmor profile ${asked.localhostRef}: AppArmor is not enabled on this host`,
  );
};

/** The profile field, else the deprecated one: `runtime/default`, `unconfined`, `localhost/NAME`. */
const askedProfile = (
  context: LinuxContainerSecurityContext | undefined,
): Pick<SecurityProfile, 'profileType' | 'localhostRef'> | undefined => {
  if (context?.apparmor !== undefined) return context.apparmor;
  const name = context?.apparmorProfile ?? '';
  if (name === '') return undefined;
  if (name === 'unconfined') return { profileType: ProfileType.Unconfined, localhostRef: '' };
  if (name === 'runtime/default') return { profileType: ProfileType.RuntimeDefault, localhostRef: '' };
  return { profileType: ProfileType.Localhost, localhostRef: name.replace(/^localhost\//, '') };
};

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
