import { access, readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Ended, runCommand } from '../../core/command.ts';
import { Fail } from '../../core/fail.ts';
import { readIfThere } from '../../core/read-if-there.ts';
import type { SshEntry, VagrantMachine } from '../../profile/profile.ts';
import { parseSshConfig } from './ssh-config.ts';

export interface Reached {
  readonly ssh: SshEntry;
  /** What the person should know about how this was found out. */
  readonly remarks: readonly string[];
}

/** Vagrant is slow to start, and waits for others that use the same machine. */
const deadlineSeconds = 120;

/** Beside Vagrant's own files of the machine, which go with it: a machine that is made again has another key. */
const knownHostsName = 'berth-known-hosts';

/**
 * Asks Vagrant how a machine is reached. Vagrant itself checks no host keys. berth does: the first time it reads the keys
 * through `vagrant ssh`, and keeps them as long as the machine lives.
 * @throws Fail `Unreachable` when the machine is not up, `Unsupported` where there is no vagrant
 */
export async function reachMachine(
  host: string,
  entry: VagrantMachine,
  signal: AbortSignal,
): Promise<Reached> {
  const vagrant = new Vagrant(host, entry, signal);
  const config = parseSshConfig(await vagrant.output('ssh-config', entry.machine), entry.machine);
  if (config === undefined) throw notUnderstood(host, entry);
  if (config.beyond.length > 0) throw goesAnotherWay(host, entry, config.beyond);
  const { id, folder } = await identityOf(host, entry);
  const alias = `vagrant.${id.toLowerCase()}`;
  const file = join(folder, knownHostsName);
  const isKnown = (await readIfThere(file))?.toString('utf8').includes(`${alias} `) === true;
  if (!isKnown) await writeFile(file, knownHostsText(alias, await vagrant.hostKeys()), { mode: 0o644 });
  return {
    ssh: {
      host: config.hostName,
      port: config.port,
      user: config.user,
      identityFiles: config.identityFiles,
      password: undefined,
      knownHostsFiles: [file],
      hostKeyAlias: alias,
      jump: [],
      useConfig: false,
    },
    remarks: isKnown
      ? []
      : [`took the host keys of ${entry.machine} through vagrant ssh; from now on they must stay the same`],
  };
}

const knownHostsText = (alias: string, keys: readonly string[]): string =>
  keys.map((key) => `${alias} ${key}\n`).join('');

/** Calls of vagrant in the folder of the Vagrantfile. */
class Vagrant {
  readonly #host: string;
  readonly #entry: VagrantMachine;
  readonly #signal: AbortSignal;

  constructor(host: string, entry: VagrantMachine, signal: AbortSignal) {
    this.#host = host;
    this.#entry = entry;
    this.#signal = signal;
  }

  async output(...args: string[]): Promise<string> {
    const { directory } = this.#entry;
    await access(directory).catch((cause: unknown) => {
      throw this.#noFolder(cause);
    });
    const ended = await runCommand(['vagrant', ...args], {
      signal: this.#signal,
      cwd: directory,
      deadlineSeconds,
      env: { VAGRANT_NO_COLOR: '1', VAGRANT_CHECKPOINT_DISABLE: '1' },
    });
    if (ended.exitCode === 0) return ended.stdout;
    throw this.#failure(ended);
  }

  /** `TYPE KEY` of each host key of the machine, as it has them on its own disk. */
  async hostKeys(): Promise<readonly string[]> {
    const text = await this.output(
      'ssh',
      this.#entry.machine,
      '--command',
      'cat /etc/ssh/ssh_host_*_key.pub',
    );
    const keys = text.split(/\r?\n/).flatMap((line) => {
      const [type = '', key = ''] = line.trim().split(' ');
      return /^(ssh|ecdsa)-[a-z0-9-]+$/.test(type) && key !== '' ? [`${type} ${key}`] : [];
    });
    if (keys.length > 0) return keys;
    throw new Fail(
      'HostKeyUnknown',
      `${this.#host}: ${this.#entry.machine} shows no host keys through vagrant ssh`,
      {
        hint: 'See whether sshd of the machine has keys: /etc/ssh/ssh_host_*_key.pub; ssh-keygen -A makes them.',
      },
    );
  }

  #failure({ exitCode, stdout, stderr }: Ended): Fail {
    const { machine, directory } = this.#entry;
    if (exitCode === 127)
      return new Fail('Unsupported', `${this.#host}: there is no vagrant on this machine`, {
        hint: 'Install Vagrant, or name the address of the host under ssh.',
      });
    const said = (stderr.trim() || stdout.trim()).split('\n').slice(0, 6).join(' ');
    return new Fail('Unreachable', `${this.#host}: vagrant does not say how ${machine} is reached: ${said}`, {
      hint: `Bring it up: (cd ${directory} && vagrant up ${machine}); vagrant status lists the machines.`,
      context: { exitCode, directory, machine },
    });
  }

  #noFolder(cause: unknown): Fail {
    return new Fail('BadProfile', `${this.#host}: there is no folder ${this.#entry.directory}`, {
      hint: 'Set vagrant.directory to the folder of the Vagrantfile.',
      cause,
    });
  }
}

/** Vagrant keeps a folder for each machine and provider; the one in use has the provider's id of the machine. */
async function identityOf(
  host: string,
  { machine, directory }: VagrantMachine,
): Promise<{ id: string; folder: string }> {
  const machines = resolve(directory, process.env['VAGRANT_DOTFILE_PATH'] ?? '.vagrant', 'machines', machine);
  const providers = await readdir(machines).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  for (const provider of providers) {
    const folder = join(machines, provider);
    const id = (await readIfThere(join(folder, 'id')))?.toString('utf8').trim();
    if (id !== undefined && /^[A-Za-z0-9._:-]+$/.test(id)) return { id: id.replaceAll(':', '.'), folder };
  }
  throw new Fail('Unreachable', `${host}: ${machines} does not say which machine ${machine} is`, {
    hint: `Bring it up: (cd ${directory} && vagrant up ${machine}). Set VAGRANT_DOTFILE_PATH as for vagrant itself.`,
  });
}

const notUnderstood = (host: string, { machine, directory }: VagrantMachine): Fail =>
  new Fail('Unsupported', `${host}: vagrant ssh-config names no HostName and User for ${machine}`, {
    hint: `Look at what it prints: (cd ${directory} && vagrant ssh-config ${machine})`,
  });

const goesAnotherWay = (
  host: string,
  { machine, directory }: VagrantMachine,
  ways: readonly string[],
): Fail =>
  new Fail('Unsupported', `${host}: the way to ${machine} goes over ${ways.join(' and ')}`, {
    hint:
      `Let ssh itself know the machine: (cd ${directory} && vagrant ssh-config ${machine}) >> ~/.ssh/config, ` +
      `and name it in the profile as ssh: { host: ${machine} }.`,
  });
