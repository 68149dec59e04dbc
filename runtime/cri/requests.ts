import { isAbsolute, join, normalize } from 'node:path';
import type { Config, RuntimeHandler } from '../config/config.ts';
import { Fail } from '../core/fail.ts';
import { requireHostname } from '../oci/hostname.ts';
import { requestedMappings } from '../oci/user-namespace.ts';
import type { ContainerConfig, PodSandboxConfig, RunPodSandboxRequest } from '../spec/cri/api_pb.js';

/** The pod that is asked for, with what every pod must have. */
export const requestedPod = ({ config }: RunPodSandboxRequest): PodSandboxConfig => {
  if (config === undefined) throw missing('config');
  if ((config.metadata?.name ?? '') === '') throw missing('config.metadata.name');
  if ((config.metadata?.namespace ?? '') === '') throw missing('config.metadata.namespace');
  if (config.hostname !== '') requireHostname(config.hostname);
  requireAbsolute('config.log_directory', config.logDirectory);
  requestedMappings(config);
  return config;
};

/** The container that is asked for, with what every container must have. */
export const requestedContainer = (config: ContainerConfig | undefined): ContainerConfig => {
  if (config === undefined) throw missing('config');
  if ((config.metadata?.name ?? '') === '') throw missing('config.metadata.name');
  if ((config.image?.image ?? '') === '') throw missing('config.image.image');
  return config;
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
  if (isAbsolute(path) || path.split('/').includes('..') || path.includes('\0'))
    throw new Fail('InvalidArgument', `config.log_path ${container.logPath} leaves the pod's log folder`);
  return join(pod.logDirectory, path);
};

/** The longest timer that Node has; it lets a longer one go off at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Seconds of a request as milliseconds to wait: none below 0, and 24 days for whoever wants to wait longer. */
export const requestedMilliseconds = (seconds: bigint): number =>
  Math.min(Math.max(Number(seconds) * 1000, 0), MAX_TIMER_MS);

const missing = (field: string): Fail => new Fail('InvalidArgument', `the request lacks ${field}`);

const requireAbsolute = (field: string, path: string): void => {
  if (path !== '' && (!isAbsolute(path) || path.includes('\0')))
    throw new Fail('InvalidArgument', `${field} ${JSON.stringify(path)} is not an absolute path`);
};
