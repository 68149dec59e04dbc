import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import type { Connection } from '../../../../src/host/transport/connection.ts';
import { openConnection } from '../../../../src/host/transport/open.ts';
import type { HostAccess, SshAddress } from '../../../../src/profile/profile.ts';
import { failure } from '../../../harness/failure.ts';
import { freePort } from '../../../harness/free-port.ts';
import { relay } from '../../../harness/relay.ts';
import { addressOf, type Sshd, type SshdOptions, startSshd } from '../../../harness/sshd.ts';

const run = promisify(execFile);
const within = (seconds: number) => ({ signal: AbortSignal.timeout(seconds * 1000) });

interface Way {
  readonly ssh?: Partial<SshAddress>;
  readonly host?: Partial<HostAccess>;
  readonly secrets?: (what: string) => string;
  readonly signal?: AbortSignal;
}

const openOver = (
  transport: 'ssh2' | 'openssh',
  sshd: Sshd,
  { ssh, host, secrets, signal }: Way = {},
): Promise<Connection> =>
  openConnection(
    { name: 'node-1', address: { kind: 'local' }, sudo: true, sudoPassword: undefined, ...host },
    addressOf(sshd, { transport, ...ssh }),
    {
      signal: signal ?? AbortSignal.timeout(30_000),
      readSecret: async (_source, what) => {
        if (secrets === undefined) throw new Error(`asked for ${what}`);
        return secrets(what);
      },
      emit: () => {},
    },
  );

/** The agent of the person who runs the tests must not decide them. */
delete process.env['SSH_AUTH_SOCK'];

