import { isIP } from 'node:net';
import { isAbsolute, join, normalize } from 'node:path';
import type { Config, RuntimeHandler } from '../config/config.ts';
import { Fail } from '../core/fail.ts';
import { requireHostname } from '../oci/hostname.ts';
import { resolvConf } from '../oci/resolv.ts';
import { requestedMappings } from '../oci/user-namespace.ts';
import type {
  AttachRequest,
  ContainerConfig,
  ExecRequest,
  PodSandboxConfig,
  RunPodSandboxRequest,
} from '../spec/cri/api_pb.js';
import type { StreamRequest } from '../streaming/remotecommand/remote.ts';
import { requireMetadata, requirePathSize, requireSizes } from './require-sizes.ts';

/** The pod that is asked for, with what every pod must have, and nothing that would only fail later. */
export const requestedPod = ({ config }: RunPodSandboxRequest): PodSandboxConfig => {
  if (config === undefined) throw missing('config');
  if ((config.metadata?.name ?? '') === '') throw missing('config.metadata.name');
  if ((config.metadata?.namespace ?? '') === '') throw missing('config.metadata.namespace');
  const { name, namespace, uid } = config.metadata ?? {};
  requireMetadata({ name, namespace, uid });
  if (config.hostname !== '') requireHostname(config.hostname);
  requireHostPath('config.log_directory', config.logDirectory);
  resolvConf(config.dnsConfig, '');
  requestedMappings(config);
  requirePortMappings(config.portMappings);
  const context = config.linux?.securityContext;
  if (context?.runAsGroup !== undefined && context.runAsUser === undefined)
    throw new Fail('InvalidArgument', 'config.linux.security_context: run_as_group needs run_as_user');
  return config;
};

/** The container that is asked for, with what every container must have. */
export const requestedContainer = (config: ContainerConfig | undefined): ContainerConfig => {
  if (config === undefined) throw missing('config');
  if ((config.metadata?.name ?? '') === '') throw missing('config.metadata.name');
  if ((config.image?.image ?? '') === '') throw missing('config.image.image');
  requireMetadata({ name: config.metadata?.name });
  requireSizes(config);
  return config;
};

/**
 * CRI lets a pod take its precautions when it is made, so a privileged container has to be announced: by its pod, or by
 * the pod's configuration as it is now. The kubelet may add one to a pod that runs (`kubectl debug --profile=sysadmin`).
 */
export const requirePrivilegeOf = (
  pods: readonly (PodSandboxConfig | undefined)[],
  container: ContainerConfig,
): void => {
  if (container.linux?.securityContext?.privileged !== true) return;
  if (pods.some((pod) => pod?.linux?.securityContext?.privileged === true)) return;
  throw new Fail('InvalidArgument', 'config.linux.security_context.privileged: the pod is not privileged', {
    hint: 'make the pod with linux.security_context.privileged true as well',
  });
};

/** The id or its beginning, as that field has it; whether there is such a thing is another question. */
export const requestedId = (field: 'pod_sandbox_id' | 'container_id', id: string): string => {
  if (id === '') throw missing(field);
  return id;
};

/** CRI: at least one stream, and stderr is part of stdout on a terminal, whose sizes the client tells. */
export const requestedStreams = ({
  tty,
  stdin,
  stdout,
  stderr,
}: ExecRequest | AttachRequest): StreamRequest => {
  if (!stdin && !stdout && !stderr)
    throw new Fail('InvalidArgument', 'the request has none of stdin, stdout and stderr');
  if (tty && stderr)
    throw new Fail('InvalidArgument', 'with tty there is no stderr: its output is in stdout');
  return { tty, stdin, stdout, stderr, resize: tty };
};

/** The handler that the pod asks for; an empty name means the default one. */
export const requestedHandler = (config: Config, name: string): RuntimeHandler => {
  const handler = config.runtimes.get(name === '' ? config.defaultRuntime : name);
  if (handler !== undefined) return handler;
  throw new Fail('InvalidArgument', `there is no runtime handler ${JSON.stringify(name)}`, {
    hint: `use one of ${[...config.runtimes.keys()].join(', ')}, or add [crio.runtime.runtimes.${name}]`,
  });
};

/** Where the container logs to; null when the pod or the container has no place for logs. */
export const requestedLogPath = (pod: PodSandboxConfig, container: ContainerConfig): string | null => {
  if (pod.logDirectory === '' || container.logPath === '') return null;
  const path = normalize(container.logPath);
  if (isAbsolute(path) || path === '.' || path.endsWith('/') || path.split('/').includes('..'))
    throw new Fail(
      'InvalidArgument',
      `config.log_path ${JSON.stringify(container.logPath)} is not a file in the pod's log folder`,
    );
  const whole = join(pod.logDirectory, path);
  requireHostPath('config.log_path', whole);
  return whole;
};

/** The longest timer that Node has; it lets a longer one go off at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Seconds of a request as milliseconds to wait: none below 0, and 24 days for whoever wants to wait longer. */
export const requestedMilliseconds = (seconds: bigint): number =>
  Math.min(Math.max(Number(seconds) * 1000, 0), MAX_TIMER_MS);

const missing = (field: string): Fail => new Fail('InvalidArgument', `the request lacks ${field}`);

/** An absolute path that can be, for something that is made there. */
const requireHostPath = (field: string, path: string): void => {
  if (path === '') return;
  const fail = (why: string) => new Fail('InvalidArgument', `${field} ${JSON.stringify(path)} ${why}`);
  if (!isAbsolute(path)) throw fail('is not an absolute path');
  if (/[\x00-\x1f\x7f]/.test(path)) throw fail('has control characters');
  requirePathSize(field, path);
};

const requirePortMappings = (mappings: PodSandboxConfig['portMappings']): void => {
  for (const [index, { containerPort, hostPort, hostIp }] of mappings.entries()) {
    const field = `config.port_mappings[${index}]`;
    requirePort(`${field}.container_port`, containerPort, 0);
    requirePort(`${field}.host_port`, hostPort, 0);
    if (hostIp !== '' && isIP(hostIp) === 0)
      throw new Fail('InvalidArgument', `${field}.host_ip ${JSON.stringify(hostIp)} is not an IP address`);
  }
};

/** `least` 0: the port may be left open. */
export const requirePort = (field: string, port: number, least: 0 | 1): void => {
  if (port >= least && port <= 65_535) return;
  throw new Fail('InvalidArgument', `${field} ${port} is not a port, ${least} to 65535`);
};
