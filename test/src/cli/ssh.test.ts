import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { type Sshd, startSshd } from '../../harness/sshd.ts';
import { berth, runBerth } from './run-berth.ts';

const run = promisify(execFile);

/** A server, and a profile beside it that reaches it in every way. */
async function fleet(): Promise<{ sshd: Sshd; profile: string } & AsyncDisposable> {
  const sshd = await startSshd({ user: { name: 'ops', password: 'x', sudoers: 'ALL=(ALL) NOPASSWD: ALL' } });
  const profile = join(sshd.folder, 'berth.yaml');
  await writeFile(
    profile,
    `defaults:
  ssh: { user: root, port: ${sshd.port}, identityFiles: [id], knownHostsFiles: [known_hosts], useConfig: false }
hosts:
  - { name: library, ssh: { host: 127.0.0.1 } }
  - { name: program, ssh: { host: 127.0.0.1, transport: openssh } }
  - { name: sudo, ssh: { host: 127.0.0.1, user: ops } }
  - { name: gone, ssh: { host: 127.0.0.1, port: 1 } }
  - { name: here, local: {} }
`,
  );
  return { sshd, profile, [Symbol.asyncDispose]: () => sshd[Symbol.asyncDispose]() };
}

const reachable = ['library', 'program', 'sudo', 'here'];

test('berth ssh runs a command as root, with its input, outputs and exit code', async () => {
  await using at = await fleet();
  for (const name of reachable) {
    const child = spawn(berth, ['ssh', name, '--', 'id -u; cat; echo complaint >&2; exit 9'], {
      cwd: at.sshd.folder,
    });
    const heard = { out: '', err: '' };
    child.stdout.on('data', (chunk) => {
      heard.out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      heard.err += chunk;
    });
    child.stdin.end('from standard input');
    const [code] = await once(child, 'close');
    assert.deepEqual(
      { name, code, ...heard },
      { name, code: 9, out: '0\nfrom standard input', err: 'complaint\n' },
    );
  }
});

test('several words are a program and its arguments as they stand', async () => {
  await using at = await fleet();
  const ran = await runBerth([
    'ssh',
    'library',
    '-p',
    at.profile,
    '--',
    'printf',
    '%s|',
    'a b',
    '$x',
    "it's",
  ]);
  assert.deepEqual(ran, { exitCode: 0, stdout: "a b|$x|it's|", stderr: '' });
});

test('with a terminal the command gets one of this size and follows it, and the exit code comes back', async () => {
  await using at = await fleet();
  for (const name of reachable) {
    const words = `-t -- {tty; read y; stty size; read x; echo got-$x; exit 5}`;
    const { stdout } = await run('expect', [
      '-c',
      `set timeout 20
set stty_init "rows 31 columns 97"
spawn -noecho ${berth} ssh ${name} -p ${at.profile} ${words}
expect "/dev/pts/" {} timeout {exit 90}
stty rows 40 columns 120 < $spawn_out(slave,name)
after 300
send "\\r"
expect "40 120" {} timeout {exit 92}
send "hey\\r"
expect "got-hey" {} timeout {exit 91}
expect eof
lassign [wait] pid id os status
puts "status $status"`,
    ]).catch((error: { stdout: string }) => assert.fail(`${name}: ${error.stdout}`));
    assert.match(stdout, /40 120/, name);
    assert.match(stdout, /status 5/, name);
  }
});

test('berth ssh names a host that is not there, a missing terminal and a host that cannot be reached', async () => {
  await using at = await fleet();
  const ssh = (...args: string[]) => runBerth(['ssh', ...args], { cwd: at.sshd.folder });
  const mistyped = await ssh('librari', '--', 'true');
  assert.equal(mistyped.exitCode, 10);
  assert.match(mistyped.stderr, /librari is no host of berth\.yaml \[\w+\]\nhint: did you mean library\?/);
  const shell = await ssh('library');
  assert.equal(shell.exitCode, 10);
  assert.match(shell.stderr, /there is no terminal for a shell/);
  const asUser = await ssh('library', '--no-sudo', '--', 'id');
  assert.equal(asUser.exitCode, 10);
  assert.match(
    asUser.stderr,
    /--no-sudo was given \[\w+\]\nhint: .*berth ssh library --no-sudo --terminal -- COMMAND/,
  );
  const gone = await ssh('gone', '--', 'true');
  assert.equal(gone.exitCode, 11);
  assert.match(gone.stderr, /gone: 127\.0\.0\.1:1 cannot be reached: the connection is refused/);
});

test('berth hosts lists how hosts are reached, and with --check what they are', async () => {
  await using at = await fleet();
  const listed = await runBerth(['hosts', at.profile]);
  assert.equal(listed.exitCode, 0);
  assert.match(listed.stdout, new RegExp(`^program +127\\.0\\.0\\.1:${at.sshd.port} +root +openssh$`, 'm'));
  assert.match(listed.stdout, /^here +this machine +local$/m);
  const checked = await runBerth(['hosts', at.profile, '--check', '--json']);
  assert.equal(checked.exitCode, 11);
  const { hosts } = checked.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .find(({ kind }) => kind === 'hosts');
  const seen = hosts.map((host: { host: string; seen?: { arch: string } }) => [host.host, host.seen?.arch]);
  const arch = (await run('uname', ['-m'])).stdout.trim();
  assert.deepEqual(seen, [
    ['library', arch],
    ['program', arch],
    ['sudo', arch],
    ['gone', undefined],
    ['here', arch],
  ]);
});
