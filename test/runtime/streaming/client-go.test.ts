import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildClientGo, clientGoExec, clientGoForward } from './client-go.ts';
import { dialLoopback } from './dial-loopback.ts';
import { LocalSessions } from './local-session.ts';
import { startServer } from './start-server.ts';

const TRANSPORTS = ['spdy', 'websocket'] as const;
const EVERYTHING = { stdin: true, stdout: true, stderr: true, tty: false, resize: false };
const OUTPUTS = { ...EVERYTHING, stdin: false };
const HUNDRED_MB = 100_000_000;

test.before(buildClientGo, { timeout: 600_000 });

/** A server whose sessions are processes of this machine, gone with the test. */
const withSessions = async (t: TestContext) => {
  // Fifty clients at once, on a busy machine: as long as berthd itself gives them.
  const { server, lines } = await startServer({ creationTimeoutMs: 30_000, tokenTtlMs: 60_000 });
  const sessions = new LocalSessions();
  t.after(async () => {
    sessions.killAll();
    await server.close();
  });
  const urlFor = (argv: readonly string[], streams = EVERYTHING) =>
    server.execUrl(streams, () => sessions.open(argv));
  return { server, sessions, urlFor, lines };
};

for (const transport of TRANSPORTS) {
  const exec = (urls: readonly string[], ...flags: readonly string[]) =>
    clientGoExec(urls, '-transport', transport, ...flags);

  test(`client-go over ${transport} gets both outputs and the exit code`, async (t) => {
    const { urlFor } = await withSessions(t);
    const [result] = await exec([urlFor(['sh', '-c', 'echo out; echo err >&2; exit 42'], OUTPUTS)]);
    assert.equal(result?.exitCode, 42);
    assert.equal(result?.error, '');
    assert.equal(result?.stdoutHead, 'out\n');
    assert.equal(result?.stderr, 'err\n');
  });

  test(`client-go over ${transport} learns of success, of every exit code and of a signal`, async (t) => {
    const { urlFor } = await withSessions(t);
    const commands = ['exit 0', 'exit 1', 'exit 255', 'kill -9 $$'];
    const results = await exec(commands.map((command) => urlFor(['sh', '-c', command], OUTPUTS)));
    assert.deepEqual(
      results.map(({ exitCode, error }) => ({ exitCode, error })),
      [0, 1, 255, 137].map((exitCode) => ({ exitCode, error: '' })),
    );
  });

  test(`client-go over ${transport} is told why a session could not be opened`, async (t) => {
    const { urlFor } = await withSessions(t);
    const [result] = await exec([urlFor(['/no/such/program'], OUTPUTS)]);
    assert.match(
      result?.error ?? '',
      /error executing command in container: spawn \/no\/such\/program ENOENT/,
    );
  });

  test(`client-go over ${transport} sends 100 MB through cat and gets them back unchanged`, async (t) => {
    const { urlFor } = await withSessions(t);
    const [result] = await exec([urlFor(['cat'])], '-stdin-bytes', `${HUNDRED_MB}`);
    assert.equal(result?.exitCode, 0);
    assert.equal(result?.stdoutBytes, HUNDRED_MB);
    assert.equal(result?.stdoutSha256, result?.stdinSha256);
    t.diagnostic(`100 MB there and back in ${result?.milliseconds} ms`);
  });

  test(`client-go over ${transport} ends its stdin and still reads all that the process says after it`, async (t) => {
    const { urlFor } = await withSessions(t);
    const [result] = await exec([urlFor(['sh', '-c', 'wc -c; echo after'])], '-stdin-bytes', '1000');
    assert.equal(result?.stdoutHead, '1000\nafter\n');
  });

  test(`client-go over ${transport} gets the exit code of a process that never read its stdin`, async (t) => {
    const { urlFor } = await withSessions(t);
    const [result] = await exec([urlFor(['sh', '-c', 'sleep 0.2; exit 5'])], '-stdin-bytes', `${HUNDRED_MB}`);
    assert.equal(result?.exitCode, 5);
  });

  test(`client-go over ${transport} that is slow to read loses nothing`, async (t) => {
    const { urlFor } = await withSessions(t);
    const command = ['head', '-c', '20000000', '/dev/zero'];
    const [result] = await exec([urlFor(command, OUTPUTS)], '-read-pause', '500ms');
    assert.equal(result?.stdoutBytes, 20_000_000);
    assert.equal(result?.exitCode, 0);
  });

  test(`client-go over ${transport} sends terminal sizes`, async (t) => {
    const { server, sessions } = await withSessions(t);
    const url = server.execUrl({ ...OUTPUTS, stderr: false, tty: true, resize: true }, () =>
      sessions.open(['sleep', '0.5']),
    );
    const [result] = await exec([url], '-tty', '-sizes', '80x24,132x43');
    assert.equal(result?.exitCode, 0);
    assert.deepEqual(sessions.all[0]?.sizes.at(-1), { width: 132, height: 43 });
  });

  test(`client-go over ${transport} that walks away takes its process along`, async (t) => {
    const { sessions, urlFor } = await withSessions(t);
    const [result] = await exec([urlFor(['sleep', '600'])], '-stdin-bytes', '10', '-cancel-after', '300ms');
    assert.match(result?.error ?? '', /context deadline exceeded/);
    await sessions.ended();
    assert.equal(sessions.all[0]?.child.signalCode, 'SIGKILL');
  });

  test(`fifty clients over ${transport} at once do not mix up their bytes`, async (t) => {
    const { urlFor } = await withSessions(t);
    const urls = Array.from({ length: 50 }, (_, index) => urlFor(['sh', '-c', `wc -c; exit ${index}`]));
    const results = await exec(urls, '-stdin-bytes', '500000');
    assert.deepEqual(
      results.map(({ exitCode, stdoutHead }) => `${exitCode} ${stdoutHead}`),
      urls.map((_, index) => `${index} 500000\n`),
    );
  });

  test(`client-go over ${transport} forwards forty connections at once, each closed one way after the other`, async (t) => {
    const { server } = await withSessions(t);
    const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(
      0,
      '127.0.0.1',
    );
    t.after(() => echo.close());
    await once(echo, 'listening');
    const address = echo.address();
    assert.ok(typeof address === 'object' && address !== null);
    const flags = [
      '-transport',
      transport,
      '-port',
      `${address.port}`,
      '-connections',
      '40',
      '-bytes',
      '1000000',
    ];
    const results = await clientGoForward(server.portForwardUrl(dialLoopback), ...flags);
    assert.equal(results.length, 40);
    for (const result of results) {
      assert.equal(result.error, '');
      assert.equal(result.receivedBytes, 1_000_000);
      assert.equal(result.receivedSha256, result.sentSha256);
    }
  });

  test(`client-go over ${transport} is cut off when a forwarded port cannot be reached`, async (t) => {
    const { server, lines } = await withSessions(t);
    const dial = () => Promise.reject(new Error('nobody listens'));
    const flags = ['-transport', transport, '-port', '1', '-connections', '1', '-bytes', '10'];
    const [result] = await clientGoForward(server.portForwardUrl(dial), ...flags);
    assert.equal(result?.receivedBytes, 0);
    await sleep(10);
    assert.match(lines.join(''), /port-forward failed port=1 error=.*nobody listens/);
  });
}

for (const protocol of ['v3.channel.k8s.io', 'v2.channel.k8s.io']) {
  test(`client-go over spdy with ${protocol} is told of a failure in words`, async (t) => {
    const { urlFor } = await withSessions(t);
    const [failed] = await clientGoExec([urlFor(['sh', '-c', 'exit 3'], OUTPUTS)], '-protocols', protocol);
    assert.match(failed?.error ?? '', /command terminated with non-zero exit code: 3/);
    const [passed] = await clientGoExec([urlFor(['cat'])], '-protocols', protocol, '-stdin-bytes', '5000');
    assert.equal(passed?.error, '');
    assert.equal(passed?.stdoutSha256, passed?.stdinSha256);
  });
}

test('client-go over websocket with v4 gets its exit code', async (t) => {
  const { urlFor } = await withSessions(t);
  const flags = ['-transport', 'websocket', '-protocols', 'v4.channel.k8s.io'];
  const [result] = await clientGoExec([urlFor(['sh', '-c', 'echo out; exit 9'], OUTPUTS)], ...flags);
  assert.equal(result?.exitCode, 9);
  assert.equal(result?.stdoutHead, 'out\n');
});
