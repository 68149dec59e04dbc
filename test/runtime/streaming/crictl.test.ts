import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import test, { type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { freePort } from '../../harness/free-port.ts';
import { crictl, crictlPath, startCrictl } from './crictl.ts';
import { startFakeCri } from './fake-cri.ts';
import { LocalSessions } from './local-session.ts';
import { startServer } from './start-server.ts';

const run = promisify(execFile);
const TRANSPORTS = ['spdy', 'websocket'] as const;
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

const withCri = async (t: TestContext) => {
  const { server } = await startServer();
  const sessions = new LocalSessions();
  const cri = await startFakeCri(server, sessions, ['cat']);
  t.after(async () => {
    sessions.killAll();
    await server.close();
    await cri.close();
  });
  return { sessions, endpoint: cri.endpoint };
};

for (const transport of TRANSPORTS) {
  test(`crictl exec over ${transport} prints both outputs and fails when the command does`, async (t) => {
    const { endpoint } = await withCri(t);
    const command = ['sh', '-c', 'echo out; echo err >&2; exit 7'];
    const result = await crictl(endpoint, ['exec', '-r', transport, 'c1', ...command]);
    assert.equal(result.stdout.toString(), 'out\n');
    assert.match(result.stderr, /^err$/m);
    assert.match(result.stderr, /command terminated with exit code 7/);
    assert.equal(result.code, 1);
  });

  test(`crictl exec -i over ${transport} carries 20 MB through the command unchanged`, async (t) => {
    const { endpoint } = await withCri(t);
    const input = randomBytes(20_000_000);
    const result = await crictl(endpoint, ['exec', '-i', '-r', transport, 'c1', 'cat'], input);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(sha256(result.stdout), sha256(input));
  });

  test(`crictl exec -it over ${transport} is a conversation on a terminal of the client's size`, async (t) => {
    const { endpoint, sessions } = await withCri(t);
    const command = `${crictlPath()} --config /dev/null --runtime-endpoint ${endpoint} exec -it -r ${transport} c1 sh`;
    const script = [
      'set timeout 20',
      'log_user 1',
      'set stty_init "rows 33 columns 111"',
      `spawn ${command}`,
      'send "test -t 0 && echo terminal-\\$((40 + 2))\\r"',
      'expect "terminal-42" {} timeout { exit 91 } eof { exit 93 }',
      'send "exit 0\\r"',
      'expect eof {} timeout { exit 92 }',
      'lassign [wait] pid id os status',
      'exit $status',
    ].join('\n');
    const { stdout } = await run('expect', ['-c', script]);
    assert.match(stdout, /terminal-42/);
    assert.deepEqual(sessions.all[0]?.sizes.at(-1), { width: 111, height: 33 });
  });

  test(`crictl attach over ${transport} joins the container's streams`, async (t) => {
    const { endpoint } = await withCri(t);
    const result = await crictl(endpoint, ['attach', '-i', '-r', transport, 'c1'], 'said to the container');
    assert.equal(result.code, 0, result.stderr);
    assert.equal(result.stdout.toString(), 'said to the container');
  });

  test(`crictl exec over ${transport} that is killed takes its command along`, async (t) => {
    const { endpoint, sessions } = await withCri(t);
    const command = ['c1', 'sh', '-c', 'echo up; exec sleep 600'];
    const client = startCrictl(endpoint, ['exec', '-r', transport, ...command]);
    await once(client.stdout, 'data');
    client.kill('SIGKILL');
    await sessions.ended();
    assert.equal(sessions.all[0]?.child.signalCode, 'SIGKILL');
  });

  test(`crictl port-forward over ${transport} reaches an HTTP server`, async (t) => {
    const { endpoint } = await withCri(t);
    const body = randomBytes(5_000_000);
    const web = createServer((_request, response) => response.end(body)).listen(0, '127.0.0.1');
    t.after(() => web.close());
    await once(web, 'listening');
    const [remote, local] = [portOf(web), await freePort()];
    const client = startCrictl(endpoint, ['port-forward', '-r', transport, 'p1', `${local}:${remote}`]);
    t.after(() => client.kill('SIGKILL'));
    await once(client.stdout, 'data');
    for (let round = 0; round < 3; round++) {
      const answer = await fetch(`http://127.0.0.1:${local}/`, { headers: { connection: 'close' } });
      assert.equal(sha256(Buffer.from(await answer.arrayBuffer())), sha256(body));
    }
  });
}

const portOf = (server: { address(): unknown }): number => {
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null && 'port' in address);
  return Number(address.port);
};
