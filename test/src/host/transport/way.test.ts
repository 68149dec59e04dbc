import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { access, appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import ssh2 from 'ssh2';
import type { Event } from '../../../../src/core/events.ts';
import type { Connection } from '../../../../src/host/transport/connection.ts';
import { openConnection, type Sharing, shareAmongConnections } from '../../../../src/host/transport/open.ts';
import { SshResolver } from '../../../../src/inventory/ssh/resolve.ts';
import type { SshEntry } from '../../../../src/profile/profile.ts';
import { failure } from '../../../harness/failure.ts';
import { type Sshd, startSshd } from '../../../harness/sshd.ts';

/*
 * The way from a profile's entry to a host: ssh_config, jump hosts, certificates. Every server is a real sshd; each test
 * has an ssh_config of its own, and the person's is not read.
 */

const run = promisify(execFile);
const soon = () => AbortSignal.timeout(30_000);

delete process.env['SSH_AUTH_SOCK'];

const entry = (host: string, more: Partial<SshEntry> = {}): SshEntry => ({
  host,
  port: undefined,
  user: undefined,
  identityFiles: [],
  password: undefined,
  knownHostsFiles: [],
  ...more,
});

/** A server of this machine, as a profile would have it. */
const via = (sshd: Sshd, more: Partial<SshEntry> = {}) =>
  entry('127.0.0.1', {
    port: sshd.port,
    user: 'root',
    identityFiles: [sshd.identity],
    knownHostsFiles: [sshd.knownHosts],
    ...more,
  });

interface Opened {
  readonly connection: Connection;
  readonly events: readonly Event[];
}

async function open(ssh: SshEntry, sharing?: Sharing): Promise<Opened> {
  const events: Event[] = [];
  const signal = soon();
  const address = await new SshResolver(signal).resolve(ssh);
  const connection = await openConnection(
    { name: 'node-1', address: { kind: 'ssh', ssh }, sudo: true, sudoPassword: undefined },
    address,
    {
      signal,
      readSecret: async (_source, what) => {
        throw new Error(`asked for ${what}`);
      },
      emit: (event) => events.push(event),
      ...(sharing === undefined ? {} : { sharing }),
    },
  );
  return { connection, events };
}

/** Connects, runs something, and says over which transport. */
async function greet(ssh: SshEntry): Promise<'ssh2' | 'openssh'> {
  const { connection, events } = await open(ssh);
  try {
    const { stdout } = await connection.sh('echo hello', { signal: soon() });
    assert.equal(stdout, 'hello\n');
  } finally {
    await connection.close();
  }
  const openssh = events.some(
    ({ kind, ...event }) => kind === 'note' && JSON.stringify(event).includes('OpenSSH'),
  );
  return openssh ? 'openssh' : 'ssh2';
}

/** An ssh_config file beside a server. */
async function config(sshd: Sshd, text: string): Promise<string> {
  const file = join(sshd.folder, 'ssh_config');
  await writeFile(file, text);
  return file;
}

test('an alias of ssh_config says host, port, user, key and known hosts; the profile wins where it speaks', async () => {
  await using sshd = await startSshd({
    user: { name: 'ops', password: 'x', sudoers: 'ALL=(ALL) NOPASSWD: ALL' },
  });
  const configFile = await config(
    sshd,
    `Host web-*
  HostName 127.0.0.1
  Port ${sshd.port}
  User ops
  IdentityFile ${sshd.identity}
  IdentitiesOnly yes
  UserKnownHostsFile ${sshd.knownHosts}
  ServerAliveInterval 7
  ConnectTimeout 4
Host other
  Port 1
`,
  );
  const address = await new SshResolver(soon()).resolve(entry('web-1', { configFile }));
  assert.deepEqual(
    [address.host, address.port, address.user, address.identityFiles, address.identitiesOnly],
    ['127.0.0.1', sshd.port, 'ops', [sshd.identity], true],
  );
  assert.deepEqual([address.aliveIntervalSeconds, address.connectTimeoutSeconds], [7, 4]);
  const { connection } = await open(entry('web-1', { configFile }));
  assert.equal(connection.address, `ops@127.0.0.1:${sshd.port}`);
  await connection.close();
  const root = await open(entry('web-1', { configFile, user: 'root' }));
  assert.equal(root.connection.address, `root@127.0.0.1:${sshd.port}`);
  await root.connection.close();
  const unread = await new SshResolver(soon()).resolve(entry('web-1', { configFile, useConfig: false }));
  assert.deepEqual([unread.host, unread.port], ['web-1', 22]);
});

test('Match and Include count, and a host that no file speaks of is not asked about', async () => {
  await using sshd = await startSshd();
  const included = join(sshd.folder, 'more.conf');
  await writeFile(included, 'Match originalhost far exec "true"\n  Port 2200\n');
  const configFile = await config(
    sshd,
    `Host near\n  Port 2100\nHost *\n  Include ${sshd.folder}/mo*.conf\n`,
  );
  const ports = async (...hosts: string[]) => {
    const resolver = new SshResolver(soon());
    return await Promise.all(
      hosts.map(async (host) => (await resolver.resolve(entry(host, { configFile }))).port),
    );
  };
  assert.deepEqual(await ports('near', 'far', 'elsewhere'), [2100, 2200, 22]);
  // With a path that has no ssh, only hosts that some file speaks of could tell the difference.
  const path = process.env['PATH'];
  await writeFile(configFile, 'Host near\n  Port 2100\n');
  process.env['PATH'] = sshd.folder;
  try {
    await symlinks(sshd.folder);
    const resolver = new SshResolver(soon());
    const silent = await resolver.resolve(entry('elsewhere', { configFile }));
    assert.equal(silent.remarks, undefined);
    const { port, remarks } = await resolver.resolve(entry('near', { configFile }));
    assert.equal(port, 22);
    assert.match(String(remarks), /there is no ssh on this machine/);
  } finally {
    process.env['PATH'] = path;
  }
});

/** What running programs needs, without an ssh. */
async function symlinks(folder: string): Promise<void> {
  for (const name of ['bash', 'sh']) await run('/bin/ln', ['-s', `/bin/${name}`, join(folder, name)]);
}

test('a mistake in ssh_config is told with its line', async () => {
  await using sshd = await startSshd();
  const configFile = await config(sshd, 'Host *\n  Port many\n');
  const error = await failure(new SshResolver(soon()).resolve(entry('a', { configFile })));
  assert.equal(error.code, 'BadUsage');
  assert.match(error.message, /ssh_config line 2/);
  const missing = await failure(new SshResolver(soon()).resolve(entry('a', { configFile: '/nonexistent' })));
  assert.equal(missing.code, 'BadProfile');
});

for (const transport of ['ssh2', 'openssh'] as const) {
  test(`${transport}: a chain of jump hosts, each checked by its own key, and the failing one is named`, async () => {
    await using target = await startSshd();
    await using first = await startSshd();
    await using second = await startSshd();
    const over = (sshd: Sshd, more: Partial<SshEntry> = {}) => via(sshd, { useConfig: false, ...more });
    const to = (...jump: SshEntry[]) => over(target, { transport, jump });
    const { connection } = await open(to(over(first), over(second)));
    try {
      const { stdout } = await connection.sh('echo $SSH_CONNECTION', { signal: soon() });
      assert.ok(stdout.endsWith(`127.0.0.1 ${target.port}\n`), stdout);
      assert.equal(
        connection.address,
        [target, second, first].map(({ port }) => `root@127.0.0.1:${port}`).join(' through '),
      );
    } finally {
      await connection.close();
    }
    assert.match(await second.log(), /Accepted publickey/);
    const name = (sshd: Sshd) => `node-1: jump host root@127\\.0\\.0\\.1:${sshd.port}`;

    const stranger = await failure(
      open(to(over(first), over(second, { knownHostsFiles: [first.knownHosts] }))),
    );
    assert.equal(stranger.code, 'HostKeyUnknown');
    assert.match(stranger.message, new RegExp(`^${name(second)}: the host key of \\[127`));

    const locked = await failure(open(to(over(first, { identityFiles: [second.identity] }))));
    assert.equal(locked.code, 'AuthenticationFailed');
    assert.match(locked.message, new RegExp(`^${name(first)}: `));

    const gone = await failure(open(over(target, { transport, jump: [over(first)], port: 1 })));
    assert.equal(gone.code, 'Unreachable');
    assert.match(gone.message, new RegExp(`^${name(first)} does not connect us with 127\\.0\\.0\\.1:1`));
  });
}

test('ProxyJump of ssh_config leads over the jump host, unless the profile says that there is none', async () => {
  await using target = await startSshd();
  await using bastion = await startSshd();
  const configFile = await config(
    target,
    `Host bastion
  Port ${bastion.port}
  IdentityFile ${bastion.identity}
  UserKnownHostsFile ${bastion.knownHosts}
Host inner
  ProxyJump root@bastion
  Port ${target.port}
  IdentityFile ${target.identity}
  UserKnownHostsFile ${target.knownHosts}
Host *
  HostName 127.0.0.1
  User root
  IdentitiesOnly yes
`,
  );
  for (const transport of ['ssh2', 'openssh'] as const) {
    await greet(entry('inner', { configFile, transport }));
  }
  assert.equal((await bastion.log()).match(/Accepted publickey/g)?.length, 2);
  await greet(entry('inner', { configFile, jump: [] }));
  assert.equal((await bastion.log()).match(/Accepted publickey/g)?.length, 2);
});

test('hosts behind one jump host share one login to it', async () => {
  await using target = await startSshd();
  await using bastion = await startSshd();
  await using sharing = shareAmongConnections();
  const all = await Promise.all(
    Array.from({ length: 25 }, () => open(via(target, { jump: [via(bastion)] }), sharing)),
  );
  await Promise.all(
    all.map(async ({ connection }) => {
      assert.equal((await connection.sh('echo hi', { signal: soon() })).stdout, 'hi\n');
      await connection.close();
    }),
  );
  assert.equal((await bastion.log()).match(/Accepted publickey/g)?.length, 1);
});

test('a jump host is asked for ten channels at a time, however many hosts lie behind it', async () => {
  await using target = await startSshd({ config: ['MaxStartups 100'] });
  await using bastion = await countingBastion(target.folder);
  await using sharing = shareAmongConnections();
  const through = via(target, {
    useConfig: false,
    jump: [via(target, { useConfig: false, port: bastion.port, knownHostsFiles: [bastion.knownHosts] })],
  });
  const all = await Promise.all(Array.from({ length: 25 }, () => open(through, sharing)));
  await Promise.all(all.map(({ connection }) => connection.close()));
  assert.deepEqual({ ...bastion.seen }, { logins: 1, channels: 25, mostAtOnce: 10 });
});

/** An SSH server that forwards connections a moment after it was asked to, and counts what it is asked at once. */
async function countingBastion(folder: string) {
  const { private: key, public: publicKey } = ssh2.utils.generateKeyPairSync('ed25519');
  const seen = { logins: 0, channels: 0, mostAtOnce: 0 };
  const clients = new Set<ssh2.Connection>();
  let waiting = 0;
  const server = new ssh2.Server({ hostKeys: [key] }, (client) => {
    clients.add(client);
    client.on('error', () => {});
    client.on('authentication', (context) => context.accept());
    client.on('ready', () => {
      seen.logins += 1;
    });
    client.on('tcpip', (accept, _reject, { destIP, destPort }) => {
      waiting += 1;
      seen.channels += 1;
      seen.mostAtOnce = Math.max(seen.mostAtOnce, waiting);
      setTimeout(() => {
        waiting -= 1;
        const channel = accept();
        const socket = connect(destPort, destIP);
        channel.pipe(socket).pipe(channel);
        channel.on('error', () => {});
        socket.on('error', () => channel.close());
      }, 100);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = server.address();
  assert.ok(at !== null && typeof at === 'object');
  const knownHosts = join(folder, 'bastion');
  await writeFile(knownHosts, `[127.0.0.1]:${at.port} ${publicKey}\n`);
  return {
    port: at.port,
    knownHosts,
    seen,
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.end();
      server.close();
    },
  };
}

test('a jump host that was lost is logged in to again, and only by who trusts its key', async () => {
  await using target = await startSshd();
  await using bastion = await startSshd();
  await using sharing = shareAmongConnections();
  const through = via(target, { jump: [via(bastion)] });
  const first = await open(through, sharing);
  const strict = via(target, { jump: [via(bastion, { knownHostsFiles: [target.knownHosts] })] });
  assert.equal((await failure(open(strict, sharing))).code, 'HostKeyUnknown');
  bastion.dropConnections();
  await assert.rejects(first.connection.sh('sleep 20', { signal: soon() }));
  const { connection } = await open(through, sharing);
  assert.equal((await connection.sh('echo hi', { signal: soon() })).stdout, 'hi\n');
  await connection.close();
});

test('nothing in ssh_config lets in a host whose key is not known, or is revoked', async () => {
  await using sshd = await startSshd();
  const to = async (lines: string, more: Partial<SshEntry> = {}) =>
    entry('inner', {
      configFile: await config(
        sshd,
        `Host inner
  HostName 127.0.0.1
  Port ${sshd.port}
  User root
  IdentityFile ${sshd.identity}
  ${lines}
`,
      ),
      ...more,
    });
  const careless = `StrictHostKeyChecking no
  NoHostAuthenticationForLocalhost yes
  VerifyHostKeyDNS yes
  UserKnownHostsFile /dev/null`;
  for (const transport of ['ssh2', 'openssh'] as const) {
    const refused = await failure(open(await to(careless, { transport })));
    assert.equal(refused.code, 'HostKeyUnknown');
    assert.doesNotMatch(String(refused.hint), />> \/dev\/null/);
  }
  const revoked = join(sshd.folder, 'revoked');
  await writeFile(revoked, `${sshd.hostKeyLine.split(' ').slice(1).join(' ')}\n`);
  const lines = `UserKnownHostsFile ${sshd.knownHosts}\n  RevokedHostKeys ${revoked}`;
  assert.match((await failure(open(await to(lines)))).code, /^HostKey/);
  assert.equal((await failure(open(await to(lines, { transport: 'ssh2' })))).code, 'Unsupported');
});

test("a person's shared connections are neither used nor left behind", async () => {
  await using target = await startSshd();
  await using bastion = await startSshd();
  const socket = join(target.folder, 'shared-%p');
  const configFile = await config(
    target,
    `Host bastion
  Port ${bastion.port}
  IdentityFile ${bastion.identity}
  UserKnownHostsFile ${bastion.knownHosts}
Host inner
  ProxyJump bastion
  Port ${target.port}
  IdentityFile ${target.identity}
  UserKnownHostsFile ${target.knownHosts}
Host *
  HostName 127.0.0.1
  User root
  IdentitiesOnly yes
  ControlMaster auto
  ControlPath ${socket}
  ControlPersist 60
`,
  );
  await greet(entry('inner', { configFile, transport: 'openssh' }));
  for (const { port } of [bastion, target])
    await assert.rejects(access(socket.replace('%p', String(port))), { code: 'ENOENT' });
});

test('what a ProxyCommand leaves in the background does not keep a connection from its end', async () => {
  await using sshd = await startSshd();
  const configFile = await config(
    sshd,
    `Host inner
  ProxyCommand sh -c 'setsid sleep 20 & exec socat - TCP:127.0.0.1:%p'
  HostName 127.0.0.1
  Port ${sshd.port}
  User root
  IdentityFile ${sshd.identity}
  UserKnownHostsFile ${sshd.knownHosts}
`,
  );
  const began = performance.now();
  assert.equal(await greet(entry('inner', { configFile })), 'openssh');
  assert.ok(performance.now() - began < 15_000);
});

test('user and host certificates, a revoked key, a ProxyCommand: OpenSSH is taken where it is needed', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-ca-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const authority = join(folder, 'ca');
  await run('ssh-keygen', ['-qt', 'ed25519', '-N', '', '-f', authority]);
  await using sshd = await startSshd({ config: [`TrustedUserCAKeys ${authority}.pub`] });
  const at = (more: Partial<SshEntry>) => via(sshd, { useConfig: false, ...more });

  // A key that no authorized_keys has, let in by its certificate alone.
  const signed = join(folder, 'id');
  await run('ssh-keygen', ['-qt', 'ed25519', '-N', '', '-f', signed]);
  assert.equal((await failure(open(at({ identityFiles: [signed] })))).code, 'AuthenticationFailed');
  await run('ssh-keygen', ['-qs', authority, '-I', 'me', '-n', 'root', '-V', '+5m', `${signed}.pub`]);
  assert.equal(await greet(at({ identityFiles: [signed] })), 'openssh');

  // A host that is known by its certificate alone.
  const hostKey = join(sshd.folder, 'host_key_ed25519');
  await run('ssh-keygen', ['-qs', authority, '-I', 'host', '-h', '-n', '127.0.0.1', `${hostKey}.pub`]);
  await using certified = await startSshd({
    config: [`HostKey ${hostKey}`, `HostCertificate ${hostKey}-cert.pub`],
  });
  const knownHosts = join(folder, 'known_hosts');
  await writeFile(knownHosts, `@cert-authority [127.0.0.1]:* ${await readFile(`${authority}.pub`, 'utf8')}`);
  const certifiedAt = at({
    port: certified.port,
    identityFiles: [certified.identity],
    knownHostsFiles: [knownHosts],
  });
  assert.equal(await greet(certifiedAt), 'openssh');

  // The authority does not make good what was revoked.
  const publicKey = (await readFile(`${hostKey}.pub`, 'utf8')).split(' ').slice(0, 2).join(' ');
  await appendFile(knownHosts, `@revoked * ${publicKey}\n`);
  const revoked = await failure(open(certifiedAt));
  assert.match(revoked.code, /^HostKey/);

  const configFile = await config(
    sshd,
    `Host *
  ProxyCommand socat - TCP:127.0.0.1:%p
`,
  );
  const proxied = at({
    configFile,
    useConfig: true,
    host: 'no-such-host.invalid',
    hostKeyAlias: `[127.0.0.1]:${sshd.port}`,
  });
  assert.equal(await greet(proxied), 'openssh');
  const forced = await failure(open({ ...proxied, transport: 'ssh2' }));
  assert.equal(forced.code, 'Unsupported');
});

test('a FIDO key, or GSSAPI as the only way, is a matter for OpenSSH', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-sk-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const { chooseTransport } = await import('../../../../src/host/transport/choose-transport.ts');
  const key = join(folder, 'id_sk');
  await writeFile(key, fidoKeyFile());
  const address = await new SshResolver(soon()).resolve(
    entry('a', { identityFiles: [key], useConfig: false }),
  );
  assert.deepEqual(await chooseTransport('a', address), {
    transport: 'openssh',
    because: [`the FIDO key ${key}`],
  });
  const configFile = join(folder, 'config');
  await writeFile(
    configFile,
    'Host *\n  GSSAPIAuthentication yes\n  PreferredAuthentications gssapi-with-mic\n',
  );
  const kerberos = await new SshResolver(soon()).resolve(entry('a', { configFile }));
  assert.equal((await chooseTransport('a', kerberos)).transport, 'openssh');
});

/** The open part of a private key of type sk-ssh-ed25519, as PROTOCOL.key describes it; nobody can log in with it. */
function fidoKeyFile(): string {
  const string = (value: string | Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(value));
    return Buffer.concat([length, Buffer.from(value)]);
  };
  const publicKey = Buffer.concat([
    string('sk-ssh-ed25519@openssh.com'),
    string(Buffer.alloc(32, 1)),
    string('ssh:'),
  ]);
  const blob = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    ...[string('none'), string('none'), string('')],
    Buffer.from([0, 0, 0, 1]),
    string(publicKey),
    string(Buffer.alloc(64)),
  ]);
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${blob.toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`;
}
