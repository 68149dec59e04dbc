import { Fail } from '../core/fail.ts';
import { NamespaceMode, type PodSandboxConfig } from '../spec/cri/api_pb.js';

type SharedWith = 'network' | 'ipc';

/** kernel.* and fs.* sysctls that an IPC namespace has of its own (ipc_namespaces(7)). */
const IPC_NAMES: ReadonlySet<string> = new Set([
  'kernel.auto_msgmni',
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
  'kernel.msg_next_id',
  'kernel.sem_next_id',
  'kernel.shm_next_id',
]);

const NAME = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_:@-]+)+$/;
const VALUE = /^[\x20-\x7e\t]*$/;
const MAX_VALUE_LENGTH = 4096;

/**
 * The pod's sysctls, defaults under the request's, to be written in its namespaces when these are pinned.
 * Names come out with dots (`net.ipv4.ip_forward`), whichever of sysctl(8)'s two spellings they came in.
 * Fails `InvalidArgument` for a name outside the namespaced ones, one of a namespace that the pod shares with
 * the host, and a value with control characters. Defaults of a shared namespace are left out.
 */
export const podSysctls = (
  pod: PodSandboxConfig,
  defaults: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> => {
  const shared = sharedNamespaces(pod);
  const applicable = dotted(defaults).filter(([name]) => !shared.has(namespaceOf(name)));
  const requested = dotted(pod.linux?.sysctls ?? {});
  for (const [name, value] of [...applicable, ...requested]) requireSysctl(name, value, shared);
  return Object.fromEntries([...applicable, ...requested]);
};

/**
 * `net/ipv4/ip_forward` is the other spelling, in which a dot is a dot of a file name (`conf/eth0.100/…`).
 * Such a file name has no dotted spelling that survives, and is refused with the other names that we do not know.
 */
const dotted = (sysctls: Readonly<Record<string, string>>): readonly (readonly [string, string])[] =>
  Object.entries(sysctls).map(([name, value]) =>
    !name.includes('.') ? [name.replaceAll('/', '.'), value] : [name, value],
  );

const sharedNamespaces = (pod: PodSandboxConfig): ReadonlySet<SharedWith> => {
  const options = pod.linux?.securityContext?.namespaceOptions;
  return new Set<SharedWith>([
    ...(options?.network === NamespaceMode.NODE ? (['network'] as const) : []),
    ...(options?.ipc === NamespaceMode.NODE ? (['ipc'] as const) : []),
  ]);
};

const requireSysctl = (name: string, value: string, shared: ReadonlySet<SharedWith>): void => {
  if (!VALUE.test(value) || value.length > MAX_VALUE_LENGTH) {
    throw new Fail(
      'InvalidArgument',
      `sysctl ${JSON.stringify(name)}: its value is not one line of ASCII text`,
    );
  }
  const namespace = namespaceOf(name);
  if (shared.has(namespace)) {
    throw new Fail('InvalidArgument', `sysctl ${name}: the pod shares the host's ${namespace} namespace`);
  }
};

const namespaceOf = (name: string): SharedWith => {
  if (NAME.test(name)) {
    if (name.startsWith('net.')) return 'network';
    if (IPC_NAMES.has(name) || name.startsWith('fs.mqueue.')) return 'ipc';
  }
  throw new Fail('InvalidArgument', `sysctl ${JSON.stringify(name)} is not one that a pod has of its own`, {
    hint: 'pods may set net.*, fs.mqueue.* and the System V IPC names of kernel.*',
  });
};
