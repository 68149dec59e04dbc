import type { OciLinux, OciProcess } from '../spec/oci/runtime.ts';
import { ociAnnotations } from './annotations.ts';
import { type AppArmorChoice, appArmorProfile } from './apparmor.ts';
import { containerCapabilities } from './capabilities.ts';
import { containerArgs, workingDirectory } from './command.ts';
import { containerDevices } from './devices.ts';
import { environment } from './environment.ts';
import { requireHostname } from './hostname.ts';
import type { BuiltSpec, SpecInput } from './input.ts';
import { cgroupLimits } from './limits.ts';
import { containerMounts, rootPropagation } from './mounts.ts';
import { containerNamespaces } from './namespaces.ts';
import { oomScore } from './oom-score.ts';
import { protectedPaths } from './protected-paths.ts';
import { containerSeccomp } from './seccomp.ts';
import { ociMappings, requireMapped } from './user-namespace.ts';

/** The oldest version with all that we write; runc 1.1 and crun 1 know it. */
const OCI_VERSION = '1.0.2';

/** CRI's request as the OCI runtime's config.json. Pure. Fails `InvalidArgument` naming the field. */
export const buildSpec = (input: SpecInput): BuiltSpec => {
  if (input.mappings !== undefined) requireMapped(input.user, input.mappings);
  const apparmor = appArmorProfile(input.container.linux?.securityContext, input.apparmor);
  const process = buildProcess(input, apparmor);
  const linux = buildLinux(input, new Set(process.value.capabilities?.bounding));
  const hasOwnNames = linux.value.namespaces.some(({ type }) => type === 'uts');
  return {
    spec: {
      ociVersion: OCI_VERSION,
      process: process.value,
      root: { path: input.rootfs, readonly: input.container.linux?.securityContext?.readonlyRootfs === true },
      ...(hasOwnNames && input.pod.hostname !== '' ? { hostname: requireHostname(input.pod.hostname) } : {}),
      mounts: containerMounts(input),
      annotations: ociAnnotations(input),
      linux: linux.value,
    },
    notes: [...process.notes, ...linux.notes, ...apparmor.notes],
  };
};

interface Part<T> {
  readonly value: T;
  readonly notes: readonly string[];
}

const buildProcess = (input: SpecInput, { apparmorProfile }: AppArmorChoice): Part<OciProcess> => {
  const { container, user, defaults, host } = input;
  const context = container.linux?.securityContext;
  const capabilities = containerCapabilities({
    privileged: context?.privileged === true,
    asked: context?.capabilities,
    defaults: defaults.defaultCapabilities,
    addInheritable: defaults.addInheritableCapabilities,
    held: host.capabilities,
  });
  const oom = oomScore(container.linux?.resources?.oomScoreAdj ?? 0n, host);
  return {
    value: {
      terminal: container.tty,
      user: { uid: user.uid, gid: user.gid, additionalGids: [...user.additionalGids] },
      args: containerArgs(input),
      env: environment(input),
      cwd: workingDirectory(input),
      capabilities: capabilities.sets,
      rlimits: defaults.defaultUlimits.map((limit) => ({ ...limit })),
      noNewPrivileges: context?.noNewPrivs === true,
      oomScoreAdj: oom.score,
      ...(apparmorProfile === undefined ? {} : { apparmorProfile }),
      ...(input.selinux === undefined ? {} : { selinuxLabel: input.selinux.process }),
    },
    notes: [
      ...capabilities.missing.map((name) => `${name} is not held by the runtime on this host`),
      ...oom.notes,
    ],
  };
};

const buildLinux = (input: SpecInput, capabilities: ReadonlySet<string>): Part<OciLinux> => {
  const { container, sources, host, defaults } = input;
  const context = container.linux?.securityContext;
  const devices = containerDevices(input);
  const propagation = rootPropagation(container.mounts);
  const { seccomp, notes } = containerSeccomp({
    context,
    localhost: sources.seccompProfile,
    capabilities,
    host,
  });
  return {
    value: {
      namespaces: containerNamespaces(input),
      ...(input.mappings === undefined ? {} : ociMappings(input.mappings)),
      cgroupsPath: input.cgroupsPath,
      resources: {
        devices: devices.rules,
        ...cgroupLimits(container.linux?.resources, defaults.pidsLimit, host),
      },
      devices: devices.nodes,
      ...protectedPaths(context, { ownUsers: input.mappings !== undefined }),
      ...(propagation === undefined ? {} : { rootfsPropagation: propagation }),
      ...(seccomp === undefined ? {} : { seccomp }),
      ...(input.selinux === undefined ? {} : { mountLabel: input.selinux.file }),
    },
    notes,
  };
};