/** ssh-add asks a program for the passphrase when it has no terminal. */
async function addToAgent(identity: string, passphrase: string, folder: string): Promise<void> {
  const askpass = join(folder, 'askpass');
  await writeFile(askpass, `#!/bin/sh\necho ${passphrase}\n`, { mode: 0o700 });
  await run('ssh-add', ['-q', identity], {
    env: { ...process.env, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force' },
  });
}

const ops = (more: Partial<NonNullable<SshdOptions['user']>> = {}): SshdOptions => ({
  user: { name: 'ops', password: 'a "secret" $x', ...more },
});

const refusals: [
  title: string,
  options: SshdOptions,
  host: Partial<HostAccess>,
  code: string,
  text: RegExp,
][] = [
  ['sudo that wants a password', ops({ sudoers: 'ALL=(ALL) ALL' }), {}, 'NoSudo', /a password is required/],
  ['a user whom sudo does not know', ops(), {}, 'NoSudo', /sudo did not make us root/],
  [
    'a profile without sudo',
    ops({ sudoers: 'ALL=(ALL) NOPASSWD: ALL' }),
    { sudo: false },
    'NoSudo',
    /the profile says sudo: false/,
  ],
  ['a .bashrc that exits', { ...ops(), bashrc: 'echo go away; exit 0' }, {}, 'Unsupported', /go away/],
];

/** The same promises over both transports. */
for (const transport of ['ssh2', 'openssh'] as const) {
  const open = (sshd: Sshd, way?: Way) => openOver(transport, sshd, way);

  test(`${transport}: a command gets its input and gives back output, errors and exit code, at an honest price`, async () => {
    await using sshd = await startSshd();
    const connection = await open(sshd);
    try {
      const script = `read -r line; printf '%s|%s' "$line" "$(cat)"; printf '%s\\n' 'a\\b $x' >&2; exit 42`;
      const result = await connection.sh(script, { ...within(10), input: 'first\nsecond\nlast' });
      assert.deepEqual(result, {
        exitCode: 42,
        signal: undefined,
        stdout: 'first|second\nlast',
        stderr: 'a\\b $x\n',
      });
      const stats = connection.stats();
      assert.equal(stats.channels, 1);
      assert.equal(stats.roundTrips, 10 - 1);
      // Of what OpenSSH sends only what goes through it is seen.
      const least = transport === 'ssh2' ? 1000 : 10;
      assert.ok(stats.bytesSent > least && stats.bytesReceived > least);
    } finally {
      await connection.close();
    }
  });

  test(`${transport}: megabytes go both ways without being mixed up`, async () => {
    await using sshd = await startSshd();
    const connection = await open(sshd);
    try {
      const input = Buffer.alloc(5_000_000, 'berth\n');
      const result = await connection.sh('cat', { ...within(20), input });
      assert.equal(result.stdout.length, input.length);
      assert.ok(Buffer.from(result.stdout).equals(input));
    } finally {
      await connection.close();
    }
  });

  test(`${transport}: a command that a signal ended has no exit code`, async () => {
    await using sshd = await startSshd();
    const connection = await open(sshd);
    try {
      const result = await connection.sh('kill -KILL $$', within(10));
      assert.equal(result.exitCode, undefined);
      // OpenSSH keeps to itself which signal it was.
      assert.equal(result.signal, transport === 'ssh2' ? 'SIGKILL' : 'unknown');
    } finally {
      await connection.close();
    }
  });

  test(`${transport}: an unknown host key is refused, and the printed command accepts it`, async () => {
    await using sshd = await startSshd();
    const file = join(sshd.folder, 'my known hosts'.replaceAll(' ', '-'));
    const error = await failure(open(sshd, { ssh: { knownHostsFiles: [file] } }));
    assert.equal(error.code, 'HostKeyUnknown');
    const command = /then accept it: (echo .*)$/.exec(error.hint ?? '')?.[1];
    assert.ok(command);
    await run('sh', ['-c', command]);
    assert.equal((await readFile(file, 'utf8')).trim(), sshd.hostKeyLine);
    await (await open(sshd, { ssh: { knownHostsFiles: [file] } })).close();
  });

  test(`${transport}: a changed host key is refused, with the line of the file`, async () => {
    await using sshd = await startSshd();
    await using other = await startSshd();
    const [, type, key] = other.hostKeyLine.split(' ');
    await writeFile(sshd.knownHosts, `# old\n[127.0.0.1]:${sshd.port} ${type} ${key}\n`);
    const error = await failure(open(sshd));
    assert.equal(error.code, 'HostKeyChanged');
    assert.ok(error.message.includes(`${sshd.knownHosts}:2`));
  });

  test(`${transport}: of several host keys the server shows the one that is known`, async () => {
    await using sshd = await startSshd({ hostKeys: ['ed25519', 'ecdsa', 'rsa'] });
    for (const type of ['ecdsa', 'rsa']) {
      const key = (await readFile(join(sshd.folder, `host_key_${type}.pub`), 'utf8')).trim();
      const file = join(sshd.folder, `known_${type}`);
      await writeFile(file, `[127.0.0.1]:${sshd.port} ${key}\n`);
      await (await open(sshd, { ssh: { knownHostsFiles: [file] } })).close();
    }
  });

  test(`${transport}: a key with a passphrase is opened by what the person types`, async () => {
    await using sshd = await startSshd();
    const identity = join(sshd.folder, 'locked');
    await run('ssh-keygen', ['-qt', 'ed25519', '-N', 'open sesame', '-f', identity]);
    await writeFile(join(sshd.folder, 'authorized_keys'), await readFile(`${identity}.pub`));
    const asked: string[] = [];
    const secrets = (answer: string) => (what: string) => {
      asked.push(what);
      return answer;
    };
    await (await open(sshd, { ssh: { identityFiles: [identity] }, secrets: secrets('open sesame') })).close();
    assert.deepEqual(asked, [`passphrase of ${identity}`]);
    const error = await failure(
      open(sshd, { ssh: { identityFiles: [identity] }, secrets: secrets('wrong') }),
    );
    assert.equal(error.code, 'AuthenticationFailed');
    assert.match(error.message, /the passphrase does not open/);
  });

  test(`${transport}: a key that the agent holds is used through it, and no passphrase is asked for`, async (t) => {
    await using sshd = await startSshd();
    const identity = join(sshd.folder, 'locked');
    await run('ssh-keygen', ['-qt', 'ed25519', '-N', 'pp', '-f', identity]);
    await writeFile(join(sshd.folder, 'authorized_keys'), await readFile(`${identity}.pub`));
    const socket = join(sshd.folder, 'agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
    await once(agent.stdout, 'data');
    process.env['SSH_AUTH_SOCK'] = socket;
    t.after(async () => {
      delete process.env['SSH_AUTH_SOCK'];
      agent.kill();
      await once(agent, 'exit');
    });
    // A second, useless key: with identityFiles named it must not be offered.
    const other = join(sshd.folder, 'other');
    await run('ssh-keygen', ['-qt', 'ed25519', '-N', '', '-f', other]);
    await run('ssh-add', ['-q', other]);
    await addToAgent(identity, 'pp', sshd.folder);
    await (await open(sshd, { ssh: { identityFiles: [identity] } })).close();
    await (await open(sshd, { ssh: { identityFiles: [] } })).close();
    const error = await failure(open(sshd, { ssh: { identityFiles: [other] } }));
    assert.equal(Array.isArray(error.context['attempts']) && error.context['attempts'].length, 1);
  });

  test(`${transport}: a refused login lists each method that was tried and what the host accepts`, async () => {
    await using sshd = await startSshd();
    const stranger = join(sshd.folder, 'stranger');
    await run('ssh-keygen', ['-qt', 'ed25519', '-N', '', '-f', stranger]);
    const error = await failure(open(sshd, { ssh: { identityFiles: [stranger, '/nonexistent/key'] } }));
    assert.equal(error.code, 'AuthenticationFailed');
    assert.match(error.message, /key \/nonexistent\/key: no such file/);
    assert.match(error.message, /key \S+stranger \(SHA256:\S+\): refused/);
    assert.match(error.message, /The host accepts: publickey/);
  });

  test(`${transport}: a password opens the door where keys do not`, async () => {
    await using sshd = await startSshd(ops({ sudoers: 'ALL=(ALL) NOPASSWD: ALL' }));
    const ssh: Partial<SshAddress> = { user: 'ops', identityFiles: ['/none'], password: { kind: 'prompt' } };
    const connection = await open(sshd, { ssh, secrets: () => 'a "secret" $x' });
    await connection.close();
    const error = await failure(open(sshd, { ssh, secrets: () => 'wrong' }));
    assert.match(error.message, /password: refused/);
  });

  test(`${transport}: keyboard-interactive takes the password too`, async () => {
    await using sshd = await startSshd({
      ...ops(),
      config: ['PasswordAuthentication no', 'KbdInteractiveAuthentication yes'],
      pam: true,
    });
    const ssh: Partial<SshAddress> = { user: 'ops', identityFiles: ['/none'], password: { kind: 'prompt' } };
    await (await open(sshd, { ssh, secrets: () => 'a "secret" $x' })).close();
  });

  test(`${transport}: sudo without a password makes us root, whatever the login shell prints`, async () => {
    await using sshd = await startSshd({
      ...ops({ sudoers: 'ALL=(ALL) NOPASSWD: ALL' }),
      bashrc: 'echo welcome; echo noise >&2; printf "no newline"',
    });
    const connection = await open(sshd, { ssh: { user: 'ops' } });
    try {
      const result = await connection.sh('id -u; cat', { ...within(10), input: 'input' });
      assert.equal(result.stdout, '0\ninput');
    } finally {
      await connection.close();
    }
  });

  test(`${transport}: sudo with a password gets it over standard input, once or again, and never in an argv`, async () => {
    const secret = randomBytes(12).toString('hex');
    const password = `${secret} 'quoted'`;
    await using sshd = await startSshd(ops({ sudoers: 'ALL=(ALL) ALL', password }));
    const connection = await open(sshd, {
      ssh: { user: 'ops' },
      host: { sudoPassword: { kind: 'prompt' } },
      secrets: () => password,
    });
    try {
      for (const input of ['first', 'second']) {
        // The needle stands in a here-document: the search must not find itself.
        const search = 'cat /proc/[0-9]*/cmdline 2>/dev/null | grep -acf /dev/fd/3 3<<X >&2';
        const script = `id -u; cat; ${search}\n${secret}\nX\n`;
        const result = await connection.sh(script, { ...within(20), input });
        assert.equal(result.stdout, `0\n${input}`);
        assert.equal(result.stderr, '0\n');
      }
    } finally {
      await connection.close();
    }
  });

  test(`${transport}: a wrong sudo password is one attempt and a clear failure`, async () => {
    await using sshd = await startSshd(ops({ sudoers: 'ALL=(ALL) ALL' }));
    const connection = await open(sshd, {
      ssh: { user: 'ops' },
      host: { sudoPassword: { kind: 'prompt' } },
      secrets: () => 'wrong',
    });
    try {
      const error = await failure(connection.sh('echo ran', within(20)));
      assert.equal(error.code, 'NoSudo');
      assert.match(error.message, /it refused the password/);
      assert.match(error.hint ?? '', /sudoPassword/);
    } finally {
      await connection.close();
    }
  });

  for (const [title, options, host, code, text] of refusals) {
    test(`${transport}: ${title} is told with its remedy`, async () => {
      await using sshd = await startSshd(options);
      const connection = await open(sshd, { ssh: { user: 'ops' }, host });
      try {
        const error = await failure(connection.sh('echo ran', within(20)));
        assert.equal(error.code, code);
        assert.match(error.message, text);
        assert.ok(error.hint);
      } finally {
        await connection.close();
      }
    });
  }

  test(`${transport}: a connection that is cut ends what runs on it with ConnectionLost`, async () => {
    await using sshd = await startSshd();
    const connection = await open(sshd);
    const running = failure(connection.sh('echo started; sleep 30', within(20)));
    await new Promise((resolve) => setTimeout(resolve, 300));
    sshd.dropConnections();
    const error = await running;
    assert.equal(error.code, 'ConnectionLost');
    assert.match(error.message, /node-1: the connection to root@127\.0\.0\.1:\d+ is gone/);
    assert.equal((await failure(connection.sh('true', within(5)))).code, 'ConnectionLost');
    await connection.close();
  });

  test(`${transport}: a command is given up at its deadline, and the connection goes on`, async () => {
    await using sshd = await startSshd();
    const connection = await open(sshd);
    try {
      const error = await failure(connection.sh('sleep 30', { signal: AbortSignal.timeout(300) }));
      assert.equal(error.code, 'DeadlineExceeded');
      assert.equal((await connection.sh('echo still here', within(5))).stdout, 'still here\n');
    } finally {
      await connection.close();
    }
  });

  test(`${transport}: a host that is not there, and one that is no ssh server, are unreachable with the reason`, async () => {
    await using sshd = await startSshd();
    const refused = await failure(open(sshd, { ssh: { port: 1 } }));
    assert.equal(refused.code, 'Unreachable');
    assert.match(refused.message, /the connection is refused/);
    const unknown = await failure(open(sshd, { ssh: { host: 'no-such-host.invalid' } }));
    assert.equal(unknown.code, 'Unreachable');
    assert.match(unknown.message, /does not resolve/);
    await using web = await relay((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const noSsh = await failure(open(sshd, { ssh: { port: web.port } }));
    assert.equal(noSsh.code, 'Unreachable');
    assert.match(noSsh.message, /does not complete the SSH handshake/);
  });

  test(`${transport}: a server that never answers does not hold us longer than we want`, async () => {
    await using sshd = await startSshd();
    await using silent = await relay(() => {});
    const started = performance.now();
    const error = await failure(open(sshd, { ssh: { port: silent.port }, signal: AbortSignal.timeout(400) }));
    assert.equal(error.code, 'DeadlineExceeded');
    assert.ok(performance.now() - started < 3000);
  });

  test(`${transport}: a port of the host leads to a port of this machine until it is closed`, async () => {
    await using sshd = await startSshd();
    await using echo = await relay((socket) => socket.pipe(socket));
    const connection = await open(sshd);
    try {
      // In the test the host is this machine, so its port must be another one.
      const port = await freePort();
      const forward = await connection.forwardToLocal(port, echo.port);
      const talk = `exec 3<>/dev/tcp/127.0.0.1/${port}; echo hello >&3; read -r answer <&3; echo "$answer"`;
      const through = await connection.sh(`bash -c '${talk}'`, within(10));
      assert.equal(through.stdout, 'hello\n');
      await forward.close();
      const closed = await connection.sh(`bash -c '${talk}'`, within(10));
      assert.match(closed.stderr, /Connection refused/);
    } finally {
      await connection.close();
    }
  });
}
