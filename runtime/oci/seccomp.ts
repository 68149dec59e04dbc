import { Fail } from '../core/fail.ts';
import {
  type LinuxContainerSecurityContext,
  SecurityProfile_ProfileType as ProfileType,
  type SecurityProfile,
} from '../spec/cri/api_pb.js';
import type { HostFacts } from './input.ts';
import type { SeccompCondition, SeccompProfile, SeccompRule } from './seccomp/profile.ts';
import { RUNTIME_DEFAULT } from './seccomp/runtime-default.ts';

export interface SeccompRequest {
  readonly context: LinuxContainerSecurityContext | undefined;
  /** The Localhost profile's content. */
  readonly localhost: Readonly<Record<string, unknown>> | undefined;
  /** The container's bounding set. */
  readonly capabilities: ReadonlySet<string>;
  readonly host: Pick<HostFacts, 'seccomp' | 'architecture' | 'kernel'>;
}

/**
 * linux.seccomp of config.json; undefined: unconfined, as a privileged container and one whose request has no
 * profile are. Fails `FailedPrecondition` when the kernel has no seccomp and the request names a profile of its own.
 */
export const containerSeccomp = (
  request: SeccompRequest,
): { readonly seccomp: Record<string, unknown> | undefined; readonly notes: readonly string[] } => {
  const { context, host } = request;
  const chosen = chosenProfile(context);
  if (context?.privileged === true || chosen.profileType === ProfileType.Unconfined) {
    return { seccomp: undefined, notes: [] };
  }
  if (!host.seccomp) return withoutKernelSupport(chosen.profileType);
  const profile =
    chosen.profileType === ProfileType.Localhost ? parseProfile(request.localhost) : RUNTIME_DEFAULT;
  return { seccomp: resolveProfile(profile, request), notes: [] };
};

/** The path that prepareSources reads; undefined when the request names no file. */
export const localhostSeccompPath = (
  context: LinuxContainerSecurityContext | undefined,
): string | undefined => {
  const { profileType, localhostRef } = chosenProfile(context);
  return context?.privileged !== true && profileType === ProfileType.Localhost ? localhostRef : undefined;
};

/** The profile field, else the deprecated path field, else unconfined. */
const chosenProfile = (
  context: LinuxContainerSecurityContext | undefined,
): Pick<SecurityProfile, 'profileType' | 'localhostRef'> => {
  if (context?.seccomp !== undefined) return context.seccomp;
  const path = context?.seccompProfilePath ?? '';
  if (path.startsWith('localhost/')) {
    return { profileType: ProfileType.Localhost, localhostRef: path.slice('localhost/'.length) };
  }
  if (path === 'runtime/default' || path === 'docker/default') {
    return { profileType: ProfileType.RuntimeDefault, localhostRef: '' };
  }
  if (path === '' || path === 'unconfined') return { profileType: ProfileType.Unconfined, localhostRef: '' };
  throw new Fail('InvalidArgument', `seccomp_profile_path ${JSON.stringify(path)} is not a profile`);
};

const withoutKernelSupport = (type: ProfileType) => {
  if (type === ProfileType.Localhost) {
    throw new Fail('FailedPrecondition', 'the kernel has no seccomp filters, which the container asks for');
  }
  return {
    seccomp: undefined,
    notes: ['seccomp: the kernel has no seccomp filters; the container runs unconfined'],
  };
};

const parseProfile = (value: Readonly<Record<string, unknown>> | undefined): SeccompProfile => {
  if (value === undefined) throw new Fail('Internal', 'the Localhost seccomp profile was not read');
  if (typeof value['defaultAction'] !== 'string') {
    throw new Fail('InvalidArgument', 'the seccomp profile has no defaultAction');
  }
  const rules = value['syscalls'] ?? [];
  if (!Array.isArray(rules) || !rules.every(isRule)) {
    throw new Fail('InvalidArgument', 'syscalls of the seccomp profile is not a list of {names, action}');
  }
  return { ...value, defaultAction: value['defaultAction'], syscalls: rules };
};

const isRule = (rule: unknown): rule is SeccompRule =>
  typeof rule === 'object' &&
  rule !== null &&
  'names' in rule &&
  Array.isArray(rule.names) &&
  rule.names.every((name) => typeof name === 'string') &&
  'action' in rule &&
  typeof rule.action === 'string';

/** Decides the conditions, so that what remains is the OCI specification's own form. */
const resolveProfile = (profile: SeccompProfile, request: SeccompRequest): Record<string, unknown> => ({
  defaultAction: profile.defaultAction,
  ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
  ...architectures(profile, request.host.architecture),
  ...(profile.flags === undefined ? {} : { flags: profile.flags }),
  ...(profile.listenerPath === undefined ? {} : { listenerPath: profile.listenerPath }),
  ...(profile.listenerMetadata === undefined ? {} : { listenerMetadata: profile.listenerMetadata }),
  syscalls: (profile.syscalls ?? [])
    .filter((rule) => includes(rule.includes, request) && !excludes(rule.excludes, request))
    .map(({ names, action, errnoRet, args }) => ({
      names,
      action,
      ...(errnoRet === undefined ? {} : { errnoRet }),
      ...(args === undefined || args === null || args.length === 0 ? {} : { args }),
    })),
});

const SCMP_ARCHITECTURE: Readonly<Record<string, string>> = {
  x64: 'SCMP_ARCH_X86_64',
  arm64: 'SCMP_ARCH_AARCH64',
};
const GO_ARCHITECTURE: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

const architectures = (profile: SeccompProfile, host: string): { architectures?: readonly string[] } => {
  if (profile.archMap === undefined) {
    return profile.architectures === undefined ? {} : { architectures: profile.architectures };
  }
  const own = profile.archMap.find(({ architecture }) => architecture === SCMP_ARCHITECTURE[host]);
  return own === undefined ? {} : { architectures: [own.architecture, ...(own.subArchitectures ?? [])] };
};

/** All the conditions hold; of several capabilities, all. */
const includes = (condition: SeccompCondition | undefined, request: SeccompRequest): boolean =>
  condition === undefined ||
  ((condition.caps ?? []).every((name) => request.capabilities.has(name)) &&
    onArchitecture(condition.arches, request, true) &&
    (condition.minKernel === undefined || kernelAtLeast(condition.minKernel, request)));

/** One of the conditions holds. */
const excludes = (condition: SeccompCondition | undefined, request: SeccompRequest): boolean =>
  condition !== undefined &&
  ((condition.caps ?? []).some((name) => request.capabilities.has(name)) ||
    onArchitecture(condition.arches, request, false) ||
    (condition.minKernel !== undefined && kernelAtLeast(condition.minKernel, request)));

const onArchitecture = (
  arches: readonly string[] | undefined,
  { host }: SeccompRequest,
  whenUnsaid: boolean,
): boolean =>
  arches === undefined || arches.length === 0
    ? whenUnsaid
    : arches.includes(GO_ARCHITECTURE[host.architecture] ?? host.architecture);

const kernelAtLeast = (version: string, { host: { kernel } }: SeccompRequest): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return kernel.major > major || (kernel.major === major && kernel.minor >= minor);
};
