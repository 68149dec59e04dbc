import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { commandOutput } from '../../core/command.ts';
import type { Machine } from './machine.ts';
import { addressInside, addressOutside, type HostPlaces } from './places.ts';

/** Port on the host's own loopback that leads to the proxy's socket. */
const proxyPort = 3128;

/** Timers of the distribution that a throw-away host must not spend its first minute on. */
const masked = [
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'fstrim.timer',
  'systemd-timesyncd.service',
];

/** Units that systemd starts because this folder, written below, says so. */
const units = (machine: Machine): Record<string, { text: string; wantedBy: string }> => ({
  'machine-proxy.socket': {
    wantedBy: 'sockets.target',
    text: `[Unit]
Description=Way to the package mirrors

[Socket]
ListenStream=127.0.0.1:${proxyPort}
`,
  },
  'machine-proxy.service': {
    wantedBy: '',
    text: `[Unit]
Description=Way to the package mirrors

[Service]
ExecStart=/lib/systemd/systemd-socket-proxyd /var/lib/machine-proxy/socket
`,
  },
  'kernel-modules-index.service': {
    wantedBy: 'sysinit.target',
    text: `[Unit]
Description=Index of the kernel's modules
DefaultDependencies=no
Before=systemd-modules-load.service sysinit.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/sbin/depmod
`,
  },
  ...(machine.cgroups.kind === 'folders' ? { 'cgroup-writable.service': writableCgroups } : {}),
});

/** nspawn mounts version 1 controllers read-only, and a container runtime of the host must write there. */
const writableCgroups = {
  wantedBy: 'sysinit.target',
  text: `[Unit]
Description=Writable cgroup controllers
DefaultDependencies=no
Before=sysinit.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/cgroup-writable
`,
};

const writableCgroupsScript = `#!/bin/sh
# Remounts every version 1 controller of this host writable.
failed=0
for controller in $(awk '$3 == "cgroup" { print $2 }' /proc/mounts); do
  mount -o remount,bind,rw "$controller" || failed=1
done
exit $failed
`;

/** Writes what makes the common root file system this host: keys, names, network, units. */
export async function writeHostFiles(
  places: HostPlaces,
  name: string,
  network: string,
  machine: Machine,
  signal: AbortSignal,
): Promise<void> {
  for (const folder of [places.upper, places.work, places.root, places.store, places.proxy])
    await mkdir(folder, { recursive: true });
  const put = async (path: string, text: string, mode = 0o644): Promise<void> => {
    const file = join(places.upper, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
    await chmod(file, mode);
  };
  const gateway = addressOutside(network);
  await put('etc/hostname', `${name}\n`);
  // Without its own name here, every look-up of it waits five seconds for a name server.
  await put('etc/hosts', `127.0.0.1 localhost\n127.0.1.1 ${name}\n::1 localhost\n`);
  // Nobody answers there; but without a valid file no pod can be made.
  await put('etc/resolv.conf', `nameserver ${gateway}\n`);
  // Empty: systemd makes one at each boot.
  await put('etc/machine-id', '');
  const proxy = `http://127.0.0.1:${proxyPort}`;
  await put(
    'etc/apt/apt.conf.d/90machine-proxy',
    `Acquire::http::Proxy "${proxy}";\nAcquire::https::Proxy "${proxy}";\n`,
  );
  await put(
    `usr/lib/modules/${machine.kernelRelease}/modules.builtin`,
    machine.kernelHas.map((module) => `kernel/${module}.ko\n`).join(''),
  );
  if (machine.cgroups.kind === 'folders')
    await put('usr/local/sbin/cgroup-writable', writableCgroupsScript, 0o755);
  await writeUnits(places.upper, units(machine), put);
  await writeKeys(places, network, put, signal);
}

type Put = (path: string, text: string, mode?: number) => Promise<void>;

async function writeUnits(upper: string, all: ReturnType<typeof units>, put: Put): Promise<void> {
  const folder = 'etc/systemd/system';
  for (const [unit, { text, wantedBy }] of Object.entries(all)) {
    await put(`${folder}/${unit}`, text);
    if (wantedBy === '') continue;
    await mkdir(join(upper, folder, `${wantedBy}.wants`), { recursive: true });
    await symlink(`../${unit}`, join(upper, folder, `${wantedBy}.wants`, unit));
  }
  for (const unit of masked) await symlink('/dev/null', join(upper, folder, unit));
}

/** Both keys are made here, so that the host is known before its first answer: no trust on first use. */
async function writeKeys(places: HostPlaces, network: string, put: Put, signal: AbortSignal): Promise<void> {
  const hostKey = join(places.upper, 'etc/ssh/ssh_host_ed25519_key');
  await mkdir(dirname(hostKey), { recursive: true });
  for (const path of [places.identity, hostKey])
    await commandOutput(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'berth', '-f', path], {
      signal,
    });
  await put('root/.ssh/authorized_keys', await readFile(`${places.identity}.pub`, 'utf8'), 0o600);
  await chmod(join(places.upper, 'root/.ssh'), 0o700);
  await chmod(join(places.upper, 'root'), 0o700);
  const [type, key] = (await readFile(`${hostKey}.pub`, 'utf8')).split(' ');
  await writeFile(places.knownHosts, `${addressInside(network)} ${type} ${key}\n`);
}
