import { connect } from 'node:net';
import { commandOutput, runCommand } from '../../core/command.ts';
import type { EmbeddedAddress } from '../../profile/profile.ts';
import { addressInside, addressOutside, type EmbeddedOptions, placesOf } from './places.ts';

/* How an embedded host is spoken to from its machine, before and beside the installer. */

/** Runs a command in the host over ssh, with the keys that were made for it. */
export function sshCommand(address: EmbeddedAddress, folder: string): string[] {
  const places = placesOf(folder, address.name);
  return [
    'ssh',
    '-F',
    'none',
    '-i',
    places.identity,
    '-o',
    `UserKnownHostsFile=${places.knownHosts}`,
    '-o',
    'StrictHostKeyChecking=yes',
    // Without our end of the network, packets for the host would leave by the default route.
    '-b',
    addressOutside(address.network),
    '-o',
    'ConnectTimeout=10',
    // A host that is killed says no good-bye.
    '-o',
    'ServerAliveInterval=5',
    `root@${addressInside(address.network)}`,
  ];
}

/** True when the host lets us in. A port is asked first, which costs no process while it is closed. */
export async function answers(address: EmbeddedAddress, options: EmbeddedOptions): Promise<boolean> {
  if (!(await portOpen(address.network, 22))) return false;
  const argv = withOptions(sshCommand(address, options.folder), ['BatchMode=yes']);
  return (await runCommand([...argv, 'true'], { signal: options.signal, endsWithUs: true })).exitCode === 0;
}

const portDeadlineMilliseconds = 500;

function portOpen(network: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({
      host: addressInside(network),
      localAddress: addressOutside(network),
      port,
      timeout: portDeadlineMilliseconds,
    });
    const end = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}

/** Waits until systemd has done its boot; answers which units failed in it. */
export async function settle(address: EmbeddedAddress, options: EmbeddedOptions): Promise<string[]> {
  const script = 'systemctl is-system-running --wait >/dev/null; systemctl --failed --plain --no-legend';
  const argv = withOptions(sshCommand(address, options.folder), ['BatchMode=yes']);
  const text = await commandOutput([...argv, script], { signal: options.signal, endsWithUs: true });
  return text
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter((unit) => unit !== '');
}

const withOptions = (argv: readonly string[], options: readonly string[]): string[] => [
  ...argv.slice(0, -1),
  ...options.flatMap((option) => ['-o', option]),
  ...argv.slice(-1),
];
