import { Fail } from '../core/fail.ts';
import type { ContainerConfig } from '../spec/cri/api_pb.js';
import type { SpecInput } from './input.ts';

export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The process's environment: PATH, HOSTNAME, HOME and TERM as far as nobody says otherwise, then the node's
 * default_env, the image's, the request's; a later value wins at the place of the first.
 */
export const environment = ({ pod, container, image, user, defaults }: SpecInput): string[] => {
  const variables = new Map<string, string>([['PATH', DEFAULT_PATH]]);
  if (container.tty) variables.set('TERM', 'xterm');
  if (pod.hostname !== '') variables.set('HOSTNAME', pod.hostname);
  for (const entry of [...defaults.defaultEnv, ...(image.config.config?.Env ?? [])]) {
    const [name, value] = split(entry);
    variables.set(name, value);
  }
  for (const { key, value } of container.envs) variables.set(requireName(key), decode(key, value));
  // An empty HOME in an image would override the user's own; a shell then starts in `/`.
  if ((variables.get('HOME') ?? '') === '') variables.set('HOME', user.home);
  return [...variables].map(([name, value]) => `${name}=${requireValue(name, value)}`);
};

const split = (entry: string): readonly [string, string] => {
  const at = entry.indexOf('=');
  return at < 0 ? [requireName(entry), ''] : [requireName(entry.slice(0, at)), entry.slice(at + 1)];
};

const requireName = (name: string): string => {
  if (name !== '' && !/[=\0]/.test(name)) return name;
  throw new Fail('InvalidArgument', `${JSON.stringify(name)} is not the name of an environment variable`);
};

const requireValue = (name: string, value: string): string => {
  if (!value.includes('\0')) return value;
  throw new Fail('InvalidArgument', `environment variable ${name} contains a NUL`);
};

/** config.json is UTF-8: other bytes could not be handed on unchanged. */
const decode = (name: string, value: ContainerConfig['envs'][number]['value']): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value);
  } catch (cause) {
    throw new Fail('InvalidArgument', `environment variable ${name} is not UTF-8`, { cause });
  }
};
