import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFile, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import ssh2 from 'ssh2';
import type { Event } from '../../../../src/core/events.ts';
import type { Connection } from '../../../../src/host/transport/connection.ts';
import { openConnection } from '../../../../src/host/transport/open.ts';
import type { SshAddress } from '../../../../src/profile/profile.ts';
import { failure } from '../../../harness/failure.ts';
import { relay, relayTo } from '../../../harness/relay.ts';
import { addressOf, type Sshd, type SshdOptions, startSshd } from '../../../harness/sshd.ts';

/* Hosts that are hostile or broken: each is a failure with host, step and remedy within its deadline, or just works. */

delete process.env['SSH_AUTH_SOCK'];

const within = (seconds: number) => ({ signal: AbortSignal.timeout(seconds * 1000) });

const open = (
  ssh: SshAddress,
  emit: (event: Event) => void = () => {},
  secrets: (what: string) => string | undefined = () => undefined,
): Promise<Connection> =>
  openConnection({ name: 'node-1', address: { kind: 'local' }, sudo: true, sudoPassword: undefined }, ssh, {
    ...within(60),
    readSecret: async (_source, what) => {
      const secret = secrets(what);
      if (secret === undefined) throw new Error(`asked for ${what}`);
      return secret;
    },
    emit,
  });

const transports = ['ssh2', 'openssh'] as const;

const ops = (shell?: string): SshdOptions => ({
  user: { name: 'ops', password: 'x', sudoers: 'ALL=(ALL) NOPASSWD: ALL', ...(shell ? { shell } : {}) },
});

/** What works although it looks odd. */
const odd: [title: string, options: SshdOptions][] = [
  ['a login shell that prints a banner', { ...ops(), bashrc: 'cat /etc/services; echo >&2 beware' }],
  ['a banner before the login', { ...ops(), config: ['Banner /etc/services'] }],
  ['a locale that the host does not have', { ...ops(), bashrc: 'export LC_ALL=xx_YY.UTF-8 LANG=zz' }],
  ['a login shell of the family of csh', ops('/usr/bin/tcsh')],
  ['the login shell fish', ops('/usr/bin/fish')],
];

for (const transport of transports) {
  for (const [title, options] of odd) {
    test(`${transport}: ${title} is no obstacle`, async () => {
      await using sshd = await startSshd(options);
      const connection = await open(addressOf(sshd, { user: 'ops', transport }));
      try {
        const { stdout } = await connection.sh('id -u; printf %s "$LC_ALL"', within(20));
        assert.equal(stdout, '0\nC');
      } finally {
        await connection.close();
      }
    });
  }
}

/** Accounts that never run a command of ours. */
const closed: [title: string, options: SshdOptions, text: RegExp][] = [
  ['the shell nologin', ops('/usr/sbin/nologin'), /not available/],
  ['the shell false', ops('/bin/false'), /the login shell ended before it ran a command/],
  ['a forced command', { ...ops(), config: ['ForceCommand echo only this'] }, /only this/],
  ['sftp alone', { ...ops(), config: ['ForceCommand internal-sftp'] }, /before it ran a command/],
  ['sudo that wants a terminal', requiretty(), /sudo did not make us root/],
];

function requiretty(): SshdOptions {
  const options = ops();
  const { user } = options;
  assert.ok(user);
  return { ...options, user: { ...user, sudoers: 'ALL=(ALL) NOPASSWD: ALL\nDefaults requiretty' } };
}

