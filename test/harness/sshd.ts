import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { SshAddress } from '../../src/profile/profile.ts';
import { freePort } from './free-port.ts';

const run = promisify(execFile);

export interface SshdOptions {
  /** Lines added to sshd_config. */
  readonly config?: readonly string[];
  /** A login user beside root; its password, and what sudoers says of it. */
  readonly user?: {
    readonly name: string;
    readonly password: string;
    readonly sudoers?: string;
    /** Default: bash. */
    readonly shell?: string;
  };
  /** Text of the user's ~/.bashrc. */
  readonly bashrc?: string;
  /** Types of host keys; the first is the one in the known_hosts file. Default: ed25519. */
  readonly hostKeys?: readonly string[];
  /** Authenticate through PAM, which keyboard-interactive needs. */
  readonly pam?: boolean;
}

export interface Sshd extends AsyncDisposable {
  readonly port: number;
  /** Everything of this server lives here. */
  readonly folder: string;
  /** Private key that root and the user accept. */
  readonly identity: string;
  /** A known_hosts file with this server's key. */
  readonly knownHosts: string;
  readonly hostKeyLine: string;
  log(): Promise<string>;
  /** Ends every session at once, as a cable that is pulled: the server's own process stays. */
  dropConnections(): void;
}

/** How root reaches it. */
export const addressOf = (sshd: Sshd, more: Partial<SshAddress> = {}): SshAddress => ({
  host: '127.0.0.1',
  port: sshd.port,
  user: 'root',
  identityFiles: [sshd.identity],
  password: undefined,
  knownHostsFiles: [sshd.knownHosts],
  ...more,
});

/**
 * A private OpenSSH server on a random port of 127.0.0.1, in its own mount namespace: passwd, shadow and
 * sudoers are copies, so that users come and go without the machine noticing.
 */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-sshd-'));
  const port = await freePort();
  const identity = join(folder, 'id');
  await run('ssh-keygen', ['-qt', 'ed25519', '-N', '', '-f', identity]);
  const hostKeys = options.hostKeys ?? ['ed25519'];
  for (const type of hostKeys) {
    await run('ssh-keygen', ['-qt', type, '-N', '', '-f', join(folder, `host_key_${type}`)]);
  }
  await prepareAccounts(folder, options);
  await writeConfig(folder, port, options);
  const hostKey = (await readFile(join(folder, `host_key_${hostKeys[0]}.pub`), 'utf8'))
    .split(' ')
    .slice(0, 2)
    .join(' ');
  const hostKeyLine = `[127.0.0.1]:${port} ${hostKey}`;
  await writeFile(join(folder, 'known_hosts'), `${hostKeyLine}\n`);

  const script = join(folder, 'start.sh');
  await writeFile(script, startScript(folder));
  const server = spawn('unshare', ['-m', '/bin/sh', script], { stdio: 'ignore' });
  await answers(port);
  return {
    port,
    folder,
    identity,
    knownHosts: join(folder, 'known_hosts'),
    hostKeyLine,
    log: () => readFile(join(folder, 'log'), 'utf8'),
    dropConnections: () => killSessions(server.pid),
    async [Symbol.asyncDispose]() {
      killSessions(server.pid);
      if (server.exitCode === null) {
        server.kill('SIGTERM');
        await once(server, 'exit');
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function prepareAccounts(folder: string, { user, bashrc }: SshdOptions): Promise<void> {
  for (const name of ['passwd', 'shadow', 'group']) await cp(`/etc/${name}`, join(folder, name));
  await mkdir(join(folder, 'sudoers.d'));
  await chmod(folder, 0o755);
  if (user === undefined) return;
  const home = join(folder, 'home');
  await mkdir(home);
  if (bashrc !== undefined) await writeFile(join(home, '.bashrc'), bashrc);
  const hash = (await run('openssl', ['passwd', '-6', user.password])).stdout.trim();
  await writeFile(
    join(folder, 'passwd'),
    `${user.name}:x:4242:4242::${home}:${user.shell ?? '/bin/bash'}\n`,
    { flag: 'a' },
  );
  await writeFile(join(folder, 'group'), `${user.name}:x:4242:\n`, { flag: 'a' });
  await writeFile(join(folder, 'shadow'), `${user.name}:${hash}:19000:0:99999:7:::\n`, { flag: 'a' });
  if (user.sudoers !== undefined) {
    const file = join(folder, 'sudoers.d', 'test');
    await writeFile(file, `${user.name} ${user.sudoers}\n`);
    await chmod(file, 0o440);
  }
}

async function writeConfig(folder: string, port: number, options: SshdOptions): Promise<void> {
  const lines = [
    `ListenAddress 127.0.0.1:${port}`,
    ...(options.hostKeys ?? ['ed25519']).map((type) => `HostKey ${join(folder, `host_key_${type}`)}`),
    `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
    'PidFile none',
    'StrictModes no',
    `UsePAM ${options.pam ? 'yes' : 'no'}`,
    'UseDNS no',
    'PermitRootLogin yes',
    ...(options.config ?? []),
  ];
  await writeFile(join(folder, 'sshd_config'), `${lines.join('\n')}\n`);
  await cp(join(folder, 'id.pub'), join(folder, 'authorized_keys'));
}

const startScript = (folder: string) => `set -e
mount --make-rprivate /
for name in passwd shadow group; do mount --bind ${folder}/$name /etc/$name; done
if [ -d /etc/sudoers.d ]; then
  chown root:root ${folder}/sudoers.d
  mount --bind ${folder}/sudoers.d /etc/sudoers.d
fi
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/sshd /run/sudo
exec /usr/sbin/sshd -D -e -f ${folder}/sshd_config 2> ${folder}/log
`;

/** The sessions are children of the listening server: ending them breaks the connections. */
function killSessions(server: number | undefined): void {
  if (server === undefined) return;
  for (const pid of childrenOf(server)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself in between.
    }
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter(Boolean)
      .map(Number);
  } catch {
    return [];
  }
}

async function answers(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port });
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`sshd does not answer on port ${port}`);
}
