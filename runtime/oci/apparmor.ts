import { Fail } from '../core/fail.ts';
import {
  type LinuxContainerSecurityContext,
  SecurityProfile_ProfileType as ProfileType,
  type SecurityProfile,
} from '../spec/cri/api_pb.js';

/** The profile behind RuntimeDefault. */
export const APPARMOR_DEFAULT = 'berth-default';

/**
 * What a container may do with everything below it: files, network, capabilities as far as it has them, signals and
 * tracing among containers, and signals from the runtime, under whichever profile that runs. It may not mount, nor
 * touch what acts on the whole machine: the second lock beside masked and read-only paths, which a container without
 * those still has. It needs no other file of /etc/apparmor.d.
 */
export const APPARMOR_DEFAULT_TEXT = `profile ${APPARMOR_DEFAULT} flags=(attach_disconnected,mediate_deleted) {
  file,
  network,
  capability,
  unix,
  umount,
  signal (receive) peer=unconfined,
  signal (receive) peer={runc,crun,runsc},
  signal (send,receive) peer=${APPARMOR_DEFAULT},
  ptrace (trace,read,tracedby,readby) peer=${APPARMOR_DEFAULT},

  deny mount,
  deny pivot_root,
  deny /proc/sysrq-trigger rwklx,
  deny /proc/kcore rwklx,
  deny /proc/kmem rwklx,
  deny /proc/mem rwklx,
  deny /proc/sys/kernel/core_pattern w,
  deny /proc/sys/kernel/modprobe w,
  deny /proc/sys/vm/** w,
  deny /proc/{bus,irq,acpi,scsi}/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/kernel/security/** rwklx,
  deny /sys/kernel/debug/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/{block,bus,class,dev,devices,module,power}/** wklx,
}
`;

/** AppArmor on this host, at the time of a question. */
export interface AppArmor {
  /** Undefined: RuntimeDefault confines nothing, for want of a profile. */
  readonly defaultProfile: string | undefined;
  /** Names of the profiles that the kernel has. */
  readonly loaded: ReadonlySet<string>;
}

export interface AppArmorChoice {
  readonly apparmorProfile: string | undefined;
  readonly notes: readonly string[];
}

/**
 * The container's profile; a privileged or unconfined one keeps the runtime's, which is no confinement either, and
 * where a host gives that one a name of its own (`runc`) may be allowed what nameless ones are not: user namespaces.
 * Kubernetes: a container that asks for none has the runtime's default wherever there is AppArmor.
 * Fails `FailedPrecondition` for a profile by name that this host cannot apply; it is what keeps the container safe.
 */
export const appArmorProfile = (
  context: LinuxContainerSecurityContext | undefined,
  host: AppArmor | undefined,
): AppArmorChoice => {
  if (context?.privileged === true) return { apparmorProfile: undefined, notes: [] };
  const asked = askedProfile(context);
  switch (asked?.profileType) {
    case ProfileType.Unconfined:
      return { apparmorProfile: undefined, notes: [] };
    case ProfileType.Localhost:
      // critest puts the deprecated field's prefix into this one too.
      return {
        apparmorProfile: requireLoaded(asked.localhostRef.replace(/^localhost\//, ''), host),
        notes: [],
      };
    default:
      return byDefault(asked !== undefined, host);
  }
};

const UNCONFINED = { profileType: ProfileType.Unconfined, localhostRef: '' };

/** Only who asked for it hears that it confines nothing. */
const byDefault = (asked: boolean, host: AppArmor | undefined): AppArmorChoice => {
  const why = host === undefined ? 'the kernel has no AppArmor' : 'there is no profile to load';
  const confines = host?.defaultProfile !== undefined;
  return {
    apparmorProfile: host?.defaultProfile === 'unconfined' ? undefined : host?.defaultProfile,
    notes: asked && !confines ? [`apparmor: RuntimeDefault confines nothing: ${why}`] : [],
  };
};

const requireLoaded = (name: string, host: AppArmor | undefined): string => {
  if (!/^[\x21-\x7e]+$/.test(name))
    throw new Fail(
      'InvalidArgument',
      `apparmor profile: localhost_ref ${JSON.stringify(name)} is not one word`,
    );
  if (host === undefined)
    throw new Fail('FailedPrecondition', `AppArmor profile ${name}: AppArmor is not enabled on this host`);
  if (host.loaded.has(name)) return name;
  throw new Fail('FailedPrecondition', `AppArmor profile ${name} is not loaded on this host`, {
    hint: 'load it with apparmor_parser --replace',
  });
};

/** The profile field, else the deprecated one: `runtime/default`, `unconfined`, `localhost/NAME`. */
const askedProfile = (
  context: LinuxContainerSecurityContext | undefined,
): Pick<SecurityProfile, 'profileType' | 'localhostRef'> | undefined => {
  if (context?.apparmor !== undefined) return context.apparmor;
  const name = context?.apparmorProfile ?? '';
  if (name === '') return undefined;
  if (name === 'unconfined') return UNCONFINED;
  if (name === 'runtime/default') return { profileType: ProfileType.RuntimeDefault, localhostRef: '' };
  return { profileType: ProfileType.Localhost, localhostRef: name };
};

/** From the text of /sys/kernel/security/apparmor/profiles: `NAME (enforce)`, one a line. */
export const parseLoadedProfiles = (text: string): ReadonlySet<string> =>
  new Set(
    text
      .split('\n')
      .map((line) => /^(.*) \([a-z]+\)$/.exec(line)?.[1])
      .filter((name) => name !== undefined),
  );
