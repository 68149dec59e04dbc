import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EmbeddedAddress } from '../../profile/profile.ts';
import { baseFolder } from './base.ts';
import { cgroupsOf, processesIn } from './cgroups.ts';
import type { Machine } from './machine.ts';
import type { EmbeddedOptions, HostPlaces } from './places.ts';

/* The process that boots a host, boots it again after its reboots, and ends with it. */

const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Starts the keeper so that it outlives this process and its terminal. */
export function keeperCommand(
  address: EmbeddedAddress,
  places: HostPlaces,
  machine: Machine,
  { folder, layers = [] }: EmbeddedOptions,
): string[] {
  const origins = [...new Set(machine.archives.map((archive) => new URL(archive.uri).origin))];
  const proxy = [process.execPath, '--disable-warning=ExperimentalWarning', '--max-semi-space-size=1'].concat(
    [program('proxy.ts'), join(places.proxy, 'socket')],
    origins,
  );
  const environment = {
    TITLE: places.title,
    LINK: places.link,
    NETWORK: address.network,
    HOST: places.folder,
    BASE: [...layers, baseFolder(folder, machine)].join(':'),
    CGROUPS: machine.cgroups.kind === 'unit' ? '' : cgroupsOf(places.title, machine).join(' '),
    UNIFIED: machine.cgroups.kind === 'unit' ? '1' : '0',
  };
  const keeper = ['env', ...Object.entries(environment).map(([key, value]) => `${key}=${value}`)].concat([
    'unshare',
    '--mount',
    'sh',
    program('keeper.sh'),
    ...proxy,
  ]);
  if (machine.cgroups.kind === 'folders')
    return ['sh', '-c', 'exec setsid --fork "$@" < /dev/null > "$0" 2>&1', places.console, ...keeper];
  const description = `--description=embedded host ${address.name} of berth`;
  return ['systemd-run', '--quiet', '--collect', description, `--unit=${places.title}`].concat(
    ['Delegate=yes', 'KillMode=mixed', 'TasksMax=infinity', 'TimeoutStopSec=20'].flatMap((each) => [
      '-p',
      each,
    ]),
    ['StandardOutput', 'StandardError'].flatMap((stream) => ['-p', `${stream}=file:${places.console}`]),
    keeper,
  );
}

/** The process to ask for an orderly halt: the keeper itself, not the programs that it started. */
export async function keeperOf(cgroups: readonly string[]): Promise<number | undefined> {
  for (const pid of await processesIn(cgroups.map((cgroup) => join(cgroup, 'keeper')))) {
    const argv = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (argv.split('\0')[1] === program('keeper.sh')) return pid;
  }
  return undefined;
}

/**
 * A keeper makes its cgroups itself: one whose creator was killed a moment ago is in none yet, and would
 * make them after their removal. Its command line names the host's folder.
 */
export async function startingKeepers(places: HostPlaces): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  const found: number[] = [];
  for (const pid of pids) {
    const argv = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (argv.includes(program('keeper.sh')) && argv.includes(join(places.proxy, 'socket'))) found.push(pid);
  }
  return found;
}
