import { Fail } from '../../core/fail.ts';

/** PATH_MAX, less room for the folder that the layer is unpacked into. */
const MAX_PATH_BYTES = 4096 - 256;
const MAX_COMPONENT_BYTES = 255;

/**
 * The path of an entry below the layer's root, without leading or doubled slashes and dots; '' is the root.
 * Throws `InvalidArgument` for a path that climbs, or that no file can have.
 */
export const entryPath = (raw: string): string => {
  if (raw.includes('\0')) throw unusable(raw, 'it contains a NUL byte');
  const components = raw.split('/').filter((component) => component !== '' && component !== '.');
  for (const component of components) {
    if (component === '..') throw unusable(raw, 'it leaves the layer');
    if (component.length > MAX_COMPONENT_BYTES)
      throw unusable(raw, `a name is longer than ${MAX_COMPONENT_BYTES} bytes`);
  }
  const path = components.join('/');
  if (path.length > MAX_PATH_BYTES) throw unusable(raw, `it is longer than ${MAX_PATH_BYTES} bytes`);
  return path;
};

/** The folder of a path; '' is the root. */
export const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));

export const baseOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** A byte string as node:fs takes it: names are bytes, and not all of them are UTF-8. */
export const osPath = (bytes: string): string | Buffer =>
  isAscii(bytes) ? bytes : Buffer.from(bytes, 'latin1');

/** A byte string as text for a system call that takes UTF-8; undefined when it is none. */
export const utf8Path = (bytes: string): string | undefined => {
  if (isAscii(bytes)) return bytes;
  const buffer = Buffer.from(bytes, 'latin1');
  const text = buffer.toString('utf8');
  return Buffer.from(text, 'utf8').equals(buffer) ? text : undefined;
};

const isAscii = (bytes: string): boolean => !/[^\x00-\x7f]/.test(bytes);

const unusable = (raw: string, why: string): Fail =>
  new Fail('InvalidArgument', `entry ${JSON.stringify(raw.slice(0, 300))} is refused: ${why}`, {
    hint: 'the layer is broken or malicious: do not use this image',
  });
