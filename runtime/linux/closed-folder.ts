import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder that users of the host cannot pass: what is in it belongs to a container, setuid programs among it,
 * which the host's users could run otherwise (CVE-2021-41103). `group`: root of the container's user namespace, which
 * has to find its files by name, as the host numbers it. Parents that are missing can be passed and not be read.
 */
export const makeClosedFolder = (path: string, group?: number): void => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (group === undefined) return;
  chownSync(path, 0, group);
  chmodSync(path, 0o710);
};