for (const transport of transports) {
  for (const [title, options, text] of closed) {
    test(`${transport}: an account with ${title} is told with its remedy`, async () => {
      await using sshd = await startSshd(options);
      const connection = await open(addressOf(sshd, { user: 'ops', transport }));
      try {
        const error = await failure(connection.sh('echo ran', within(30)));
        assert.match(error.code, /^(Unsupported|NoSudo)$/);
        assert.match(error.message, /^node-1: /);
        assert.match(error.message, text);
        assert.ok(error.hint);
      } finally {
        await connection.close();
      }
    });
  }

  test(`${transport}: a command that prints without end is ended, and the connection goes on`, async () => {
    await using sshd = await startSshd();
    const connection = await open(addressOf(sshd, { transport }));
    try {
      const before = process.memoryUsage().rss;
      const error = await failure(connection.sh('head -c 1G /dev/zero', within(60)));
      assert.equal(error.code, 'CommandFailed');
      assert.match(error.message, /^node-1: a command printed more than 64 MiB and was ended$/);
      assert.ok(process.memoryUsage().rss - before < 400 * 1024 * 1024);
      assert.equal((await connection.sh('echo on', within(10))).stdout, 'on\n');
    } finally {
      await connection.close();
    }
  });

  test(`${transport}: a host key that changes between two connections ends the second`, async () => {
    await using sshd = await startSshd();
    await (await open(addressOf(sshd, { transport }))).close();
    await using other = await startSshd();
    // The same name and port lead to another machine now.
    await writeFile(other.knownHosts, sshd.hostKeyLine.replace(`:${sshd.port} `, `:${other.port} `));
    await copyFile(sshd.identity, join(other.folder, 'mine'));
    const error = await failure(open(addressOf(other, { transport })));
    assert.equal(error.code, 'HostKeyChanged');
    assert.match(error.hint ?? '', /ssh-keygen -R/);
  });

  test(`${transport}: a server that takes a connection and says nothing is given up after ConnectTimeout`, async () => {
    await using sshd = await startSshd();
    await using silent = await relay(() => {});
    const began = performance.now();
    const error = await failure(
      open(addressOf(sshd, { transport, port: silent.port, connectTimeoutSeconds: 1 })),
    );
    assert.equal(error.code, 'Unreachable');
    assert.match(error.message, /^node-1: 127\.0\.0\.1:\d+ /);
    assert.ok(error.hint);
    assert.ok(performance.now() - began < 20_000);
  });

  test(`${transport}: a connection that freezes is noticed by its silence`, async () => {
    await using sshd = await startSshd();
    await using way = await relayTo(sshd.port);
    const knownHosts = join(sshd.folder, 'known');
    await writeFile(knownHosts, sshd.hostKeyLine.replace(`:${sshd.port} `, `:${way.port} `));
    const connection = await open(
      addressOf(sshd, {
        ...{ transport, port: way.port, knownHostsFiles: [knownHosts] },
        ...{ aliveIntervalSeconds: 1, aliveCountMax: 2 },
      }),
    );
    const running = failure(connection.sh('echo started; sleep 60', within(40)));
    await new Promise((resolve) => setTimeout(resolve, 500));
    way.freeze();
    const began = performance.now();
    const error = await running;
    assert.equal(error.code, 'ConnectionLost');
    assert.ok(performance.now() - began < 15_000);
    await connection.close();
  });
}

test('a login that stalls after the key exchange is given up', async () => {
  await using sshd = await startSshd();
  await using way = await relayTo(sshd.port);
  const knownHosts = join(sshd.folder, 'known');
  await writeFile(knownHosts, sshd.hostKeyLine.replace(`:${sshd.port} `, `:${way.port} `));
  // The versions and the proposals pass, the answer to the key exchange does not.
  way.freezeAfter(1000);
  const error = await failure(
    open(addressOf(sshd, { port: way.port, knownHostsFiles: [knownHosts], connectTimeoutSeconds: 1 })),
  );
  assert.equal(error.code, 'Unreachable');
  assert.match(error.message, /^node-1: .* stalls: the SSH handshake did not come within 1 s$/);
});

test('ssh2: a host that allows one session gets one at a time', async () => {
  await using sshd = await startSshd({ config: ['MaxSessions 1'] });
  const connection = await open(addressOf(sshd));
  try {
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, index) => connection.sh(`echo ${index}`, within(30))),
    );
    assert.deepEqual(
      answers.map(({ stdout }) => stdout.trim()),
      ['0', '1', '2', '3', '4', '5'],
    );
  } finally {
    await connection.close();
  }
});

