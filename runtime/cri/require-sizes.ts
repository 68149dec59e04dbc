import { Fail } from '../core/fail.ts';
import type { ContainerConfig } from '../spec/cri/api_pb.js';

/** open(2): a name in a path has at most 255 bytes, the path with its end 4096. */
const MAX_NAME_BYTES = 255;
const MAX_PATH_BYTES = 4095;

/** execve(2): what one argument or variable may have, with its end, is 128 KiB. */
const MAX_WORD_BYTES = 128 * 1024 - 1;

/** Names of Kubernetes have 253 characters at most; they become environment variables of CNI plugins. */
const MAX_METADATA_BYTES = 253;

/**
 * Refuses what the kernel could not take: OCI runtimes say so late, quote it whole, and may hang over telling it.
 * Fails `InvalidArgument` that names the field.
 */
export const requireSizes = (config: ContainerConfig): void => {
  requireWords('config.command', config.command);
  requireWords('config.args', config.args);
  for (const { key, value } of config.envs)
    requireBytes('config.envs', key.length + value.length + 1, MAX_WORD_BYTES);
  const context = config.linux?.securityContext;
  const paths: readonly (readonly [string, string | undefined])[] = [
    ['config.command', config.command[0]],
    ['config.working_dir', config.workingDir],
    ...config.mounts.map(({ containerPath }) => ['config.mounts.container_path', containerPath] as const),
    ...config.devices.map(({ containerPath }) => ['config.devices.container_path', containerPath] as const),
    ...(context?.maskedPaths ?? []).map(
      (path) => ['masked_paths', requireAbsolute('masked_paths', path)] as const,
    ),
    ...(context?.readonlyPaths ?? []).map(
      (path) => ['readonly_paths', requireAbsolute('readonly_paths', path)] as const,
    ),
  ];
  for (const [field, path = ''] of paths) requirePathSize(field, path);
};

/** Of the command of an exec. */
export const requireWords = (field: string, words: readonly string[]): void => {
  for (const word of words) requireBytes(field, Buffer.byteLength(word), MAX_WORD_BYTES);
};

export const requireMetadata = (fields: Readonly<Record<string, string | undefined>>): void => {
  for (const [field, text = ''] of Object.entries(fields))
    requireBytes(`config.metadata.${field}`, Buffer.byteLength(text), MAX_METADATA_BYTES);
};

export const requirePathSize = (field: string, path: string): void => {
  requireBytes(field, Buffer.byteLength(path), MAX_PATH_BYTES);
  for (const name of path.split('/'))
    requireBytes(`a name in ${field}`, Buffer.byteLength(name), MAX_NAME_BYTES);
};

const requireAbsolute = (field: string, path: string): string => {
  if (path.startsWith('/') && !path.includes('\0')) return path;
  throw new Fail(
    'InvalidArgument',
    `${field}: ${JSON.stringify(path.slice(0, 256))} is not an absolute path`,
  );
};

const requireBytes = (field: string, bytes: number, most: number): void => {
  if (bytes <= most) return;
  throw new Fail('InvalidArgument', `${field} is too long: ${bytes} bytes, where ${most} have room`);
};
