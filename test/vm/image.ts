import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { packageArchives, sourceLine } from '../../src/artifacts/archives.ts';
import { commandOutput } from '../../src/core/command.ts';

export const checkout = resolve(import.meta.dirname, '../..');
const cache = join(checkout, 'node_modules/.cache/berth-test');
const signal = new AbortController().signal;

/** What a machine in a data centre has that berth reaches over SSH. */
const target = [
  ...['systemd', 'systemd-sysv', 'dbus', 'udev', 'kmod', 'procps', 'openssh-server', 'iproute2'],
  ...['ca-certificates', 'linux-image-cloud-amd64'],
];

/** What a user's machine has, and no program that the quick start must bring by itself. */
const desk = [...target, 'nodejs', 'npm', 'git', 'curl'];

/** What `test/critest` needs of a machine, beside Node and the programs that come with the checkout. */
const runtime = [
  ...target,
  ...['runc', 'containernetworking-plugins', 'docker-registry', 'iptables', 'apparmor'],
  'sudo', // by which critest loads its AppArmor profiles
];

const kinds = { desk, target, runtime } as const;

/** Files of the machine; the network is qemu's user-mode NAT, whose name server is always this one. */
const files: Readonly<Record<string, string>> = {
  'etc/hostname': 'vm\n',
  'etc/hosts': '127.0.0.1 localhost\n127.0.1.1 vm\n',
  'etc/resolv.conf': 'nameserver 10.0.2.3\n',
  'etc/machine-id': '',
  'etc/fstab': '/dev/vda / ext4 noatime 0 1\n/dev/vdb /root/berth ext4 noatime,nofail 0 2\n',
  'etc/systemd/network/10-lan.network': '[Match]\nName=e*\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\n',
};

export interface Image {
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly identity: string;
  /** File with the machine's public host key. */
  readonly hostKey: string;
}

/** The disk of a Debian machine with systemd and a kernel of its own; made once, about a minute. */
export async function vmImage(kind: keyof typeof kinds): Promise<Image> {
  const packages = kinds[kind];
  const { suite, archives } = await packageArchives();
  const recipe = JSON.stringify([packages, files, suite, archives]);
  const folder = join(cache, `vm-${createHash('sha256').update(recipe).digest('hex').slice(0, 12)}`);
  const image: Image = {
    disk: join(folder, 'disk.raw'),
    kernel: join(folder, 'vmlinuz'),
    initrd: join(folder, 'initrd'),
    identity: join(folder, 'id'),
    hostKey: join(folder, 'host-key'),
  };
  if (existsSync(folder)) return image;
  const part = `${folder}.part`;
  await rm(part, { recursive: true, force: true });
  await mkdir(part, { recursive: true, mode: 0o700 });
  const root = join(part, 'root');
  const run = (argv: readonly string[]): Promise<string> =>
    commandOutput(argv, { signal, deadlineSeconds: 1800, endsWithUs: true });
  await run(
    ['mmdebstrap', '--quiet', '--variant=apt', `--include=${packages.join(',')}`].concat(
      ['--aptopt=APT::Install-Recommends "false"', '--aptopt=Acquire::Languages "none"'],
      ['doc', 'man', 'locale'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`),
      [suite, root],
      archives.map(sourceLine),
    ),
  );
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(root, path, '..'), { recursive: true });
    await rm(join(root, path), { force: true });
    await writeFile(join(root, path), text);
  }
  await mkdir(join(root, 'root/.ssh'), { recursive: true, mode: 0o700 });
  await mkdir(join(root, 'root/berth'), { recursive: true });
  await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(part, 'id')]);
  await copyFile(join(part, 'id.pub'), join(root, 'root/.ssh/authorized_keys'));
  await copyFile(join(root, 'etc/ssh/ssh_host_ed25519_key.pub'), join(part, 'host-key'));
  // What this machine trusts, the machine inside must trust: a registry may be behind a company's proxy.
  await copyFile('/etc/ssl/certs/ca-certificates.crt', join(root, 'etc/ssl/certs/ca-certificates.crt'));
  await run(['chroot', root, 'systemctl', '--quiet', 'enable', 'systemd-networkd.service']);
  for (const name of await readdir(join(root, 'boot')))
    for (const [prefix, target] of [
      ['vmlinuz-', 'vmlinuz'],
      ['initrd.img-', 'initrd'],
    ] as const)
      if (name.startsWith(prefix)) await copyFile(join(root, 'boot', name), join(part, target));
  await makeDisk(root, join(part, 'disk.raw'), '16G');
  await rm(root, { recursive: true, force: true });
  await rename(part, folder);
  return image;
}

export interface Tools {
  readonly crictl: string;
  /** Of crictl. */
  readonly version: string;
  /** Files and folders of the tests' cache that are to be in the same place there. */
  readonly cached?: readonly string[];
}

/** A disk that holds the working tree of this checkout with its npm packages, and crictl's release file. */
export async function checkoutDisk(folder: string, { crictl, version, cached = [] }: Tools): Promise<string> {
  const tree = join(folder, 'tree');
  await mkdir(join(tree, 'artifacts'), { recursive: true });
  const script = `
set -eu
git ls-files --cached --others --exclude-standard -z | tar --create --null --files-from=- --ignore-failed-read |
  tar --extract --directory "$1"
tar --create --exclude=node_modules/.cache node_modules | tar --extract --directory "$1"
tree=$1 crictl=$2 version=$3
shift 3
[ $# -eq 0 ] || tar --create "$@" | tar --extract --directory "$tree"
cp "$crictl" "$tree/artifacts/crictl"
cd "$tree/artifacts"
archive=crictl-v$version-linux-amd64.tar.gz
tar --create --gzip --file "$archive" crictl
rm crictl
sha256sum "$archive" > "$archive.sha256"
touch "$tree/node_modules/.package-lock.json"
`;
  const inCheckout = cached.map((path) => relative(checkout, path));
  await commandOutput(['sh', '-c', script, 'copy', tree, crictl, version, ...inCheckout], {
    signal,
    cwd: checkout,
    deadlineSeconds: 300,
  });
  const disk = join(folder, 'checkout.raw');
  await makeDisk(tree, disk, '2G');
  await rm(tree, { recursive: true, force: true });
  return disk;
}

/** `mke2fs -d` fills the file system without a loop device or a mount. */
async function makeDisk(tree: string, disk: string, size: string): Promise<void> {
  await commandOutput(['mke2fs', '-q', '-F', '-t', 'ext4', '-E', 'root_owner=0:0', '-d', tree, disk, size], {
    signal,
    deadlineSeconds: 600,
  });
}
