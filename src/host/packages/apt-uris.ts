import type { LockedPackage } from '../../artifacts/lock/lock.ts';
import { Fail } from '../../core/fail.ts';

/** `'ADDRESS' FILE SIZE SHA256:HEX`, as `apt-get --print-uris` prints it (apt-get(8)). */
const line = /^'([^']+)' (\S+) (\d+) SHA256:([0-9a-f]{64})$/;

/** By name. Lines of another form are what apt says besides. @throws Fail `Fetch` for an archive without a sha256 */
export function parseUris(lines: readonly string[]): Record<string, LockedPackage> {
  const packages: Record<string, LockedPackage> = {};
  for (const text of lines) {
    if (!text.startsWith("'")) continue;
    const [, address = '', file = '', bytes = '', sha256 = ''] = line.exec(text) ?? [];
    if (address === '')
      throw new Fail('Fetch', `apt knows no sha256 of a package: ${text}`, {
        hint: 'its repository publishes weaker sums only; leave it out of the profile, or lock with --no-packages',
      });
    const { name, version, arch } = parseFileName(file);
    packages[name] = { version, arch, file, sha256, bytes: Number(bytes), address };
  }
  return packages;
}

/** `NAME_VERSION_ARCH.deb`; the colon after an epoch is written %3a, in addresses even the percent sign. */
function parseFileName(file: string): { name: string; version: string; arch: string } {
  const [name = '', version = '', arch = ''] = file.replace(/\.deb$/, '').split('_');
  if (arch === '')
    throw new Fail('Fetch', `apt names a package file that berth does not understand: ${file}`);
  return { name, version: decodeURIComponent(version), arch };
}
