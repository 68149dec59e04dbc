import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { TarMember } from '../../harness/tar.ts';
import { folder, text } from './members.ts';
import { locate, programs } from './packages.ts';

/**
 * What critest calls in nearly every spec: busybox with pgrep and ipcs, which it lacks. Debian has two; this one, not
 * busybox-static, looks programs up in PATH, so that a masked /bin/ls is masked for its shell too. Each applet is a hard
 * link: over a symlink, what masks it would mask all of busybox.
 */
export const busyboxLayer = async (root: string): Promise<TarMember[]> => [
  ...['bin', 'dev', 'etc', 'home', 'proc', 'root', 'run', 'sys', 'usr/bin', 'var'].map((path) =>
    folder(path),
  ),
  folder('tmp', 0o1777),
  { path: 'var/run', flag: '2', target: '../run' },
  text('etc/passwd', PASSWD),
  text('etc/group', GROUP),
  ...(await programs(root, {
    'bin/busybox': 'bin/busybox',
    'usr/bin/pgrep': 'usr/bin/pgrep',
    'usr/bin/ipcs': 'usr/bin/ipcs',
  })),
  ...(await applets(root)).map((name) => ({ path: `bin/${name}`, flag: '1', target: 'bin/busybox' })),
];

const PASSWD = `root:x:0:0:root:/root:/bin/sh
www-data:x:33:33:www-data:/var/www:/bin/false
default-user:x:1000:1000::/home:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
`;
/** `SupplementalGroupsPolicy` asks for a user whom the image puts into a group. */
const GROUP = `root:x:0:
www-data:x:33:
default-user:x:1000:
group-defined-in-image:x:50000:default-user
nogroup:x:65534:
`;

/** Of the extracted busybox, which is of this machine's distribution and so finds its libraries here. */
const applets = async (root: string): Promise<string[]> =>
  execFileSync(join(root, await locate(root, 'bin/busybox')), ['--list'], { encoding: 'utf8' })
    .split('\n')
    .filter((name) => name !== '' && name !== 'busybox');