for (const transport of transports) {
  test(`${transport}: twenty commands at once share four channels`, async () => {
    await using sshd = await startSshd();
    const connection = await open(addressOf(sshd, { transport }));
    try {
      await Promise.all(Array.from({ length: 20 }, () => connection.sh('true', within(60))));
      assert.deepEqual([connection.stats().channels, connection.stats().mostChannels], [20, 4]);
    } finally {
      await connection.close();
    }
  });

  test(`${transport}: a server that has as many logins at once as MaxStartups allows is tried again until it has room`, async () => {
    await using sshd = await startSshd({ config: ['MaxStartups 2:100:2', 'LoginGraceTime 60'] });
    await using crowd = await loginsThatStall(sshd.port, 2);
    const notes: string[] = [];
    const opening = open(addressOf(sshd, { transport }), (event) => {
      if (event.kind !== 'note' || event.level !== 'info') return;
      notes.push(event.message);
      if (notes.length === 5) crowd.leave();
    });
    const connection = await opening;
    await connection.close();
    assert.ok(notes.length >= 5);
    for (const note of notes) assert.match(note, /does not complete the SSH handshake: .*trying again in \d/);
    assert.match(await sshd.log(), /drop connection .* past MaxStartups/);
  });

  test(`${transport}: a server that drops connections is tried again`, async () => {
    await using sshd = await startSshd();
    await using way = await relayTo(sshd.port);
    const knownHosts = join(sshd.folder, 'known');
    await writeFile(knownHosts, sshd.hostKeyLine.replace(`:${sshd.port} `, `:${way.port} `));
    way.drop(2);
    const notes: string[] = [];
    const connection = await open(
      addressOf(sshd, { transport, port: way.port, knownHostsFiles: [knownHosts] }),
      (event) => {
        if (event.kind === 'note' && event.level === 'info') notes.push(event.message);
      },
    );
    await connection.close();
    assert.ok(notes.length >= 1);
    // The event names the host: its note begins with what is wrong.
    for (const note of notes) assert.match(note, /^127\.0\.0\.1:\d+ .*trying again in \d/);
  });
}

test('ssh2: a server that never has room is given up with the remedy', async () => {
  await using sshd = await startSshd({ config: ['MaxStartups 1:100:1', 'LoginGraceTime 60'] });
  await using _ = await loginsThatStall(sshd.port, 1);
  const began = performance.now();
  const error = await failure(open(addressOf(sshd)));
  assert.equal(error.code, 'Unreachable');
  assert.match(error.message, /^node-1: 127\.0\.0\.1:\d+ does not complete the SSH handshake/);
  assert.match(error.hint ?? '', /MaxStartups/);
  const seconds = (performance.now() - began) / 1000;
  assert.ok(seconds > 6 && seconds < 45, `gave up after ${seconds} s`);
});

test('keyboard-interactive with several questions: the password for the first, a person for the others', async () => {
  await using sshd = await startSshd();
  await using server = await questioner(['Password: ', 'Code: '], ['secret', '123456'], sshd);
  const asked: string[] = [];
  const connection = await open(
    addressOf(sshd, {
      port: server.port,
      identityFiles: ['/none'],
      knownHostsFiles: [server.knownHosts],
      password: { kind: 'prompt' },
    }),
    () => {},
    (what) => {
      asked.push(what);
      return what === 'Code:' ? '123456' : 'secret';
    },
  );
  await connection.close();
  assert.deepEqual(asked, [`password of root@127.0.0.1`, 'Code:']);
});

/** An SSH server that lets in whoever answers its questions. */
async function questioner(
  prompts: readonly string[],
  answers: readonly string[],
  sshd: Sshd,
): Promise<{ port: number; knownHosts: string } & AsyncDisposable> {
  const { private: key, public: publicKey } = ssh2.utils.generateKeyPairSync('ed25519');
  const clients = new Set<ssh2.Connection>();
  const server = new ssh2.Server({ hostKeys: [key] }, (client) => {
    clients.add(client);
    client.on('error', () => {});
    client.on('authentication', (context) => {
      if (context.method !== 'keyboard-interactive') return context.reject(['keyboard-interactive']);
      context.prompt(
        prompts.map((prompt) => ({ prompt, echo: false })),
        (given) => {
          if (JSON.stringify(given) === JSON.stringify(answers)) context.accept();
          else context.reject();
        },
      );
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = server.address();
  assert.ok(at !== null && typeof at === 'object');
  const { port } = at;
  const knownHosts = join(sshd.folder, 'questioner');
  await writeFile(knownHosts, `[127.0.0.1]:${port} ${publicKey}\n`);
  return {
    port,
    knownHosts,
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.end();
      server.close();
    },
  };
}

/** Connections that a server waits for: greeted, and never heard of. */
async function loginsThatStall(port: number, count: number) {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => {});
    // Its greeting says that it counts this one; it may still count one that has just left.
    const greeted = await Promise.race([
      once(socket, 'data').then(([greeting]) => String(greeting).startsWith('SSH-')),
      once(socket, 'close').then(() => false),
    ]);
    if (greeted) sockets.push(socket);
    else socket.destroy();
  }
  const leave = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return { leave, [Symbol.asyncDispose]: async () => leave() };
}
